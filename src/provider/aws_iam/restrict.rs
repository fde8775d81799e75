//! Restricting whoever holds a leaked key, and taking that back.
//!
//! A restriction is an inline policy with a name made from the incident, a permissions boundary, or AWS's
//! own quarantine policy. Setting one is an upsert, so twice is once; whether it stands is judged by the
//! stored text. The user is tagged first, so that an organisation's policy can keep a holder of the key
//! from taking the restriction off again.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::evidence::name_in;
use super::permissions::{DELETE_POLICY, PUT_POLICY, USER_POLICY};
use super::responder::{is_not_the_owner, is_not_the_role, user_arn};
use super::{AwsIam, unsupported};
use crate::provider::{Error, Identity, Measure, Receipt, Restriction, Standing};

const DENY_ALL: &str = "AWSDenyAll";

/// Where what AWS itself keeps lies: roles there can't be changed by the account.
const KEPT_BY_AWS: &[&str] = &["/aws-service-role/", "/aws-reserved/"];

/// On whom a restriction lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target<'a> {
    User(&'a str),
    Role { name: &'a str, arn: &'a str },
}

impl Target<'_> {
    fn arn(&self, responder: &Identity) -> String {
        match self {
            Self::User(name) => user_arn(responder, name),
            Self::Role { arn, .. } => (*arn).to_owned(),
        }
    }
}

/// What is to be in place.
enum Means {
    /// An inline policy.
    Inline { name: String, document: Value },
    /// A ceiling, by its ARN.
    Boundary(String),
    /// AWS's quarantine policy of whatever edition.
    Quarantine,
}

impl AwsIam {
    pub(super) async fn stands(&self, restriction: &Restriction) -> Result<Standing, Error> {
        let (responder, target) = self.target(USER_POLICY, restriction).await?;
        let arn = target.arn(&responder);
        match (means(restriction, &responder)?, target) {
            (Means::Inline { name, document }, Target::Role { name: role, .. }) => {
                let stored = self.role_policy(role, &name, &arn).await?;
                let holds = stored.as_ref().is_some_and(|stored| hash(stored) == hash(&document));
                Ok(Standing { holds, before: json!({ "policy": stored }) })
            }
            (Means::Inline { name, document }, Target::User(user)) => {
                let (stored, tag) =
                    tokio::join!(self.user_policy(user, &name, &arn), self.tag_of(user, &arn));
                let stored = stored?;
                let holds = stored.as_ref().is_some_and(|stored| hash(stored) == hash(&document));
                Ok(Standing { holds, before: json!({ "policy": stored, "tag": tag? }) })
            }
            (Means::Boundary(wanted), Target::User(user)) => {
                let (bound, tag) =
                    tokio::join!(self.boundary_of(user, &arn), self.tag_of(user, &arn));
                let bound = bound?;
                let holds = bound.as_deref() == Some(wanted.as_str());
                Ok(Standing { holds, before: json!({ "boundary": bound, "tag": tag? }) })
            }
            (Means::Quarantine, Target::User(user)) => {
                let (attached, tag) =
                    tokio::join!(self.quarantine_of(user, &arn), self.tag_of(user, &arn));
                let attached = attached?;
                let holds = attached.is_some();
                Ok(Standing { holds, before: json!({ "attached": attached, "tag": tag? }) })
            }
            (_, Target::Role { .. }) => Err(not_for_roles()),
        }
    }

    pub(super) async fn restricted(&self, restriction: &Restriction) -> Result<Receipt, Error> {
        let (responder, target) = self.target(PUT_POLICY, restriction).await?;
        let means = means(restriction, &responder)?;
        let arn = target.arn(&responder);
        let user = match target {
            Target::User(user) => user,
            Target::Role { name, arn: role } => {
                let Means::Inline { name: policy, document } = means else {
                    return Err(not_for_roles());
                };
                can_be_changed(role)?;
                return self.put_role_policy(name, &policy, &document, role).await;
            }
        };
        let tagged = self.tagged(user, &restriction.incident, &arn).await;
        let set = match means {
            Means::Inline { name, document } => {
                self.put_user_policy(user, &name, &document, &arn).await
            }
            Means::Boundary(boundary) => self.put_boundary(user, &boundary, &arn).await,
            Means::Quarantine => self.quarantine(user, &arn, &responder).await,
        };
        // The restriction stands even where the tag doesn't, and looking will show that it does; but that
        // the tag is missing must not go unsaid.
        let receipt = set?;
        tagged.map(|()| receipt)
    }

