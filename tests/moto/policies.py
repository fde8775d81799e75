"""How AWS decides, where moto doesn't: conditions, resources, permissions boundaries and sessions of
users, as AWS's documentation describes them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
"""

import datetime
import fnmatch
import ipaddress
import json
import threading

from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam import access_control
from moto.iam.models import iam_backends
from moto.sts.models import STSBackend

# What is known of the request that is being decided about, by thread.
REQUEST = threading.local()

# Sessions of users (GetSessionToken): key id -> (secret, token, user, when).
SESSIONS = {}
# When the sessions of roles began: key id -> when.
ISSUED = {}
# The permissions boundaries of users: name -> ARN.
BOUNDARIES = {}

NEGATED = {
    "NotIpAddress": "IpAddress",
    "StringNotEquals": "StringEquals",
    "StringNotLike": "StringLike",
    "ArnNotEquals": "ArnLike",
    "ArnNotLike": "ArnLike",
}


def iam():
    return iam_backends[DEFAULT_ACCOUNT_ID]["aws"]


def as_list(value):
    return value if isinstance(value, list) else [value]


def is_like(pattern, text):
    # Brackets mean nothing to IAM.
    return fnmatch.fnmatchcase(text, pattern.replace("[", "[[]"))


def moment(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def compares(operator, wanted, actual):
    if operator == "IpAddress":
        return ipaddress.ip_address(actual) in ipaddress.ip_network(wanted, strict=False)
    if operator == "DateLessThan":
        return moment(actual) < moment(wanted)
    if operator == "Bool":
        return str(wanted).lower() == actual.lower()
    if operator in ("StringEquals", "ArnEquals"):
        return str(wanted) == actual
    if operator in ("StringLike", "ArnLike"):
        return is_like(str(wanted), actual)
    raise ValueError(f"the launcher knows no condition operator {operator}")


def conditions_hold(conditions, context):
    for operator, pairs in conditions.items():
        name, optional = operator.removesuffix("IfExists"), operator.endswith("IfExists")
        negated, name = name in NEGATED, NEGATED.get(name, name)
        for key, wanted in pairs.items():
            actual = context.get(key.lower())
            if actual is None:
                # A key that isn't there: only "not ..." and "... if exists" hold.
                if negated or optional:
                    continue
                return False
            if any(compares(name, one, actual) for one in as_list(wanted)) == negated:
                return False
    return True


def concerns(statement, action, resource):
    """Whether a statement is about the action and the resource."""

    def matches(element, text):
        return any(is_like(pattern.lower(), text.lower()) for pattern in as_list(element))

    if "NotAction" in statement:
        about_action = not matches(statement["NotAction"], action)
    else:
        about_action = matches(statement["Action"], action)
    if "NotResource" in statement:
        return about_action and not matches(statement["NotResource"], resource)
    return about_action and matches(statement.get("Resource", "*"), resource)


def result_of(statement, action, resource, context):
    """What a statement says: True, False, or None where it says nothing; and the context it lacks."""
    if not concerns(statement, action, resource):
        return None, set()
    conditions = statement.get("Condition", {})
    keys = {key for pairs in conditions.values() for key in pairs}
    lacks = {key for key in keys if key.lower() not in context}
    if not conditions_hold(conditions, context):
        return None, lacks
    return statement["Effect"] == "Allow", lacks


def resource_of(service, params):
    """The ARN of what a call is about."""
    if service == "secretsmanager" and "SecretId" in params:
        return f"arn:aws:secretsmanager:us-east-1:{DEFAULT_ACCOUNT_ID}:secret:{params['SecretId']}-AbCdEf"
    if service == "ssm" and "Name" in params:
        return f"arn:aws:ssm:us-east-1:{DEFAULT_ACCOUNT_ID}:parameter/{params['Name'].lstrip('/')}"
    for name, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group")):
        if name in params:
            return f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:{kind}/{params[name]}"
    return params.get("PolicyArn") or params.get("RoleArn") or "*"


def decide(statement, action, resource="*", principal=None, values=None):
    """Replaces moto's IAMPolicyStatement.is_action_permitted."""
    raw = statement._statement
    if principal is not None:
        return ORIGINAL(statement, action, resource, principal, values)
    request = getattr(REQUEST, "context", {})
    result, _ = result_of(raw, action, getattr(REQUEST, "resource", resource), request)
    return {
        True: access_control.PermissionResult.PERMITTED,
        False: access_control.PermissionResult.DENIED,
        None: access_control.PermissionResult.NEUTRAL,
    }[result]


ORIGINAL = access_control.IAMPolicyStatement.is_action_permitted


def document_of(policy):
    if isinstance(policy, str):
        return json.loads(policy)
    if isinstance(policy, dict):
        return json.loads(policy["policy_document"])
    version = next(version for version in policy.versions if version.is_default)
    return json.loads(version.document)


def boundary_document(user):
    arn = BOUNDARIES.get(user)
    return document_of(iam().managed_policies[arn]) if arn else None


def within_the_boundary(user, action):
    document = boundary_document(user)
    if document is None:
        return True
    resource = getattr(REQUEST, "resource", "*")
    results = [
        result_of(statement, action, resource, REQUEST.context)[0]
        for statement in as_list(document["Statement"])
    ]
    return True in results and False not in results


class UserSessionKey(access_control.IAMUserAccessKey):
    """The key of a session of a user, who has the user's rights."""

    def __init__(self, account_id, partition, access_key_id, headers):
        self.account_id, self.partition = account_id, partition
        self._access_key_id = access_key_id
        self._secret_access_key, self._token, self._owner_user_name, _ = SESSIONS[access_key_id]
        if headers["X-Amz-Security-Token"] != self._token:
            raise access_control.CreateAccessKeyFailure(reason="InvalidToken")

    def create_credentials(self):
        return access_control.Credentials(
            self._access_key_id, self._secret_access_key, self._token
        )


def install():
    access_control.IAMPolicyStatement.is_action_permitted = decide
    create_access_key = access_control.create_access_key

    def key_or_session(account_id, partition, access_key_id, headers):
        if access_key_id in SESSIONS:
            return UserSessionKey(account_id, partition, access_key_id, headers)
        return create_access_key(account_id, partition, access_key_id, headers)

    access_control.create_access_key = key_or_session

    check = access_control.IAMRequestBase.check_action_permitted

    def check_within_boundary(self, resource):
        check(self, resource)
        user = getattr(self._access_key, "_owner_user_name", None)
        always = self._action == "sts:GetCallerIdentity"
        if user and not always and not within_the_boundary(user, self._action):
            self._raise_access_denied()

    access_control.IAMRequestBase.check_action_permitted = check_within_boundary

    who = STSBackend.get_caller_identity

    def who_or_session(self, access_key_id, region):
        if access_key_id in SESSIONS:
            user = iam().get_user(SESSIONS[access_key_id][2])
            return user.id, user.arn, user.account_id
        return who(self, access_key_id, region)

    STSBackend.get_caller_identity = who_or_session

    assume = STSBackend.assume_role

    def assume_and_note(self, *args, **kwargs):
        role = assume(self, *args, **kwargs)
        ISSUED[role.access_key_id] = datetime.datetime.now(datetime.timezone.utc)
        return role

    STSBackend.assume_role = assume_and_note


def begin(key, environ, service, params):
    """Notes what is known of a request before anything decides about it."""
    began = SESSIONS[key][3] if key in SESSIONS else ISSUED.get(key)
    context = {
        "aws:sourceip": environ.get("REMOTE_ADDR", "127.0.0.1"),
        "aws:viaawsservice": "false",
        "aws:tokenissuetime": began and began.isoformat(),
        "iam:policyarn": params.get("PolicyArn"),
        "iam:permissionsboundary": params.get("PermissionsBoundary"),
    }
    REQUEST.context = {name: value for name, value in context.items() if value}
    REQUEST.resource = resource_of(service, params)
