//! What a person does by hand what a program could not: the provider's own command, in full, and the page
//! of the one key or owner it is about.
//!
//! <https://docs.aws.amazon.com/cli/latest/reference/iam/>. A command is for a POSIX shell.

use serde_json::{Value, json};

use super::{Key, KeyKind, KeyState, Measure, Operation};

const CONSOLE: &str = "https://us-east-1.console.aws.amazon.com/iam/home#";
const BEDROCK: &str = "bedrock.amazonaws.com";

/// Stands in a document where the shell puts the time; no document holds it otherwise.
const NOW: &str = "@now@";
/// Ends the quoted text, asks for the time when the command is run, and goes on with the text.
const TIME_OF_SHELL: &str = r#"'"$(date -u +%Y-%m-%dT%H:%M:%SZ)"'"#;

/// Returns the command for an operation on a key, or `None` where the driver's provider has none. For a
/// restriction there are [`restrict_by_hand`] and [`end_sessions_by_hand`].
pub fn by_hand(driver: &str, operation: Operation, key: &Key) -> Option<String> {
    match driver {
        "aws-iam" | "aws-bedrock" if !is_of_user(key) => None,
        "aws-iam" => access_key(operation, key),
        "aws-bedrock" => service_key(operation, key),
        "simulated" => Some(format!("simulated {operation:?} {}", key.id).to_lowercase()),
        _ => None,
    }
}

/// Returns the command that sets a restriction on a user (its name or ARN) or a role (its ARN), or `None`
/// where there is none.
pub fn restrict_by_hand(driver: &str, measure: &Measure, owner: &str) -> Option<String> {
    let holder = Holder::of(driver, owner)?;
    let policy = |name: &str| format!("arn:{}:iam::aws:policy/{name}", holder.partition);
    match measure {
        Measure::DenyAll => Some(holder.put("deny-all", None)),
        Measure::OnlyFrom { networks } => {
            let condition = json!({
                "NotIpAddress": { "aws:SourceIp": networks },
                "Bool": { "aws:ViaAWSService": "false" },
            });
            Some(holder.put("only-from", Some(condition)))
        }
        Measure::EndSessions { issued_before } => Some(holder.end(&issued_before.to_string())),
        Measure::Boundary => Some(holder.command(
            "put-{}-permissions-boundary",
            &format!("--permissions-boundary {}", policy("AWSDenyAll")),
        )),
        // The newest edition when this was written; each denies what the former does and more.
        Measure::Quarantine => Some(holder.command(
            "attach-{}-policy",
            &format!("--policy-arn {}", policy("AWSCompromisedKeyQuarantineV3")),
        )),
    }
}

/// Returns the command that ends the sessions of a user or a role that were begun until it is run.
pub fn end_sessions_by_hand(driver: &str, owner: &str) -> Option<String> {
    Holder::of(driver, owner).map(|holder| holder.end(NOW))
}

/// Returns the address of the page on which a key is stopped by hand: its owner's own, never the viewer's.
pub fn console(driver: &str, key: &Key) -> Option<String> {
    if key.kind == KeyKind::Root && driver == "aws-iam" {
        // The page of whoever is signed in: the key is there for the root user alone.
        return Some(format!("{CONSOLE}/security_credentials"));
    }
    if key.state == KeyState::Absent && !matches!(key.kind, KeyKind::Session { .. }) {
        return None;
    }
    let holder = match &key.kind {
        KeyKind::Session { issuer, .. } => Holder::of(driver, issuer.as_deref()?)?,
        _ => Holder::of(driver, &key.owner)?,
    };
    let name = percent_encoded(holder.name);
    Some(match holder.sort {
        "role" => format!("{CONSOLE}/roles/details/{name}"),
        _ => format!("{CONSOLE}/users/details/{name}?section=security_credentials"),
    })
}

/// Tells whether a key is a user's to be listed, stopped or replaced: of a key that isn't there nobody can
/// say whose it is, a session is no key, and the account's own is the root user's alone.
fn is_of_user(key: &Key) -> bool {
    let is_key = matches!(key.kind, KeyKind::Lasting | KeyKind::Service { .. });
    is_key && key.state != KeyState::Absent && !key.owner.is_empty()
}

fn access_key(operation: Operation, key: &Key) -> Option<String> {
    let (owner, id) = (quoted(&key.owner), quoted(&key.id));
    let of_key = format!("--user-name {owner} --access-key-id {id}");
    Some(match operation {
        Operation::Observe => format!("aws iam list-access-keys --user-name {owner}"),
        Operation::Disable => format!("aws iam update-access-key {of_key} --status Inactive"),
        Operation::Enable => format!("aws iam update-access-key {of_key} --status Active"),
        Operation::Create => format!("aws iam create-access-key --user-name {owner}"),
        Operation::Delete => format!("aws iam delete-access-key {of_key}"),
        Operation::Review => format!(
            "aws cloudtrail lookup-events --lookup-attributes AttributeKey=AccessKeyId,AttributeValue={id}"
        ),
        Operation::Probe => "aws sts get-caller-identity".to_owned(),
        Operation::Evidence => rights_of(&owner),
        Operation::Restrict | Operation::Lift => return None,
    })
}

