//! What a holder of the key could do, in words a founder understands: a fixed list of what hurts most.

use std::collections::BTreeMap;

use super::judge::{Policy, Verdict, allows_everything, judge};
use crate::provider::{Known, Power};

/// One thing worth asking about.
struct Danger {
    /// In words, where it may on every resource.
    everywhere: &'static str,
    /// In words, where it may on some.
    somewhere: &'static str,
    /// Whether it leads to every other power.
    administers: bool,
    /// The actions, any of which is enough.
    actions: &'static [&'static str],
}

const fn danger(
    everywhere: &'static str,
    somewhere: &'static str,
    actions: &'static [&'static str],
) -> Danger {
    Danger { everywhere, somewhere, administers: false, actions }
}

/// Ordered as one would tell them: what is read first, what is taken over last.
const DANGERS: &[Danger] = &[
    danger("read every bucket", "read some buckets", &["s3:GetObject"]),
    danger(
        "change or delete files in every bucket",
        "change or delete files in some buckets",
        &["s3:PutObject", "s3:DeleteObject"],
    ),
    danger(
        "read every stored secret",
        "read some stored secrets",
        &["secretsmanager:GetSecretValue", "ssm:GetParameter", "ssm:GetParametersByPath"],
    ),
    danger("decrypt with every key", "decrypt with some keys", &["kms:Decrypt"]),
    danger(
        "read every DynamoDB table",
        "read some DynamoDB tables",
        &["dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"],
    ),
    danger(
        "copy whole databases and disks",
        "copy some databases and disks",
        &["rds:CreateDBSnapshot", "rds:ModifyDBSnapshotAttribute", "ec2:ModifySnapshotAttribute"],
    ),
    danger(
        "call AI models at your cost",
        "call some AI models at your cost",
        &["bedrock:InvokeModel", "bedrock:InvokeModelWithResponseStream"],
    ),
    danger(
        "start machines at your cost",
        "start some machines at your cost",
        &["ec2:RunInstances"],
    ),
    danger(
        "run code in your account",
        "change some of the code in your account",
        &["lambda:CreateFunction", "lambda:UpdateFunctionCode", "ssm:SendCommand"],
    ),
    danger(
        "send mail in your name",
        "send some mail in your name",
        &["ses:SendEmail", "ses:SendRawEmail"],
    ),
    danger(
        "hide its traces",
        "hide some of its traces",
        &["cloudtrail:StopLogging", "cloudtrail:DeleteTrail", "cloudtrail:PutEventSelectors"],
    ),
    danger("take on every role that trusts it", "take on some roles", &["sts:AssumeRole"]),
    danger("create users", "create some users", &["iam:CreateUser"]),
    danger(
        "make keys to code and AI models for others",
        "make keys to code and AI models for some others",
        &["iam:CreateServiceSpecificCredential"],
    ),
    // Whoever makes a key for an administrator is one.
    Danger {
        everywhere: "make keys and passwords for others",
        somewhere: "make keys and passwords for some others",
        administers: true,
        actions: &["iam:CreateAccessKey", "iam:CreateLoginProfile", "iam:UpdateLoginProfile"],
    },
    Danger {
        everywhere: "make itself an administrator",
        somewhere: "change some of the rights in your account",
        administers: true,
        actions: &[
            "iam:AddUserToGroup",
            "iam:AttachGroupPolicy",
            "iam:AttachRolePolicy",
            "iam:AttachUserPolicy",
            "iam:CreatePolicyVersion",
            "iam:PutGroupPolicy",
            "iam:PutRolePolicy",
            "iam:PutUserPolicy",
            "iam:SetDefaultPolicyVersion",
            "iam:UpdateAssumeRolePolicy",
        ],
    },
];

/// What AWS's simulation said of one action, on every resource.
#[derive(Clone, Debug)]
pub(super) struct Simulated {
    /// Whether it would be allowed.
    pub(super) allowed: bool,
    /// Whether a policy forbids it in so many words.
    pub(super) forbidden: bool,
    /// The policy by which.
    pub(super) through: Option<String>,
    /// Whether a condition asked for something the simulation didn't know.
    pub(super) depends: bool,
}

/// Everything the powers are judged by.
#[derive(Debug, Default)]
pub(super) struct Rights {
    /// The user's policies and those of its groups.
    pub(super) policies: Vec<Policy>,
    /// The ceiling above them.
    pub(super) boundary: Option<Policy>,
    /// Whether a policy or the ceiling is there that could not be read.
    pub(super) is_partly_unread: bool,
    /// What AWS's simulation said, by action; empty where it could not be asked.
    pub(super) simulated: BTreeMap<String, Simulated>,
}

/// What came out.
pub(super) struct Judged {
    pub(super) powers: Vec<Power>,
    pub(super) sentence: String,
    pub(super) administers: Known,
}

/// Returns every action worth asking a simulation about.
pub(super) fn actions() -> impl Iterator<Item = &'static str> {
    DANGERS.iter().flat_map(|danger| danger.actions.iter().copied())
}

