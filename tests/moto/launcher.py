"""Runs moto as a stricter AWS for the tests: an inactive key is refused, every call is noted, and
faults can be ordered.

Started by mod.rs with the interpreter of its virtual environment. Prints `port N` once it listens on
127.0.0.1:N, and ends when its standard input does, so that it never outlives the test. With --tls it
speaks TLS, with a certificate it has just signed itself.

Beside the AWS calls it answers these, all POST with a JSON body and a JSON answer:

    /stanch/user      {"name", "policy"?}     a user and its inline policy, if there isn't one yet
    /stanch/key       {"user"}                a new access key: [id, secret]
    /stanch/delete    {"user"}                removes a user and its keys
    /stanch/keys      {"user"}                [[id, status], ...] as they really are
    /stanch/role      {"name", "policy"?}     a session of a new role: [id, secret, token]
    /stanch/fault     {"fault"}               orders one, see Faults
    /stanch/calls     {}                      [[access key id, "service:Action"], ...] in order
"""

import io
import json
import logging
import os
import re
import socket
import sys
import threading
import time
import urllib.parse
from xml.sax.saxutils import escape

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam import access_control
from moto.iam.models import iam_backends
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sts.models import sts_backends
from werkzeug.serving import make_server
from werkzeug.wrappers import Response

REGION = "us-east-1"


def refuse_inactive_keys():
    """moto looks up a key and checks its signature, but not its status. AWS answers an inactive key
    as it answers an unknown one."""
    original = access_control.IAMUserAccessKey.__init__

    def checked(self, *args, **kwargs):
        original(self, *args, **kwargs)
        for user in self.backend.list_users("/", None, None):
            for key in user.access_keys:
                if key.access_key_id == self._access_key_id and key.status != "Active":
                    raise access_control.CreateAccessKeyFailure(reason="InvalidId")

    access_control.IAMUserAccessKey.__init__ = checked


def as_aws_words_it(response):
    """moto words a refusal in another service's XML, where IAM and STS have but one error."""
    if response.status_code >= 400 and b"<Errors>" in response.data:
        one = response.data.replace(b"<Errors>", b"").replace(b"</Errors>", b"")
        response.data = one
        response.content_type = "text/xml"


def iam():
    return iam_backends[DEFAULT_ACCOUNT_ID]["aws"]


class Faults:
    """Orders of the form `when=Action:what[:times]`, each used up after `times` calls (1 if not said).

    before=Action:500       answers that HTTP status with a page of HTML; does nothing
    before=Action:drop      cuts the connection; does nothing
    before=Action:timeout   never answers; does nothing
    before=Action:Code      answers that AWS error code with HTTP 400; does nothing
    after=Action:drop       does it, then cuts the connection
    after=Action:timeout    does it, then never answers
    after=Action:500        does it, then answers that HTTP status
    throttle=Action:n       the next n calls are answered Throttling
    stale=Action:n          the next n calls get the answer of the last one that was asked the same
    clear                   takes all orders back
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.orders = []

    def order(self, text):
        if text == "clear":
            with self.lock:
                self.orders.clear()
            return
        when, rest = text.split("=", 1)
        action, what, *times = rest.split(":")
        if when in ("throttle", "stale"):
            what, times = when, [what]
        with self.lock:
            self.orders.append([when, action, what, int(times[0]) if times else 1])

    def take(self, action, *moments):
        with self.lock:
            for order in self.orders:
                if order[0] in moments and order[1] == action and order[3] > 0:
                    order[3] -= 1
                    return order[2]
        return None


class Launcher:
    """The WSGI application: notes the call, applies the faults, and lets moto do the rest."""

    def __init__(self):
        self.moto = DomainDispatcherApplication(create_backend_app)
        self.faults = Faults()
        self.calls = []
        self.answers = {}

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"]
        if path.startswith("/stanch/"):
            answer = getattr(self, "do_" + path.rsplit("/", 1)[1])(**json.loads(body or b"{}"))
            return Response(json.dumps(answer), mimetype="application/json")(environ, start_response)
        return self.aws_call(environ, start_response, body)

    def aws_call(self, environ, start_response, body):
        action = urllib.parse.parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
        signed = environ.get("HTTP_AUTHORIZATION", "")
        scope = re.search(r"Credential=([^,/]+)/[^/]*/[^/]*/([^/,]+)/", signed)
        key, service = scope.groups() if scope else ("", "")
        if action:
            self.calls.append((key, f"{service}:{action}"))
        fault = self.faults.take(action, "before", "throttle", "stale")
        if fault == "stale" and (key, body) in self.answers:
            return self.answers[key, body](environ, start_response)
        if fault and fault != "stale":
            return self.fail(fault, environ, start_response)
        response = Response.from_app(self.moto, environ, buffered=True)
        as_aws_words_it(response)
        self.answers[key, body] = response
        fault = self.faults.take(action, "after")
        if fault:
            return self.fail(fault, environ, start_response)
        return response(environ, start_response)

    def fail(self, fault, environ, start_response):
        if fault == "throttle":
            fault = "Throttling"
        if fault == "timeout":
            time.sleep(3600)
        if fault in ("drop", "timeout"):
            environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
            # Written to nobody.
            return Response()(environ, start_response)
        if fault.isdigit():
            page = "<html><body>the front door is on fire</body></html>"
            response = Response(page, status=int(fault), mimetype="text/html")
        else:
            # AWS, too, repeats the request in some messages, after the first line.
            repeated = escape("".join(f"\n{name}: {value}" for name, value in environ.items()))
            message = f"<Message>as ordered{repeated}</Message>"
            error = f"<Error><Type>Sender</Type><Code>{fault}</Code>{message}</Error>"
            text = f"<ErrorResponse>{error}<RequestId>ordered</RequestId></ErrorResponse>"
            response = Response(text, status=400, mimetype="text/xml")
        return response(environ, start_response)

    def do_user(self, name, policy=None):
        if name not in iam().users:
            iam().create_user(REGION, name)
        if policy:
            iam().put_user_policy(name, "test", json.dumps(policy))

    def do_key(self, user):
        key = iam().create_access_key(user)
        return [key.access_key_id, key.secret_access_key]

    def do_delete(self, user):
        for key in list(iam().list_access_keys(user)):
            iam().delete_access_key(key.access_key_id, user)
        del iam().users[user]

    def do_keys(self, user):
        return [[key.access_key_id, key.status] for key in iam().list_access_keys(user)]

    def do_role(self, name, policy=None):
        trust = json.dumps({"Version": "2012-10-17", "Statement": []})
        role = iam().create_role(name, trust, "/", None, "", [], "3600", None)
        if policy:
            iam().put_role_policy(name, "test", json.dumps(policy))
        session = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assume_role(
            REGION, "test", role.arn, None, 3600, None
        )
        return [session.access_key_id, session.secret_access_key, session.session_token]

    def do_fault(self, fault):
        self.faults.order(fault)

    def do_calls(self):
        return self.calls


def end_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    refuse_inactive_keys()
    server = make_server(
        "127.0.0.1",
        0,
        Launcher(),
        threaded=True,
        request_handler=MotoRequestHandler,
        ssl_context="adhoc" if "--tls" in sys.argv else None,
    )
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    print(f"port {server.server_port}", flush=True)
    server.serve_forever()


main()