/// A Bedrock key is a credential for one service, and IAM has calls of its own for those.
fn service_key(operation: Operation, key: &Key) -> Option<String> {
    let (owner, id) = (quoted(&key.owner), quoted(&key.id));
    let of_user = format!("--user-name {owner} --service-name {BEDROCK}");
    let of_key = format!("--user-name {owner} --service-specific-credential-id {id}");
    let update = "aws iam update-service-specific-credential";
    Some(match operation {
        Operation::Observe => format!("aws iam list-service-specific-credentials {of_user}"),
        Operation::Disable => format!("{update} {of_key} --status Inactive"),
        Operation::Enable => format!("{update} {of_key} --status Active"),
        Operation::Create => format!("aws iam create-service-specific-credential {of_user}"),
        Operation::Delete => format!("aws iam delete-service-specific-credential {of_key}"),
        Operation::Evidence => rights_of(&owner),
        Operation::Probe => "aws bedrock list-foundation-models".to_owned(),
        Operation::Review | Operation::Restrict | Operation::Lift => return None,
    })
}

fn rights_of(owner: &str) -> String {
    format!("aws iam list-attached-user-policies --user-name {owner}")
}

/// Whom AWS is to restrict.
struct Holder<'a> {
    partition: &'a str,
    /// As it stands in AWS's own commands: `user` or `role`.
    sort: &'static str,
    name: &'a str,
}

impl<'a> Holder<'a> {
    fn of(driver: &str, owner: &'a str) -> Option<Self> {
        if !matches!(driver, "aws-iam" | "aws-bedrock") || owner.is_empty() {
            return None;
        }
        if !owner.starts_with("arn:") {
            return Some(Self { partition: "aws", sort: "user", name: owner });
        }
        let mut pieces = owner.splitn(6, ':').skip(1);
        let partition = pieces.next()?;
        let (sort, path) = pieces.last()?.split_once('/')?;
        // The account can't change the roles that are AWS's own.
        let is_aws_own = path.starts_with("aws-service-role/") || path.starts_with("aws-reserved/");
        let sort = match sort {
            "user" => "user",
            "role" if !is_aws_own => "role",
            _ => return None,
        };
        Some(Self { partition, sort, name: path.rsplit('/').next()? })
    }

    /// Returns a command of IAM's; `{}` in its name is the sort.
    fn command(&self, name: &str, rest: &str) -> String {
        let (name, sort) = (name.replace("{}", self.sort), self.sort);
        format!("aws iam {name} --{sort}-name {} {rest}", quoted(self.name))
    }

    /// Returns the command that denies everything, under a condition.
    fn put(&self, name: &str, condition: Option<Value>) -> String {
        let mut statement = json!({ "Effect": "Deny", "Action": "*", "Resource": "*" });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] }).to_string();
        let document = quoted(&document).replace(NOW, TIME_OF_SHELL);
        let rest = format!("--policy-name by-hand-{name} --policy-document {document}");
        self.command("put-{}-policy", &rest)
    }

    fn end(&self, before: &str) -> String {
        let condition = json!({ "DateLessThan": { "aws:TokenIssueTime": before } });
        self.put("end-sessions", Some(condition))
    }
}

/// Returns a name as a shell takes it for one word: a name comes from outside and is pasted.
fn quoted(name: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "+=,.@_-/:".contains(c);
    match !name.is_empty() && name.chars().all(is_plain) {
        true => name.to_owned(),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    }
}

