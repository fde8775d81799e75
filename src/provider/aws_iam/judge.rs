//! What policies let their holder do, judged from their text.
//!
//! AWS's own simulation knows more (an organisation's policies above all) and is preferred; this stands
//! in for it, and tells what a simulation on "every resource" doesn't: a right to some resources. A
//! condition makes a statement's effect unknown, for what it asks is only known when a call comes.

use serde_json::{Map, Value};

/// What a set of policies says of an action, the stronger the later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    /// It may not.
    No,
    /// It can't be told.
    Unknown,
    /// It may, on some resources.
    Somewhere,
    /// It may, on every resource.
    Everywhere,
}

/// A policy that was read.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// Its name.
    pub(super) name: String,
    /// Its text.
    pub(super) document: Value,
}

/// Returns what the policies say of an action, and the policy by which it is allowed. `boundary` is the
/// ceiling above them, where there is one.
pub(super) fn judge(
    policies: &[Policy],
    boundary: Option<&Policy>,
    action: &str,
) -> (Verdict, Option<String>) {
    let mut best = (Verdict::No, None);
    let mut denied = Verdict::No;
    for policy in policies {
        let (allows, denies) = says(&policy.document, action);
        denied = denied.max(denies);
        if allows > best.0 {
            best = (allows, Some(policy.name.clone()));
        }
    }
    if let Some(boundary) = boundary {
        let (allows, denies) = says(&boundary.document, action);
        denied = denied.max(denies);
        best.0 = best.0.min(allows);
    }
    best.0 = match (best.0, denied) {
        (Verdict::No, _) | (_, Verdict::Everywhere) => Verdict::No,
        (_, Verdict::Unknown) => Verdict::Unknown,
        // What is taken away from some resources is left on others.
        (Verdict::Everywhere, Verdict::Somewhere) => Verdict::Somewhere,
        (allowed, _) => allowed,
    };
    match best.0 {
        Verdict::No => (Verdict::No, None),
        _ => best,
    }
}

/// Whether the policies allow everything everywhere and forbid nothing.
pub(super) fn allows_everything(policies: &[Policy], boundary: Option<&Policy>) -> bool {
    let is_full = |statement: &Value| {
        effect(statement) == Some("Allow")
            && statement.get("Condition").is_none()
            && each(statement.get("Action")).any(|action| action == "*")
            && each(statement.get("Resource")).any(|resource| resource == "*")
    };
    let full = |policy: &Policy| statements(&policy.document).any(is_full);
    let denies =
        |policy: &Policy| statements(&policy.document).any(|one| effect(one) == Some("Deny"));
    policies.iter().any(full)
        && boundary.is_none_or(full)
        && !policies.iter().chain(boundary).any(denies)
}

/// What one document allows and what it denies.
fn says(document: &Value, action: &str) -> (Verdict, Verdict) {
    let (mut allows, mut denies) = (Verdict::No, Verdict::No);
    for statement in statements(document) {
        let reach = reach(statement, action);
        match effect(statement) {
            Some("Allow") => allows = allows.max(reach),
            Some("Deny") => denies = denies.max(reach),
            _ => {}
        }
    }
    (allows, denies)
}

/// On how much a statement has its effect, for an action.
fn reach(statement: &Value, action: &str) -> Verdict {
    let named =
        |key| statement.get(key).map(|list| each(Some(list)).any(|one| is_like(one, action)));
    let concerned = match (named("Action"), named("NotAction")) {
        (Some(named), _) => named,
        (None, Some(excepted)) => !excepted,
        (None, None) => false,
    };
    if !concerned {
        return Verdict::No;
    }
    if statement.get("Condition").is_some_and(|asks| asks != &Value::Object(Map::new())) {
        return Verdict::Unknown;
    }
    match statement.get("Resource") {
        Some(resources) if each(Some(resources)).any(is_everything) => Verdict::Everywhere,
        _ => Verdict::Somewhere,
    }
}

/// Whether a resource pattern covers all the resources of its kind: `*`, `arn:aws:s3:::*`,
/// `arn:aws:iam::123456789012:user/*`.
fn is_everything(resource: &str) -> bool {
    let mut parts = resource.splitn(6, ':');
    let service = parts.nth(2).unwrap_or_default();
    let last = parts.nth(2).unwrap_or(resource);
    if matches!(last, "*" | "*/*") {
        return true;
    }
    // What stands before the first slash in S3's names is a bucket, not a kind.
    let (kind, rest) = last.split_once(['/', ':']).unwrap_or_default();
    let is_kind = kind.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'-');
    service != "s3" && is_kind && rest == "*"
}

