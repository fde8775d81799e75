"""Runs moto as a stricter AWS for the tests: an inactive key is refused, every call is noted, and
faults can be ordered.

Started by mod.rs with the interpreter of its virtual environment. Prints `port N` once it listens on
127.0.0.1:N, and ends when its standard input does, so that it never outlives the test. With --tls it
speaks TLS, with a certificate it has just signed itself.

Beside the AWS calls it answers these, all POST with a JSON body and a JSON answer:

    /stanch/user      {"name", "policy"?}     a user and its inline policy, if there isn't one yet
    /stanch/key       {"user"}                a new access key: [id, secret]
    /stanch/delete    {"user"}                removes a user and its keys
    /stanch/keys      {"user", "if_any"?}     [[id, status], ...] as they really are
    /stanch/role      {"name", "policy"?, "path"?, "trusts"?}
                                              a session of a new role, which a user may assume:
                                              [id, secret, token]
    /stanch/policies  {"user"}                the names of its policies: [[inline], [attached]]
    /stanch/parameters {"action"}             what was asked in each such call, as the log has it
    /stanch/age       {"minutes"}             makes all that was noted for the log so much older
    /stanch/fault     {"fault"}               orders one, see Faults
    /stanch/calls     {}                      [[access key id, "service:Action"], ...] in order
    /stanch/rounds    {"since"}               how many calls, of those since the given number, had to
                                              wait for another: the round trips one after the other
    /stanch/session   {"user"}                a session of a user: [id, secret, token]
    /stanch/as        {"key", "service", "action", "params"?, "region"?, "ip"?, "target"?}
                                              makes a signed call as that key: [HTTP status, body]

What moto lacks is in extended.py and policies.py.
"""

import datetime
import io
import json
import logging
import os
import re
import secrets
import socket
import sys
import threading
import time
import urllib.parse
from email.utils import formatdate
from xml.sax.saxutils import escape

import extended
import policies
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from moto import settings
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam import access_control
from moto.iam.exceptions import NoSuchEntity
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from moto.sts.models import sts_backends
from policies import iam
from werkzeug.exceptions import HTTPException
from werkzeug.serving import make_server
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request, Response

REGION = "us-east-1"

# Those that answer errors in JSON.
JSON_SERVICES = ("cloudtrail", "account", "logs", "athena")


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


def query(body):
    return {name: values[0] for name, values in urllib.parse.parse_qs(body.decode("utf-8", "replace")).items()}


