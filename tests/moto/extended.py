"""The AWS calls moto doesn't have, from AWS's documentation: CloudTrail's LookupEvents (truthful, since
the launcher sees every call), SimulatePrincipalPolicy, permissions boundaries of users,
service-specific credentials, service last accessed data, the regions of an account; and the quotas and
refusals of IAM that moto leaves out.
"""

import base64
import datetime
import json
import re
import secrets
import time
import uuid
from xml.sax.saxutils import escape

import policies
from moto.core import DEFAULT_ACCOUNT_ID
from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy
from moto.sts.models import sts_backends
from policies import as_list, iam
from werkzeug.wrappers import Response

# All the inline policies of a user together, without white space.
USER_POLICY_QUOTA = 2048
REGIONS = ["eu-central-1", "us-east-1", "us-west-2"]
PAGE = 50
QUARANTINE = "AWSCompromisedKeyQuarantine"


class Refused(Exception):
    def __init__(self, code, message, status=400):
        super().__init__(message)
        self.code, self.message, self.status = code, message, status


def missing(what):
    return Refused("NoSuchEntity", f"{what} cannot be found.", 404)


def load_managed_policies():
    """A few of AWS's own policies; all of them would take a second. The fourth edition of the quarantine
    is not in moto: it stands here with the text of the third."""
    data = json.loads(aws_managed_policies_data)
    data[QUARANTINE + "V4"] = data[QUARANTINE + "V3"]
    names = ["AWSDenyAll", "AdministratorAccess", "ReadOnlyAccess"]
    for name in names + [QUARANTINE + edition for edition in ("", "V2", "V3", "V4")]:
        policy = AWSManagedPolicy.from_data(name, DEFAULT_ACCOUNT_ID, "us-east-1", data[name])
        iam().managed_policies[policy.arn] = policy


