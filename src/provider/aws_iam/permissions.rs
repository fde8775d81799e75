//! Which calls the driver makes, for what, and so which permissions it needs: the one table from which
//! plans, error messages and the printed policies are made.

use serde_json::{Value, json};

use super::TrailLogs;
use crate::provider::{Call, Operation};

pub(super) const WHO_AM_I: &str = "sts:GetCallerIdentity";
pub(super) const LAST_USED: &str = "iam:GetAccessKeyLastUsed";
pub(super) const LIST: &str = "iam:ListAccessKeys";
pub(super) const UPDATE: &str = "iam:UpdateAccessKey";
pub(super) const CREATE: &str = "iam:CreateAccessKey";
pub(super) const DELETE: &str = "iam:DeleteAccessKey";

pub(super) const GET_USER: &str = "iam:GetUser";
pub(super) const USER_TAGS: &str = "iam:ListUserTags";
pub(super) const ATTACHED: &str = "iam:ListAttachedUserPolicies";
pub(super) const INLINE: &str = "iam:ListUserPolicies";
pub(super) const USER_POLICY: &str = "iam:GetUserPolicy";
pub(super) const GROUPS: &str = "iam:ListGroupsForUser";
pub(super) const GROUP_ATTACHED: &str = "iam:ListAttachedGroupPolicies";
pub(super) const GROUP_INLINE: &str = "iam:ListGroupPolicies";
pub(super) const GROUP_POLICY: &str = "iam:GetGroupPolicy";
pub(super) const POLICY: &str = "iam:GetPolicy";
pub(super) const POLICY_VERSION: &str = "iam:GetPolicyVersion";
pub(super) const MFA: &str = "iam:ListMFADevices";
pub(super) const LOGIN: &str = "iam:GetLoginProfile";
pub(super) const SSH_KEYS: &str = "iam:ListSSHPublicKeys";
pub(super) const CERTIFICATES: &str = "iam:ListSigningCertificates";
pub(super) const SERVICE_KEYS: &str = "iam:ListServiceSpecificCredentials";
pub(super) const REPORT: &str = "iam:GenerateCredentialReport";
pub(super) const REPORT_GET: &str = "iam:GetCredentialReport";
pub(super) const ACCESSED: &str = "iam:GenerateServiceLastAccessedDetails";
pub(super) const ACCESSED_GET: &str = "iam:GetServiceLastAccessedDetails";
pub(super) const SIMULATE: &str = "iam:SimulatePrincipalPolicy";

pub(super) const LOOKUP: &str = "cloudtrail:LookupEvents";
pub(super) const REGIONS: &str = "account:ListRegions";

pub(super) const START_QUERY: &str = "logs:StartQuery";
pub(super) const QUERY_RESULTS: &str = "logs:GetQueryResults";
pub(super) const ATHENA_START: &str = "athena:StartQueryExecution";
pub(super) const ATHENA_ASK: &str = "athena:GetQueryExecution";
pub(super) const ATHENA_RESULTS: &str = "athena:GetQueryResults";

pub(super) const TAG: &str = "iam:TagUser";
pub(super) const UNTAG: &str = "iam:UntagUser";
pub(super) const PUT_POLICY: &str = "iam:PutUserPolicy";
pub(super) const DELETE_POLICY: &str = "iam:DeleteUserPolicy";
pub(super) const ATTACH: &str = "iam:AttachUserPolicy";
pub(super) const DETACH: &str = "iam:DetachUserPolicy";
pub(super) const PUT_BOUNDARY: &str = "iam:PutUserPermissionsBoundary";
pub(super) const DELETE_BOUNDARY: &str = "iam:DeleteUserPermissionsBoundary";
pub(super) const GET_ROLE: &str = "iam:GetRole";
pub(super) const ROLE_ATTACHED: &str = "iam:ListAttachedRolePolicies";
pub(super) const ROLE_INLINE: &str = "iam:ListRolePolicies";
pub(super) const ROLE_POLICY: &str = "iam:GetRolePolicy";
pub(super) const PUT_ROLE_POLICY: &str = "iam:PutRolePolicy";
pub(super) const DELETE_ROLE_POLICY: &str = "iam:DeleteRolePolicy";