class Faults:
    """Orders of the form `when=Action:what[:times]`, each used up after `times` calls (1 if not said).
    `Action@user` are the calls about that user alone.

    before=Action:500       answers that HTTP status with a page of HTML; does nothing
    before=Action:drop      cuts the connection; does nothing
    before=Action:timeout   never answers; does nothing
    before=Action:Code      answers that AWS error code with HTTP 400; does nothing
    after=Action:drop       does it, then cuts the connection
    after=Action:timeout    does it, then never answers
    after=Action:500        does it, then answers that HTTP status
    after=Action@user:hold  does it, and answers once the user is let go of
    let-go=user             answers what is held, and holds nothing of that user any more
    throttle=Action:n       the next n calls are answered Throttling
    stale=Action:n          the next n calls get the answer of the last one that was asked the same
    lie=Action[:times]      answers that it is done, and doesn't do it
    deaf=region             cuts every connection to that region, until `clear`
    slow=milliseconds       every call takes that long, until `clear`
    skew=seconds            the server's clock is that far ahead, until `clear`
    clear                   takes all orders back
    """

    def __init__(self):
        self.lock = threading.Lock()
        self.orders = []
        self.lasting = {}
        self.holds = {}

    def order(self, text):
        if text == "clear":
            with self.lock:
                self.orders.clear()
                self.lasting.clear()
            return
        when, rest = text.split("=", 1)
        if when == "let-go":
            return self.hold(rest).set()
        if when in ("deaf", "slow", "skew"):
            self.lasting[when] = rest
            return
        if when == "lie":
            rest = rest.replace(":", ":lie:", 1) if ":" in rest else f"{rest}:lie"
        action, what, *times = rest.split(":")
        if when in ("throttle", "stale"):
            what, times = when, [what]
        with self.lock:
            self.orders.append([when, action, what, int(times[0]) if times else 1])

    def hold(self, user):
        with self.lock:
            return self.holds.setdefault(user, threading.Event())

    def take(self, action, user, *moments):
        names = (action, f"{action}@{user}")
        with self.lock:
            for order in self.orders:
                if order[0] in moments and order[1] in names and order[3] > 0:
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
        self.extended = extended.Extended()

    def __call__(self, environ, start_response):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = io.BytesIO(body)
        path = environ["PATH_INFO"]
        if path.startswith("/stanch/"):
            answer = getattr(self, "do_" + path.rsplit("/", 1)[1])(**json.loads(body or b"{}"))
            return Response(json.dumps(answer), mimetype="application/json")(environ, start_response)
        return self.aws_call(environ, start_response, body)

    def aws_call(self, environ, start_response, body):
        began = time.monotonic()
        signed = environ.get("HTTP_AUTHORIZATION", "")
        if signed.startswith("Bearer "):
            self.calls.append(["", "bedrock:ListFoundationModels", began, began])
            return self.extended.bedrock(signed.removeprefix("Bearer "))(environ, start_response)
        scope = re.search(r"Credential=([^,/]+)/[^/]*/([^/]*)/([^/,]+)/", signed)
        key, region, service = scope.groups() if scope else ("", "", "")
        target = environ.get("HTTP_X_AMZ_TARGET", "")
        params = json.loads(body or b"{}") if target or service == "account" else query(body)
        action = target.rsplit(".", 1)[-1] or params.get("Action", "")
        if service == "account":
            action = environ["PATH_INFO"].strip("/")
            action = action[:1].upper() + action[1:]
        call = [key, f"{service}:{action}", began, None]
        if action:
            self.calls.append(call)
        time.sleep(int(self.faults.lasting.get("slow", 0)) / 1000)
        try:
            return self.answer(environ, start_response, body, (key, region, service, action, params))
        finally:
            call[3] = time.monotonic()

    def answer(self, environ, start_response, body, call):
        key, region, service, action, params = call
        if self.faults.lasting.get("deaf") == region:
            return self.fail("drop", environ, start_response)
        skew = int(self.faults.lasting.get("skew", 0))
        if abs(skew) > 300 and not self.is_in_time(environ, skew):
            return self.error("SignatureDoesNotMatch", "Signature expired", 403)(environ, start_response)
        user = params.get("UserName")
        fault = self.faults.take(action, user, "before", "throttle", "stale", "lie")
        if fault == "stale" and (key, body) in self.answers:
            return self.answers[key, body](environ, start_response)
        if fault == "lie":
            return extended.xml_answer(action, {})(environ, start_response)
        if fault and fault != "stale":
            return self.fail(fault, environ, start_response, is_json=service in JSON_SERVICES)
        policies.begin(key, environ, service, params)
        response = self.do(environ, body, call)
        as_aws_words_it(response)
        self.extended.note(key, service, region, action, params, environ, response)
        self.answers[key, body] = response
        fault = self.faults.take(action, user, "after")
        if fault == "hold":
            self.faults.hold(user).wait()
        elif fault:
            return self.fail(fault, environ, start_response)
        return response(environ, start_response)

    def is_in_time(self, environ, skew):
        """AWS takes signatures that were made within five minutes of its own clock."""
        signed = datetime.datetime.strptime(environ["HTTP_X_AMZ_DATE"], "%Y%m%dT%H%M%SZ")
        signed = signed.replace(tzinfo=datetime.timezone.utc).timestamp()
        return abs(time.time() + skew - signed) <= 300

    def do(self, environ, body, call):
        key, region, service, action, params = call
        handler = getattr(self.extended, f"{service}_{action}", None)
        is_json = service in JSON_SERVICES
        try:
            if handler:
                self.authorize(environ, body, action)
                if service == "cloudtrail":
                    answer = handler(params, region)
                else:
                    answer = handler(params)
                if is_json:
                    return Response(json.dumps(answer), mimetype="application/x-amz-json-1.1")
                return extended.xml_answer(action, answer)
            if service == "iam":
                self.extended.refuse_iam(action, params)
        except extended.Refused as refused:
            return self.error(refused.code, refused.message, refused.status, is_json)
        except (access_control.NotFoundException, NoSuchEntity) as gone:
            return self.error("NoSuchEntity", gone.message, 404, is_json)
        except HTTPException as refused:
            code = getattr(refused, "error_type", None) or refused.name
            return self.error(code, getattr(refused, "message", ""), refused.code, is_json)
        response = Response.from_app(self.moto, environ, buffered=True)
        if service == "iam":
            self.extended.after_iam(action, params, response)
        if is_json and response.status_code >= 400:
            # moto words a refusal in XML there, too.
            code = re.search(rb"<Code>([^<]+)</Code>", response.data)
            if code:
                return self.error(code.group(1).decode(), "as moto says", response.status_code, is_json)
        return response

    def authorize(self, environ, body, action):
        """As moto does it for its own calls."""
        if ActionAuthenticatorMixin.request_count < settings.INITIAL_NO_AUTH_ACTION_COUNT:
            return
        request = access_control.IAMRequest(
            account_id=DEFAULT_ACCOUNT_ID,
            method=environ["REQUEST_METHOD"],
            path=environ["PATH_INFO"],
            data={},
            body=body,
            headers=dict(Request(environ).headers.items()),
            action=action,
        )
        request.check_signature()
        request.check_action_permitted("*")

    def error(self, code, message, status, is_json=False):
        if is_json:
            text = json.dumps({"__type": code, "message": message})
            return Response(text, status=status, mimetype="application/x-amz-json-1.1", headers={"x-amzn-errortype": code})
        error = f"<Error><Type>Sender</Type><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
        text = f"<ErrorResponse>{error}<RequestId>ordered</RequestId></ErrorResponse>"
        return Response(text, status=status, mimetype="text/xml")

    def fail(self, fault, environ, start_response, is_json=False):
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
            repeated = "".join(f"\n{name}: {value}" for name, value in environ.items())
            response = self.error(fault, f"as ordered{repeated}", 400, is_json)
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

    def do_keys(self, user, if_any=False):
        if if_any and user not in iam().users:
            return []
        return [[key.access_key_id, key.status] for key in iam().list_access_keys(user)]

    def do_role(self, name, policy=None, path="/", trusts=None):
        trusted = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/{trusts}"
        statement = {"Effect": "Allow", "Principal": {"AWS": trusted}, "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"]}
        trust = json.dumps({"Version": "2012-10-17", "Statement": [statement] if trusts else []})
        role = iam().create_role(name, trust, path, None, "", [], "3600", None)
        if policy:
            iam().put_role_policy(name, "test", json.dumps(policy))
        session = sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assume_role(
            REGION, "test", role.arn, None, 3600, None
        )
        return [session.access_key_id, session.secret_access_key, session.session_token]

    def do_fault(self, fault):
        self.faults.order(fault)

    def do_calls(self):
        return [call[:2] for call in self.calls]

    def do_rounds(self, since):
        rounds, free = 0, 0.0
        for _, _, began, ended in sorted(self.calls[since:], key=lambda call: call[3]):
            if began >= free:
                rounds, free = rounds + 1, ended
        return rounds

    def do_parameters(self, action):
        return [event["params"] for event in self.extended.events if event["action"] == action]

    def do_age(self, minutes):
        for event in self.extended.events:
            event["at"] -= datetime.timedelta(minutes=minutes)

    def do_policies(self, user):
        return [sorted(iam().get_user(user).policies), sorted(p.name for p in iam().get_user(user).managed_policies.values())]

    def do_session(self, user):
        iam().get_user(user)
        key = "ASIA" + iam().create_temp_access_key().access_key_id[4:]
        issued = datetime.datetime.now(datetime.timezone.utc)
        policies.SESSIONS[key] = (secrets.token_hex(20), secrets.token_hex(64), user, issued)
        return [key, *policies.SESSIONS[key][:2]]

    def do_as(self, key, service, action, params=None, region=REGION, ip="127.0.0.1", target=None):
        """A call that is signed, sent, decided about and noted as if it had come over the network."""
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}
        if target:
            data = json.dumps(params or {})
            headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"{target}.{action}"}
        else:
            data = urllib.parse.urlencode({"Action": action, "Version": "2010-05-08", **(params or {})})
        host = f"{service}.{region}.amazonaws.com"
        request = AWSRequest("POST", f"https://{host}/", data=data, headers={**headers, "Host": host})
        SigV4Auth(Credentials(*key), service, region).add_auth(request)
        sent = dict(request.headers.items())
        builder = EnvironBuilder("/", base_url=f"https://{host}", method="POST", data=data.encode(), headers=sent)
        environ = {**builder.get_environ(), "REMOTE_ADDR": ip, "HTTP_USER_AGENT": "somebody/1.0"}
        answer = Response.from_app(self, environ, buffered=True)
        return [answer.status_code, answer.get_data(as_text=True)]


class Handler(MotoRequestHandler):
    """Tells the time, which a fault can make wrong."""

    launcher = None

    def date_time_string(self, timestamp=None):
        skew = int(self.launcher.faults.lasting.get("skew", 0))
        return formatdate((timestamp or time.time()) + skew, usegmt=True)


def end_with_standard_input():
    sys.stdin.buffer.read()
    os._exit(0)


def main():
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    refuse_inactive_keys()
    policies.install()
    extended.load_managed_policies()
    Handler.launcher = Launcher()
    server = make_server(
        "127.0.0.1",
        0,
        Handler.launcher,
        threaded=True,
        request_handler=Handler,
        ssl_context="adhoc" if "--tls" in sys.argv else None,
    )
    threading.Thread(target=end_with_standard_input, daemon=True).start()
    print(f"port {server.server_port}", flush=True)
    server.serve_forever()


main()