    pub(super) async fn lifted(
        &self,
        restriction: &Restriction,
        before: &Value,
    ) -> Result<Receipt, Error> {
        let (responder, target) = self.target(DELETE_POLICY, restriction).await?;
        let means = means(restriction, &responder)?;
        let arn = target.arn(&responder);
        let user = match target {
            Target::User(user) => user,
            Target::Role { name, arn: role } => {
                let Means::Inline { name: policy, .. } = means else { return Err(not_for_roles()) };
                return match before.get("policy").filter(|earlier| !earlier.is_null()) {
                    Some(earlier) => self.put_role_policy(name, &policy, earlier, role).await,
                    None => self.delete_role_policy(name, &policy, role).await,
                };
            }
        };
        let receipt = match means {
            Means::Inline { name, .. } => {
                match before.get("policy").filter(|earlier| !earlier.is_null()) {
                    Some(earlier) => self.put_user_policy(user, &name, earlier, &arn).await,
                    None => self.delete_user_policy(user, &name, &arn).await,
                }
            }
            Means::Boundary(_) => match before.get("boundary").and_then(Value::as_str) {
                Some(earlier) => self.put_boundary(user, earlier, &arn).await,
                None => self.delete_boundary(user, &arn).await,
            },
            Means::Quarantine => match before.get("attached").and_then(Value::as_str) {
                // It was there before us, and AWS asks that it stays.
                Some(_) => Ok(Receipt { request_id: None, at: (self.clock)() }),
                None => self.end_quarantine(user, &arn).await,
            },
        }?;
        self.untagged(user, &restriction.incident, before, &arn).await?;
        Ok(receipt)
    }

    /// On whom, if the responder may be the one to do it.
    async fn target<'a>(
        &self,
        call: &str,
        restriction: &'a Restriction,
    ) -> Result<(Identity, Target<'a>), Error> {
        let owner = restriction.owner.as_str();
        let target = target(owner)?;
        let account = match target {
            Target::Role { arn, .. } => arn.split(':').nth(4),
            Target::User(_) => None,
        };
        let responder = self.responder_before(call, None, account, "").await?;
        match target {
            Target::User(user) => is_not_the_owner(&responder, user)?,
            Target::Role { name, .. } => is_not_the_role(&responder, name)?,
        }
        Ok((responder, target))
    }
}

/// Roles that belong to AWS are refused without a call; AWS itself refuses with a code alone.
fn can_be_changed(role: &str) -> Result<(), Error> {
    match KEPT_BY_AWS.iter().any(|path| role.contains(&format!(":role{path}"))) {
        true => Err(kept_by_aws(role)),
        false => Ok(()),
    }
}

pub(super) fn kept_by_aws(role: &str) -> Error {
    let instead = match role.contains("/aws-reserved/sso.amazonaws.com/") {
        true => {
            "it belongs to IAM Identity Center: delete the person's sessions there, or put the denial into the permission set"
        }
        false => "it belongs to an AWS service: end what the service runs instead",
    };
    unsupported(format!("change {role}, which the account may not change; {instead}"))
}

fn not_for_roles() -> Error {
    unsupported("set a boundary or the quarantine on a role; deny everything or end its sessions")
}

fn target(owner: &str) -> Result<Target<'_>, Error> {
    if !owner.starts_with("arn:") {
        return super::observe::named(PUT_POLICY, owner).map(Target::User);
    }
    let last = owner.splitn(6, ':').nth(5).unwrap_or_default();
    match last.split_once('/') {
        Some(("role", path)) => Ok(Target::Role { name: name_in(path), arn: owner }),
        Some(("user", path)) => Ok(Target::User(name_in(path))),
        _ => Err(unsupported(format!("restrict {owner}, which is neither a user nor a role"))),
    }
}