pub(super) const UPDATE_SERVICE_KEY: &str = "iam:UpdateServiceSpecificCredential";
pub(super) const CREATE_SERVICE_KEY: &str = "iam:CreateServiceSpecificCredential";
pub(super) const DELETE_SERVICE_KEY: &str = "iam:DeleteServiceSpecificCredential";

/// Handing a replacement to a secret of Secrets Manager.
pub(crate) const DESCRIBE_SECRET: &str = "secretsmanager:DescribeSecret";
pub(crate) const GET_SECRET: &str = "secretsmanager:GetSecretValue";
pub(crate) const PUT_SECRET: &str = "secretsmanager:PutSecretValue";
pub(crate) const MOVE_STAGE: &str = "secretsmanager:UpdateSecretVersionStage";

/// Handing a replacement to Parameter Store.
pub(crate) const GET_PARAMETER: &str = "ssm:GetParameter";
pub(crate) const PUT_PARAMETER: &str = "ssm:PutParameter";

/// What a leaked key is used for before it is stopped everywhere.
const CREATE_LOGIN: &str = "iam:CreateLoginProfile";
const UPDATE_LOGIN: &str = "iam:UpdateLoginProfile";

/// The tag of a restricted user; its value is the incident.
pub(super) const TAG_KEY: &str = "leak-response";

/// What the policies of AWS's own that quarantine a leaked key are called, before their edition.
pub(super) const QUARANTINE: &str = "AWSCompromisedKeyQuarantine";

/// The kinds of power, each a statement of its own in the printed policy: what isn't wanted is struck
/// out whole.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Power {
    Look,
    StopKeys,
    Narrow,
    NarrowAttached,
    EndRoleSessions,
    ReplaceKeys,
}

use Operation::{Create, Delete, Disable, Enable, Evidence, Lift, Observe, Restrict, Review};

/// Each call, the power it belongs to, and the operations that make it, in the order of a run.
const TABLE: &[(&str, Power, &[Operation])] = &[
    (LAST_USED, Power::Look, &[Observe]),
    (LIST, Power::Look, &[Observe, Evidence]),
    (GET_USER, Power::Look, &[Evidence, Restrict, Lift]),
    (USER_TAGS, Power::Look, &[Evidence, Restrict, Lift]),
    (ATTACHED, Power::Look, &[Evidence, Restrict, Lift]),
    (INLINE, Power::Look, &[Evidence]),
    (USER_POLICY, Power::Look, &[Evidence, Restrict, Lift]),
    (GET_ROLE, Power::Look, &[Evidence]),
    (ROLE_ATTACHED, Power::Look, &[Evidence]),
    (ROLE_INLINE, Power::Look, &[Evidence]),
    (ROLE_POLICY, Power::Look, &[Evidence, Restrict, Lift]),
    (GROUPS, Power::Look, &[Evidence]),
    (GROUP_ATTACHED, Power::Look, &[Evidence]),
    (GROUP_INLINE, Power::Look, &[Evidence]),
    (GROUP_POLICY, Power::Look, &[Evidence]),
    (POLICY, Power::Look, &[Evidence, Restrict]),
    (POLICY_VERSION, Power::Look, &[Evidence]),
    (MFA, Power::Look, &[Evidence]),
    (LOGIN, Power::Look, &[Evidence]),
    (SSH_KEYS, Power::Look, &[Evidence]),
    (CERTIFICATES, Power::Look, &[Evidence]),
    (SERVICE_KEYS, Power::Look, &[Evidence]),
    (REPORT, Power::Look, &[Evidence]),
    (REPORT_GET, Power::Look, &[Evidence]),
    (ACCESSED, Power::Look, &[Evidence]),
    (ACCESSED_GET, Power::Look, &[Evidence]),
    (SIMULATE, Power::Look, &[Evidence]),
    (REGIONS, Power::Look, &[Review]),
    (LOOKUP, Power::Look, &[Review]),
    (UPDATE, Power::StopKeys, &[Disable, Enable]),
    (UPDATE_SERVICE_KEY, Power::StopKeys, &[]),
    (TAG, Power::Narrow, &[Restrict, Lift]),
    (UNTAG, Power::Narrow, &[Lift]),
    (PUT_POLICY, Power::Narrow, &[Restrict, Lift]),
    (DELETE_POLICY, Power::Narrow, &[Lift]),
    (PUT_BOUNDARY, Power::Narrow, &[Restrict, Lift]),
    (DELETE_BOUNDARY, Power::Narrow, &[Lift]),
    (ATTACH, Power::NarrowAttached, &[Restrict]),
    (DETACH, Power::NarrowAttached, &[Lift]),
    (PUT_ROLE_POLICY, Power::EndRoleSessions, &[Restrict, Lift]),
    (DELETE_ROLE_POLICY, Power::EndRoleSessions, &[Lift]),
    (CREATE, Power::ReplaceKeys, &[Create]),
    (DELETE, Power::ReplaceKeys, &[Delete]),
    (CREATE_SERVICE_KEY, Power::ReplaceKeys, &[]),
    (DELETE_SERVICE_KEY, Power::ReplaceKeys, &[]),
];