def xml(value):
    if isinstance(value, dict):
        return "".join(f"<{name}>{xml(one)}</{name}>" for name, one in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{xml(one)}</member>" for one in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime.datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    return escape(str(value))


def xml_answer(action, result):
    body = f"<{action}Result>{xml(result)}</{action}Result>"
    meta = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    return Response(f"<{action}Response>{body}{meta}</{action}Response>", mimetype="text/xml")


def now():
    return datetime.datetime.now(datetime.timezone.utc)


class Extended:
    def __init__(self):
        self.credentials = []
        self.events = []
        self.lookups = {}
        self.jobs = set()
        self.report_is_slow = False

    # IAM

    def iam_PutUserPermissionsBoundary(self, params):
        user, arn = iam().get_user(params["UserName"]), params["PermissionsBoundary"]
        if arn not in iam().managed_policies:
            raise missing(f"Policy {arn}")
        policies.BOUNDARIES[user.name] = arn
        return {}

    def iam_DeleteUserPermissionsBoundary(self, params):
        user = iam().get_user(params["UserName"])
        if policies.BOUNDARIES.pop(user.name, None) is None:
            raise missing(f"The permissions boundary of {user.name}")
        return {}

    def iam_ListServiceSpecificCredentials(self, params):
        user = iam().get_user(params["UserName"]).name
        wanted = params.get("ServiceName")
        listed = [
            {name: value for name, value in one.items() if name != "Secret"}
            for one in self.credentials
            if one["UserName"] == user and wanted in (None, one["ServiceName"])
        ]
        return {"ServiceSpecificCredentials": listed, "IsTruncated": False}

    def iam_CreateServiceSpecificCredential(self, params):
        user, service = iam().get_user(params["UserName"]).name, params["ServiceName"]
        mine = [c for c in self.credentials if (c["UserName"], c["ServiceName"]) == (user, service)]
        if len(mine) >= 2:
            raise Refused("LimitExceeded", "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2", 409)
        made = {
            "UserName": user,
            "Status": "Active",
            "ServiceUserName": f"{user}-at-{DEFAULT_ACCOUNT_ID}",
            "ServiceCredentialAlias": f"{user}+{len(self.credentials) + 1}-at-{DEFAULT_ACCOUNT_ID}",
            "CreateDate": now(),
            "ServiceSpecificCredentialId": "ACCA" + secrets.token_hex(8).upper(),
            "ServiceName": service,
        }
        self.credentials.append(made)
        return {"ServiceSpecificCredential": self.with_secret(made)}

    def iam_ResetServiceSpecificCredential(self, params):
        return {"ServiceSpecificCredential": self.with_secret(self.credential(params))}

    def with_secret(self, credential):
        text = f"{credential['ServiceCredentialAlias']}:{secrets.token_urlsafe(24)}"
        credential["Secret"] = "ABSK" + base64.b64encode(text.encode()).decode()
        told = {name: value for name, value in credential.items() if name != "Secret"}
        return {**told, "ServicePassword": "", "ServiceCredentialSecret": credential["Secret"]}

    def credential(self, params):
        wanted = params.get("UserName"), params["ServiceSpecificCredentialId"]
        for one in self.credentials:
            if (one["UserName"], one["ServiceSpecificCredentialId"]) == wanted:
                return one
        raise missing(f"The service specific credential {wanted[1]}")

    def iam_UpdateServiceSpecificCredential(self, params):
        self.credential(params)["Status"] = params["Status"]
        return {}

    def iam_DeleteServiceSpecificCredential(self, params):
        self.credentials.remove(self.credential(params))
        return {}

    def iam_GenerateServiceLastAccessedDetails(self, params):
        user = params["Arn"].rsplit("/", 1)[-1]
        iam().get_user(user)
        job = str(uuid.uuid4())
        self.jobs.add((job, user))
        return {"JobId": job}

    def iam_GetServiceLastAccessedDetails(self, params):
        job = params["JobId"]
        user = next((user for one, user in self.jobs if one == job), None)
        if user is None:
            raise missing(f"Job {job}")
        last = {}
        for event in self.events:
            if event["user"] == user:
                last[event["service"]] = event
        services = [
            {
                "ServiceName": service,
                "ServiceNamespace": service,
                "LastAuthenticated": event["at"],
                "LastAuthenticatedRegion": event["region"],
                "TotalAuthenticatedEntities": 1,
            }
            for service, event in sorted(last.items())
        ]
        return {
            "JobStatus": "COMPLETED",
            "JobCreationDate": now(),
            "JobCompletionDate": now(),
            "ServicesLastAccessed": services,
            "IsTruncated": False,
        }

    def iam_SimulatePrincipalPolicy(self, params):
        arn = params["PolicySourceArn"]
        if ":role/" in arn:
            name, documents = None, list(self.documents_of_role(arn.rsplit("/", 1)[-1]))
        else:
            name = iam().get_user(arn.rsplit("/", 1)[-1]).name
            documents = list(self.documents_of(name))
        actions = [params[f"ActionNames.member.{i}"] for i in range(1, 200) if f"ActionNames.member.{i}" in params]
        return {"EvaluationResults": [self.simulated(name, documents, action) for action in actions], "IsTruncated": False}

    def simulated(self, user, documents, action):
        allowed, denied, lacks = [], [], set()
        for source, document in documents:
            for statement in as_list(document["Statement"]):
                result, without = policies.result_of(statement, action, "*", {})
                lacks |= without
                (allowed if result else denied if result is False else []).append(source)
        boundary = policies.boundary_document(user) if user else None
        results = [
            policies.result_of(statement, action, "*", {})[0]
            for statement in as_list((boundary or {}).get("Statement", []))
        ]
        bounded = boundary is None or (True in results and False not in results)
        decision = "explicitDeny" if denied else "allowed" if allowed and bounded else "implicitDeny"
        matched = denied or (allowed if bounded else [])
        return {
            "EvalActionName": action,
            "EvalResourceName": "*",
            "EvalDecision": decision,
            "MatchedStatements": [{"SourcePolicyId": source, "SourcePolicyType": "IAM Policy"} for source in matched],
            "MissingContextValues": sorted(lacks),
            **({} if boundary is None else {"PermissionsBoundaryDecisionDetail": {"AllowedByPermissionsBoundary": bounded}}),
        }

    def documents_of(self, name):
        user = iam().get_user(name)
        for policy, document in user.policies.items():
            yield f"user_{name}_{policy}", json.loads(document)
        for arn, policy in user.managed_policies.items():
            yield arn.rsplit("/", 1)[-1], policies.document_of(policy)
        for group in iam().get_groups_for_user(name):
            for policy, document in group.policies.items():
                yield f"group_{group.name}_{policy}", json.loads(document)
            for arn, policy in group.managed_policies.items():
                yield arn.rsplit("/", 1)[-1], policies.document_of(policy)

    def documents_of_role(self, name):
        role = iam().get_role(name)
        for policy, document in role.policies.items():
            yield f"role_{name}_{policy}", document if isinstance(document, dict) else json.loads(document)
        for arn, policy in role.managed_policies.items():
            yield arn.rsplit("/", 1)[-1], policies.document_of(policy)

    # What IAM refuses and moto doesn't.

    def refuse_iam(self, action, params):
        if action == "PutUserPolicy" and params["UserName"] in iam().users:
            others = dict(iam().get_user(params["UserName"]).policies)
            others[params["PolicyName"]] = params["PolicyDocument"]
            if sum(len(re.sub(r"\s", "", text)) for text in others.values()) > USER_POLICY_QUOTA:
                raise Refused("LimitExceeded", f"Maximum policy size of {USER_POLICY_QUOTA} bytes exceeded for user {params['UserName']}", 409)
        if action in ("PutRolePolicy", "DeleteRolePolicy"):
            role = iam().get_role(params["RoleName"])
            if role.path.startswith(("/aws-service-role/", "/aws-reserved/")):
                raise Refused("UnmodifiableEntity", f"Cannot perform the operation on the protected role '{role.name}'")

    def after_iam(self, action, params, response):
        if action == "GetUser" and response.status_code == 200:
            arn = policies.BOUNDARIES.get(params.get("UserName"))
            if arn:
                kind = "<PermissionsBoundaryType>PermissionsBoundaryPolicy</PermissionsBoundaryType>"
                text = f"<PermissionsBoundary>{kind}<PermissionsBoundaryArn>{arn}</PermissionsBoundaryArn></PermissionsBoundary></User>"
                response.data = response.data.replace(b"</User>", text.encode())

    # CloudTrail and the account

    def account_ListRegions(self, params):
        return {"Regions": [{"RegionName": name, "RegionOptStatus": "ENABLED_BY_DEFAULT"} for name in REGIONS]}

    def cloudtrail_LookupEvents(self, params, region):
        # Two requests a second, for each region.
        recent = [at for at in self.lookups.get(region, []) if at > time.monotonic() - 1]
        if len(recent) >= 2:
            raise Refused("ThrottlingException", "Rate exceeded")
        self.lookups[region] = recent + [time.monotonic()]
        wanted = params["LookupAttributes"][0]
        field = {"AccessKeyId": "key", "Username": "user"}[wanted["AttributeKey"]]
        found = [
            event
            for event in reversed(self.events)
            if event["region"] == region
            and event[field] == wanted["AttributeValue"]
            and params["StartTime"] <= event["at"].timestamp() <= params["EndTime"]
        ]
        start = int(params.get("NextToken") or 0)
        end = start + min(PAGE, params.get("MaxResults", PAGE))
        answer = {"Events": [self.event(event) for event in found[start:end]]}
        if end < len(found):
            answer["NextToken"] = str(end)
        return answer

    def event(self, event):
        told = {
            "eventVersion": "1.09",
            "userIdentity": event["identity"],
            "eventTime": event["at"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            "eventSource": f"{event['service']}.amazonaws.com",
            "eventName": event["action"],
            "awsRegion": event["region"],
            "sourceIPAddress": event["ip"],
            "userAgent": event["agent"],
            "requestParameters": event["params"] or None,
            "responseElements": event["response"],
            "eventID": event["id"],
            **({"errorCode": event["error"]} if event["error"] else {}),
        }
        return {
            "EventId": event["id"],
            "EventName": event["action"],
            "ReadOnly": str(event["action"].startswith(("Get", "List", "Describe"))).lower(),
            "AccessKeyId": event["key"],
            "EventTime": event["at"].timestamp(),
            "EventSource": f"{event['service']}.amazonaws.com",
            "Username": event["user"],
            "Resources": [],
            "CloudTrailEvent": json.dumps(told),
        }

    def note(self, key, service, region, action, params, environ, response):
        """What CloudTrail would have written of a call: never a secret."""
        if not key or service in ("s3", "cloudtrail-data"):
            return
        user, identity = self.identity(key)
        text = response.get_data(as_text=True)
        code = re.search(r"<Code>([^<]+)</Code>", text) or re.search(r'"__type": ?"([^"]+)"', text)
        error = code.group(1) if response.status_code >= 400 and code else None
        params = {
            name[:1].lower() + name[1:]: value
            for name, value in params.items()
            if name not in ("Action", "Version", "Password", "SecretString")
        }
        answered = None
        made = re.search(r"<AccessKeyId>([^<]+)</AccessKeyId>", text)
        if made and action == "CreateAccessKey":
            answered = {"accessKey": {"accessKeyId": made.group(1), "userName": params.get("userName")}}
        elif made and action in ("AssumeRole", "GetSessionToken", "GetFederationToken"):
            answered = {"credentials": {"accessKeyId": made.group(1)}}
        self.events.append({
            "id": str(uuid.uuid4()),
            "at": now(),
            "key": key,
            "user": user,
            "identity": identity,
            "service": service,
            "region": region,
            "action": action,
            "params": params,
            "response": answered,
            "error": error,
            "ip": environ.get("REMOTE_ADDR", "127.0.0.1"),
            "agent": environ.get("HTTP_USER_AGENT", "nobody"),
        })

    def identity(self, key):
        about = {"accountId": DEFAULT_ACCOUNT_ID, "accessKeyId": key}
        for session in sts_backends[DEFAULT_ACCOUNT_ID]["aws"].assumed_roles:
            if session.access_key_id == key:
                issuer = {"type": "Role", "arn": session.role_arn, "accountId": DEFAULT_ACCOUNT_ID}
                context = {"sessionContext": {"sessionIssuer": issuer}}
                return session.session_name, {"type": "AssumedRole", "arn": session.arn, **about, **context}
        user = policies.SESSIONS[key][2] if key in policies.SESSIONS else None
        user = user or next((u.name for u in iam().users.values() if any(k.access_key_id == key for k in u.access_keys)), None)
        if user is None:
            return None, {"type": "Unknown", **about}
        arn = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/{user}"
        return user, {"type": "IAMUser", "arn": arn, "userName": user, **about}

    # Bedrock, to which a key of its own is shown as it is.

    def bedrock(self, bearer):
        known = next((one for one in self.credentials if one.get("Secret") == bearer), None)
        if known is None or known["Status"] != "Active":
            message = "Authentication failed: Please make sure your API Key is valid."
            return Response(json.dumps({"Message": message}), status=403, mimetype="application/json", headers={"x-amzn-errortype": "AccessDeniedException"})
        return Response(json.dumps({"modelSummaries": []}), mimetype="application/json")