fn means(restriction: &Restriction, responder: &Identity) -> Result<Means, Error> {
    let inline = |suffix: &str, condition: Option<Value>| {
        let mut statement =
            json!({ "Sid": "Stanch", "Effect": "Deny", "Action": "*", "Resource": "*" });
        if let Some(condition) = condition {
            statement["Condition"] = condition;
        }
        let document = json!({ "Version": "2012-10-17", "Statement": [statement] });
        Means::Inline { name: format!("stanch-{}-{suffix}", restriction.incident), document }
    };
    Ok(match &restriction.measure {
        Measure::DenyAll => inline("deny-all", None),
        Measure::OnlyFrom { networks } => {
            are_networks(networks)?;
            let condition = json!({
                "NotIpAddress": { "aws:SourceIp": networks },
                "Bool": { "aws:ViaAWSService": "false" },
            });
            inline("only-from", Some(condition))
        }
        // A lasting key has no such time: only sessions are meant.
        Measure::EndSessions { issued_before } => {
            let before = json!({ "aws:TokenIssueTime": issued_before.to_string() });
            inline("end-sessions", Some(json!({ "DateLessThan": before })))
        }
        Measure::Boundary => Means::Boundary(aws_policy(responder, DENY_ALL)),
        Measure::Quarantine => Means::Quarantine,
    })
}

/// A list without a network would deny everything, and one that AWS doesn't understand nothing.
fn are_networks(networks: &[String]) -> Result<(), Error> {
    let is_network = |text: &String| {
        let (address, bits) = text.split_once('/').unwrap_or((text, "0"));
        let most = match address.parse() {
            Ok(std::net::IpAddr::V4(_)) => 32,
            Ok(std::net::IpAddr::V6(_)) => 128,
            Err(_) => return false,
        };
        bits.parse().is_ok_and(|bits: u8| bits <= most)
    };
    match networks.iter().find(|text| !is_network(text)) {
        Some(wrong) => Err(unsupported(format!("narrow to `{wrong}`, which is no network"))),
        None if networks.is_empty() => Err(unsupported("narrow to no network at all")),
        None => Ok(()),
    }
}

/// The ARN of a policy of AWS's own.
pub(super) fn aws_policy(responder: &Identity, name: &str) -> String {
    let partition = responder.name.split(':').nth(1).unwrap_or("aws");
    format!("arn:{partition}:iam::aws:policy/{name}")
}

/// The hash of a document in its one canonical form, whatever spaces and order it is stored with.
fn hash(document: &Value) -> Option<[u8; 32]> {
    let text = serde_json_canonicalizer::to_vec(document).ok()?;
    Some(Sha256::digest(text).into())
}

#[cfg(test)]
mod tests {
    use super::super::evidence::policy_document;
    use super::*;

    #[test]
    fn a_target_is_a_user_or_a_role() {
        assert_eq!(target("bot"), Ok(Target::User("bot")));
        let arn = "arn:aws:iam::123456789012:role/apps/web";
        assert_eq!(target(arn), Ok(Target::Role { name: "web", arn }));
        assert_eq!(target("arn:aws:iam::123456789012:user/ci/bot"), Ok(Target::User("bot")));
        assert!(target("").is_err());
        assert!(target("arn:aws:iam::123456789012:root").is_err());
    }

    #[test]
    fn networks_are_checked_before_aws_sees_them() {
        let networks = |list: &[&str]| {
            are_networks(&list.iter().map(|&one| one.to_owned()).collect::<Vec<_>>())
        };
        assert!(networks(&["203.0.113.0/24", "2001:db8::/32", "203.0.113.7"]).is_ok());
        for wrong in [&[][..], &["203.0.113.0/33"], &["office"], &["203.0.113.0/24", ""]] {
            assert!(networks(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_role_of_awss_own_is_explained() {
        let sso =
            "arn:aws:iam::123456789012:role/aws-reserved/sso.amazonaws.com/AWSReservedSSO_Admin_1";
        let error = can_be_changed(sso).expect_err("it can't").to_string();
        assert!(error.contains("IAM Identity Center"), "{error}");
        let linked = "arn:aws:iam::123456789012:role/aws-service-role/ecs.amazonaws.com/Ecs";
        let error = can_be_changed(linked).expect_err("it can't").to_string();
        assert!(error.contains("an AWS service"), "{error}");
        assert!(can_be_changed("arn:aws:iam::123456789012:role/aws/web").is_ok());
    }

    #[test]
    fn a_document_is_the_same_however_it_is_written() {
        let one = policy_document("{\"b\": 1, \"a\": [2]}").expect("it is JSON");
        let other = policy_document("%7B%22a%22%3A%5B2%5D%2C%22b%22%3A1%7D").expect("it is JSON");
        assert_eq!(hash(&one), hash(&other));
        assert_ne!(hash(&one), hash(&json!({ "a": [3], "b": 1 })));
    }
}