/// Returns the calls of an operation on access keys, in order.
pub(super) fn calls(operation: Operation) -> Vec<Call> {
    let own = TABLE.iter().filter(|(_, _, operations)| operations.contains(&operation));
    listed(own.map(|(call, ..)| *call))
}

/// Returns calls as a plan shows them, after the question who the responder is. Each needs the
/// permission of its own name.
pub(super) fn listed(calls: impl IntoIterator<Item = &'static str>) -> Vec<Call> {
    let who = Call { name: WHO_AM_I.to_owned(), permission: None };
    let then = calls
        .into_iter()
        .map(|name| Call { name: name.to_owned(), permission: Some(name.to_owned()) });
    std::iter::once(who).chain(then).collect()
}

/// What its holder is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Whoever only looks: plans, evidence, the provider's log.
    Observer,
    /// Whoever contains, too.
    Responder,
    /// Whoever hands a replacement to Secrets Manager or Parameter Store: a responder with `--deliver-to`
    /// has both policies.
    Delivery,
    /// Nobody's: a service control policy for the organisation, set before it is needed.
    RaceGuard,
}

/// Returns the IAM policy that lets its holder do its duty and nothing else.
///
/// They hold no `sts:GetCallerIdentity`, which needs no permission. A responder's `iam:PutUserPolicy` and
/// `iam:CreateAccessKey` are themselves ways to more power: give the policy to a role that is assumed for
/// an incident, and narrow its resources to the path of the users that may be contained.
pub fn policy(duty: Duty) -> Value {
    policy_with_logs(duty, &TrailLogs::default())
}