fn percent_encoded(name: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encoded = |byte: u8| match is_plain(byte) {
        true => char::from(byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    name.bytes().map(encoded).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> Key {
        Key {
            id: "AKIAEXAMPLE".to_owned(),
            owner: "bot".to_owned(),
            account: String::new(),
            state: KeyState::Active,
            created_at: None,
            kind: KeyKind::Lasting,
        }
    }

    const ROLE: &str = "arn:aws-cn:iam::123456789012:role/apps/web";

    #[test]
    fn a_name_from_outside_is_one_word_for_a_shell() {
        let key = Key { owner: "x'; rm -rf ~".to_owned(), ..key() };
        for driver in ["aws-iam", "aws-bedrock"] {
            let command = by_hand(driver, Operation::Disable, &key).unwrap();
            let words = shell_words::split(&command).unwrap();
            assert!(words.contains(&key.owner), "{command}");
            let absent = Key { state: KeyState::Absent, ..key.clone() };
            assert_eq!(by_hand(driver, Operation::Disable, &absent), None);
        }
        let command = end_sessions_by_hand("aws-iam", &key.owner).unwrap();
        assert!(shell_words::split(&command).unwrap().contains(&key.owner), "{command}");
    }

    #[test]
    fn a_bedrock_key_has_commands_of_its_own() {
        let command = |operation| by_hand("aws-bedrock", operation, &key()).unwrap();
        assert_eq!(
            command(Operation::Disable),
            "aws iam update-service-specific-credential --user-name bot --service-specific-credential-id AKIAEXAMPLE --status Inactive"
        );
        assert_eq!(
            command(Operation::Observe),
            "aws iam list-service-specific-credentials --user-name bot --service-name bedrock.amazonaws.com"
        );
    }

    #[test]
    fn the_page_is_the_owners_and_never_the_viewers() {
        let page = |key: &Key| console("aws-iam", key).map(|page| page.replace(CONSOLE, ""));
        let strange = Key { owner: "ci+bot@x".to_owned(), ..key() };
        let users = "/users/details/ci%2Bbot%40x?section=security_credentials";
        assert_eq!(page(&strange).as_deref(), Some(users));
        let session = |issuer: &str| Key {
            kind: KeyKind::Session { issuer: Some(issuer.to_owned()), ends_at: None },
            ..key()
        };
        assert_eq!(page(&session(ROLE)).as_deref(), Some("/roles/details/web"));
        let user = session("arn:aws:iam::123456789012:user/ci/bot");
        let users = "/users/details/bot?section=security_credentials";
        assert_eq!(page(&user).as_deref(), Some(users));
        let root = Key { kind: KeyKind::Root, owner: "root".to_owned(), ..key() };
        assert_eq!(page(&root).as_deref(), Some("/security_credentials"));
        assert_eq!(page(&Key { state: KeyState::Absent, ..key() }), None);
        assert_eq!(console("simulated", &key()), None);
    }

    #[test]
    fn a_restriction_by_hand_is_the_measures_and_the_targets_own() {
        let command = |measure, owner| restrict_by_hand("aws-iam", &measure, owner).unwrap();
        let begins = |command: String, with: &str| assert!(command.starts_with(with), "{command}");
        let put = "aws iam put-user-policy --user-name bot --policy-name by-hand-deny-all ";
        begins(command(Measure::DenyAll, "bot"), put);
        begins(command(Measure::DenyAll, ROLE), "aws iam put-role-policy --role-name web ");
        assert_eq!(
            command(Measure::Boundary, "bot"),
            "aws iam put-user-permissions-boundary --user-name bot --permissions-boundary arn:aws:iam::aws:policy/AWSDenyAll"
        );
        assert_eq!(
            command(Measure::Quarantine, ROLE),
            "aws iam attach-role-policy --role-name web --policy-arn arn:aws-cn:iam::aws:policy/AWSCompromisedKeyQuarantineV3"
        );
        let end = end_sessions_by_hand("aws-iam", ROLE).unwrap();
        begins(end, "aws iam put-role-policy --role-name web --policy-name by-hand-end-sessions ");
        let of_aws = "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/Admin";
        assert_eq!(end_sessions_by_hand("aws-iam", of_aws), None);
        assert_eq!(end_sessions_by_hand("simulated", "bot"), None);
    }

    /// Has a shell read a command, with a program `aws` that prints its last argument.
    #[cfg(unix)]
    fn document_of(command: &str) -> Value {
        let aws = r#"aws() { for last; do :; done; printf %s "$last"; }"#;
        let mut shell = std::process::Command::new("sh");
        let output = shell.args(["-c", &format!("{aws}\n{command}")]).output().unwrap();
        assert!(output.status.success(), "{command}");
        serde_json::from_slice(&output.stdout).expect("the last argument is JSON")
    }

    #[test]
    #[cfg(unix)]
    fn a_shell_hands_over_the_document_with_the_time_of_its_own() {
        let networks = vec!["203.0.113.0/24".to_owned(), "it's".to_owned()];
        let only = Measure::OnlyFrom { networks: networks.clone() };
        let document = document_of(&restrict_by_hand("aws-iam", &only, "bot").unwrap());
        let condition = &document["Statement"][0]["Condition"];
        assert_eq!(condition["NotIpAddress"]["aws:SourceIp"], json!(networks));

        let document = document_of(&end_sessions_by_hand("aws-iam", ROLE).unwrap());
        let statement = &document["Statement"][0];
        assert_eq!(statement["Effect"], "Deny");
        let before = &statement["Condition"]["DateLessThan"]["aws:TokenIssueTime"];
        let before: jiff::Timestamp = before.as_str().unwrap().parse().expect("a time");
        let age = jiff::Timestamp::now().duration_since(before);
        assert!(age < jiff::SignedDuration::from_hours(1), "{age}");
    }
}