impl Rights {
    /// Judges what may be done with them.
    pub(super) fn judged(&self) -> Judged {
        let is_full = allows_everything(&self.policies, self.boundary.as_ref())
            && self.simulated.values().all(|one| one.allowed);
        let mut administers = if is_full { Known::Yes } else { Known::No };
        let (mut can, mut unsure, mut powers) = (Vec::new(), Vec::new(), Vec::new());
        for danger in DANGERS {
            let (verdict, through) = self.of(danger);
            let (what, allowed) = match verdict {
                Verdict::Everywhere => (danger.everywhere, Known::Yes),
                Verdict::Somewhere => (danger.somewhere, Known::Yes),
                Verdict::Unknown => (danger.everywhere, Known::Unknown),
                Verdict::No => (danger.everywhere, Known::No),
            };
            match allowed {
                Known::Yes => can.push(what),
                Known::Unknown => unsure.push(what),
                Known::No => {}
            }
            if danger.administers {
                let leads = match verdict {
                    Verdict::Everywhere => Known::Yes,
                    Verdict::No => Known::No,
                    // The rights of some may well be the right ones.
                    Verdict::Somewhere | Verdict::Unknown => Known::Unknown,
                };
                administers = worse(administers, leads);
            }
            powers.push(Power {
                what: what.to_owned(),
                actions: danger.actions.iter().map(|&action| action.to_owned()).collect(),
                allowed,
                through,
            });
        }
        Judged { powers, sentence: sentence(is_full, &can, &unsure), administers }
    }

    /// The strongest of what is said about a danger's actions.
    fn of(&self, danger: &Danger) -> (Verdict, Option<String>) {
        let mut best = (Verdict::No, None);
        for action in danger.actions {
            let one = self.of_action(action);
            if one.0 > best.0 {
                best = one;
            }
        }
        best
    }

    fn of_action(&self, action: &str) -> (Verdict, Option<String>) {
        let (text, through) = judge(&self.policies, self.boundary.as_ref(), action);
        let by_text = through.map(|name| format!("{name} (by its text)"));
        let unread = |verdict| match verdict {
            Verdict::No if self.is_partly_unread => Verdict::Unknown,
            verdict => verdict,
        };
        match self.simulated.get(action) {
            None => (unread(text), by_text),
            Some(one) if one.allowed => {
                let through = one.through.clone().or(by_text);
                (Verdict::Everywhere, through.map(|name| format!("{name} (by AWS's simulation)")))
            }
            Some(one) if one.forbidden => (Verdict::No, None),
            // The simulation was about every resource and without any circumstances.
            Some(_) if matches!(text, Verdict::Somewhere | Verdict::Unknown) => (text, by_text),
            Some(one) if one.depends => (Verdict::Unknown, by_text),
            Some(_) => (Verdict::No, None),
        }
    }
}

fn worse(one: Known, other: Known) -> Known {
    match (one, other) {
        (Known::Yes, _) | (_, Known::Yes) => Known::Yes,
        (Known::Unknown, _) | (_, Known::Unknown) => Known::Unknown,
        _ => Known::No,
    }
}

fn sentence(is_full: bool, can: &[&str], unsure: &[&str]) -> String {
    let can = match can {
        _ if is_full => "This key can do anything in the account.".to_owned(),
        [] if unsure.is_empty() => "This key can do none of what was asked about.".to_owned(),
        // A list of everything that was asked about says no more.
        [] => return "What this key can do could not be seen.".to_owned(),
        can => format!("This key can {}.", listed(can, "and")),
    };
    match unsure {
        [] => can,
        unsure => format!("{can} Whether it can {} could not be seen.", listed(unsure, "or")),
    }
}

fn listed(items: &[&str], last: &str) -> String {
    match items {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [rest @ .., end] => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rights(statement: serde_json::Value) -> Rights {
        let document = json!({ "Statement": statement });
        Rights {
            policies: vec![Policy { name: "deploy".to_owned(), document }],
            ..Rights::default()
        }
    }

    #[test]
    fn a_founder_understands_the_sentence() {
        let judged = rights(json!([
            { "Effect": "Allow", "Action": ["s3:Get*", "iam:CreateUser"], "Resource": "*" },
            { "Effect": "Allow", "Action": "iam:PutUserPolicy", "Resource": "*" },
        ]))
        .judged();
        assert_eq!(
            judged.sentence,
            "This key can read every bucket, create users and make itself an administrator."
        );
        assert_eq!(judged.administers, Known::Yes);
        let power = &judged.powers[0];
        assert_eq!(power.through.as_deref(), Some("deploy (by its text)"));
    }

    #[test]
    fn whoever_makes_keys_for_others_may_be_any_of_them() {
        let administers = |action: &str, resource: &str| {
            let allow = json!({ "Effect": "Allow", "Action": action, "Resource": resource });
            rights(allow).judged().administers
        };
        assert_eq!(administers("iam:CreateAccessKey", "*"), Known::Yes);
        assert_eq!(administers("iam:UpdateLoginProfile", "*"), Known::Yes);
        let some = "arn:aws:iam::123456789012:user/ci/*";
        assert_eq!(administers("iam:CreateAccessKey", some), Known::Unknown);
        assert_eq!(administers("iam:CreateUser", "*"), Known::No);
    }

    #[test]
    fn a_right_to_some_resources_is_told_as_such() {
        let allow = json!({ "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::a/*" });
        let mut rights = rights(allow);
        let said = "This key can read some buckets and change or delete files in some buckets.";
        assert_eq!(rights.judged().sentence, said);
        // A simulation on every resource says no to that, and is not the last word.
        for action in actions() {
            let no = Simulated { allowed: false, forbidden: false, through: None, depends: false };
            rights.simulated.insert(action.to_owned(), no);
        }
        assert_eq!(rights.judged().sentence, said);
        assert_eq!(rights.judged().administers, Known::No);
    }

    #[test]
    fn what_could_not_be_seen_is_no_no() {
        let unread = Rights { is_partly_unread: true, ..Rights::default() };
        let judged = unread.judged();
        assert!(judged.sentence.starts_with("What this key can do could not be seen."));
        assert_eq!(judged.administers, Known::Unknown);
        assert!(judged.powers.iter().all(|power| power.allowed == Known::Unknown));
        let everything = rights(json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
        let judged = everything.judged();
        assert_eq!(judged.sentence, "This key can do anything in the account.");
        assert_eq!(judged.administers, Known::Yes);
    }
}