/// Returns the same policy with statements for the operator's own logs, as far as some are configured.
pub fn policy_with_logs(duty: Duty, logs: &TrailLogs) -> Value {
    match duty {
        Duty::Observer | Duty::Responder => {}
        Duty::Delivery => return json!({ "Version": "2012-10-17", "Statement": delivering() }),
        Duty::RaceGuard => return json!({ "Version": "2012-10-17", "Statement": [guarding()] }),
    }
    let user = "arn:aws:iam::*:user/*";
    let mut statements = vec![statement("StanchLooks", Power::Look, "*", None)];
    statements.extend(searching(logs));
    if duty == Duty::Responder {
        let quarantine = format!("arn:aws:iam::aws:policy/{QUARANTINE}*");
        let only = json!({ "ArnLike": { "iam:PolicyARN": quarantine } });
        statements.extend([
            statement("StanchStopsKeys", Power::StopKeys, user, None),
            statement("StanchNarrowsUsers", Power::Narrow, user, None),
            statement("StanchQuarantinesUsers", Power::NarrowAttached, user, Some(only)),
            statement(
                "StanchEndsRoleSessions",
                Power::EndRoleSessions,
                "arn:aws:iam::*:role/*",
                None,
            ),
            statement("StanchReplacesKeys", Power::ReplaceKeys, user, None),
            json!({
                "Sid": "StanchLeavesTheWayBack",
                "Effect": "Deny",
                "Action": "iam:*",
                "Resource": [
                    "arn:aws:iam::*:user/break-glass/*",
                    "arn:aws:iam::*:role/break-glass/*",
                ],
            }),
        ]);
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// Returns the statements that let their holder deliver. A secret under a key of the operator's own needs
/// that key's `kms:Decrypt` and `kms:GenerateDataKey` besides: which key that is only its owner knows.
fn delivering() -> [Value; 2] {
    let secrets = [DESCRIBE_SECRET, GET_SECRET, PUT_SECRET, MOVE_STAGE];
    let allow = |sid: &str, calls: &[&str], resource: &str| json!({ "Sid": sid, "Effect": "Allow", "Action": calls, "Resource": resource });
    [
        allow("StanchDeliversSecrets", &secrets, "arn:aws:secretsmanager:*:*:secret:*"),
        allow(
            "StanchDeliversParameters",
            &[GET_PARAMETER, PUT_PARAMETER],
            "arn:aws:ssm:*:*:parameter/*",
        ),
    ]
}

/// Returns the statement that keeps whoever is tagged as restricted from undoing that in the seconds before it
/// holds everywhere, and from making keys and passwords meanwhile. A responder is never tagged.
///
/// <https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html>; that a change
/// takes a few seconds to hold is in IAM's guide under "Changes that I make are not always immediately
/// visible".
fn guarding() -> Value {
    let undoes = [Enable, Lift, Create];
    let of_table = TABLE.iter().filter(|(_, power, operations)| {
        *power != Power::Look && operations.iter().any(|operation| undoes.contains(operation))
    });
    let mut calls: Vec<_> = of_table.map(|(call, ..)| *call).collect();
    calls.extend([UPDATE_SERVICE_KEY, CREATE_SERVICE_KEY, CREATE_LOGIN, UPDATE_LOGIN]);
    calls.sort_unstable();
    json!({
        "Sid": "StanchRaceGuard",
        "Effect": "Deny",
        "Action": calls,
        "Resource": "*",
        "Condition": { "Null": { format!("aws:PrincipalTag/{TAG_KEY}"): "false" } },
    })
}

/// Returns the statements that let their holder search the logs of a trail.
fn searching(logs: &TrailLogs) -> Vec<Value> {
    let allow = |sid: &str, actions: &[&str], resources: Value| json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resources });
    let mut statements = Vec::new();
    if let Some(group) = &logs.log_group {
        let group = format!("arn:aws:logs:*:*:log-group:{group}:*");
        statements.push(allow("StanchStartsLogQueries", &[START_QUERY], json!(group)));
        statements.push(allow("StanchReadsLogQueries", &[QUERY_RESULTS], json!("*")));
    }
    if logs.athena_table.is_some() {
        let group = logs.athena_workgroup.as_deref().unwrap_or("primary");
        let group = format!("arn:aws:athena:*:*:workgroup/{group}");
        let calls = [ATHENA_START, ATHENA_ASK, ATHENA_RESULTS];
        statements.push(allow("StanchAsksAthena", &calls, json!(group)));
        // Athena itself makes these as whoever asks it: the trail's own bucket is in the table.
        let tables = ["glue:GetTable", "glue:GetDatabase", "glue:GetPartitions"];
        statements.push(allow("AthenaReadsTheTable", &tables, json!("*")));
        let reads = ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"];
        statements.push(allow("AthenaReadsTheTrail", &reads, json!("arn:aws:s3:::*")));
        if let Some(place) = &logs.athena_output {
            let place = place.trim_start_matches("s3://").trim_end_matches('/');
            let place = format!("arn:aws:s3:::{place}/*");
            statements.push(allow("AthenaWritesItsAnswers", &["s3:PutObject"], json!(place)));
        }
    }
    statements
}

fn statement(sid: &str, power: Power, resource: &str, condition: Option<Value>) -> Value {
    let actions = TABLE.iter().filter(|(_, of, _)| *of == power).map(|(call, ..)| *call);
    let actions: Vec<_> = actions.collect();
    let mut statement =
        json!({ "Sid": sid, "Effect": "Allow", "Action": actions, "Resource": resource });
    if let Some(condition) = condition {
        statement["Condition"] = condition;
    }
    statement
}