fn effect(statement: &Value) -> Option<&str> {
    statement.get("Effect").and_then(Value::as_str)
}

fn statements(document: &Value) -> impl Iterator<Item = &Value> {
    let list = document.get("Statement");
    let many = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    many.iter().chain(list.filter(|one| one.is_object()))
}

fn each(list: Option<&Value>) -> impl Iterator<Item = &str> {
    let many = list.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    many.iter().chain(list.filter(|one| one.is_string())).filter_map(Value::as_str)
}

/// Whether a text is as a pattern with `*` and `?` says; letters' case means nothing in actions.
fn is_like(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where to go on if the last star has to take one more.
    let mut star = None;
    while seen < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(one) if *one == b'?' || one.eq_ignore_ascii_case(&text[seen]) => {
                at += 1;
                seen += 1;
            }
            _ => {
                let Some((back, taken)) = star else { return false };
                star = Some((back, taken + 1));
                at = back + 1;
                seen = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn policy(name: &str, statement: Value) -> Policy {
        Policy { name: name.to_owned(), document: json!({ "Statement": statement }) }
    }

    fn verdict(policies: &[Policy], boundary: Option<&Policy>) -> Verdict {
        judge(policies, boundary, "s3:GetObject").0
    }

    #[test]
    fn patterns_match_as_in_iam() {
        for (pattern, text) in [
            ("*", "s3:GetObject"),
            ("s3:*", "s3:GetObject"),
            ("S3:get*", "s3:GetObject"),
            ("s3:Get?bject", "s3:GetObject"),
            ("*:*Object", "s3:GetObject"),
            ("s3:GetObject*", "s3:GetObject"),
        ] {
            assert!(is_like(pattern, text), "{pattern}");
        }
        for pattern in ["s3", "s3:Put*", "s3:GetObject?", "", "s3:Get*s"] {
            assert!(!is_like(pattern, "s3:GetObject"), "{pattern}");
        }
    }

    #[test]
    fn an_allowance_reaches_as_far_as_its_resources() {
        for (resource, expected) in [
            (json!("*"), Verdict::Everywhere),
            (json!(["arn:aws:s3:::*"]), Verdict::Everywhere),
            (json!("arn:aws:s3:::*/*"), Verdict::Everywhere),
            (json!("arn:aws:s3:::builds/*"), Verdict::Somewhere),
            (json!(["arn:aws:s3:::a", "*"]), Verdict::Everywhere),
        ] {
            let allow =
                json!({ "Effect": "Allow", "Action": ["s3:*"], "Resource": resource.clone() });
            assert_eq!(verdict(&[policy("p", allow)], None), expected, "{resource}");
        }
        assert!(is_everything("arn:aws:iam::123456789012:user/*"));
        assert!(!is_everything("arn:aws:iam::123456789012:user/ci/*"));
    }

    #[test]
    fn a_denial_wins_and_a_condition_leaves_it_open() {
        let allow = policy("all", json!([{ "Effect": "Allow", "Action": "*", "Resource": "*" }]));
        let deny = |extra: Value| {
            let mut one = json!({ "Effect": "Deny", "NotAction": "iam:*", "Resource": "*" });
            one.as_object_mut().expect("an object").extend(extra.as_object().expect("too").clone());
            policy("deny", one)
        };
        let both = |extra| verdict(&[allow.clone(), deny(extra)], None);
        assert_eq!(both(json!({})), Verdict::No);
        assert_eq!(both(json!({ "Resource": "arn:aws:s3:::a/*" })), Verdict::Somewhere);
        assert_eq!(both(json!({ "Condition": { "Bool": { "x": "y" } } })), Verdict::Unknown);
        assert!(allows_everything(std::slice::from_ref(&allow), None));
        assert!(!allows_everything(&[allow.clone(), deny(json!({}))], None));
        let (verdict, through) = judge(&[allow], None, "iam:CreateUser");
        assert_eq!((verdict, through.as_deref()), (Verdict::Everywhere, Some("all")));
    }

    #[test]
    fn a_boundary_is_a_ceiling() {
        let allow = policy("all", json!({ "Effect": "Allow", "Action": "*", "Resource": "*" }));
        let boundary =
            policy("b", json!({ "Effect": "Allow", "Action": "ec2:*", "Resource": "*" }));
        assert_eq!(verdict(&[allow], Some(&boundary)), Verdict::No);
        assert_eq!(verdict(&[], None), Verdict::No);
    }
}
