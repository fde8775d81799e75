//! An event of CloudTrail as a use of a key, from whichever log it was read.

use jiff::Timestamp;
use serde_json::Value;

use super::meaning;
use crate::provider::Use;

/// What this program's own questions with a leaked key are signed with, beside what the SDK says.
pub(super) const OURS: &str = "stanch/";

/// Returns an event as a use; `None` for what is none of CloudTrail's events.
pub(super) fn used(told: &Value, region: &str) -> Option<Use> {
    let text = |name: &str| told.get(name).and_then(Value::as_str).map(str::to_owned);
    let source = text("eventSource")?;
    let service = source.split('.').next().unwrap_or_default();
    let name = text("eventName")?;
    let error = text("errorCode").filter(|code| !code.is_empty());
    let agent = text("userAgent");
    let asks_who_it_is = service == "sts" && name == "GetCallerIdentity";
    Some(Use {
        id: text("eventID")?,
        key: key_of(told).map(str::to_owned),
        at: text("eventTime")?.parse::<Timestamp>().ok()?,
        is_ours: asks_who_it_is && agent.as_ref().is_some_and(|agent| agent.contains(OURS)),
        call: format!("{service}:{name}"),
        place: text("awsRegion").unwrap_or_else(|| region.to_owned()),
        from: text("sourceIPAddress"),
        agent,
        gave: gave(told).filter(|_| error.is_none()).map(str::to_owned),
        meaning: meaning::of(service, &name, error.is_some(), told),
        error,
    })
}

/// Returns the key that was given out for another identity: a role's session, another user's new key. What
/// the same user did with other keys is found by its name.
fn gave(told: &Value) -> Option<&str> {
    let text = |pointer: &str| told.pointer(pointer).and_then(Value::as_str);
    match text("/eventName")? {
        "AssumeRole"
        | "AssumeRoleWithSAML"
        | "AssumeRoleWithWebIdentity"
        | "GetFederationToken" => text("/responseElements/credentials/accessKeyId"),
        "CreateAccessKey" => {
            let of_another =
                text("/responseElements/accessKey/userName") != text("/userIdentity/userName");
            text("/responseElements/accessKey/accessKeyId").filter(|_| of_another)
        }
        _ => None,
    }
}

/// Returns the key an event was signed with.
pub(super) fn key_of(told: &Value) -> Option<&str> {
    told.pointer("/userIdentity/accessKeyId").and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// Who made the session an event was done in: the role that was taken on, or the user itself.
pub(super) fn issuer(told: &Value) -> Option<String> {
    let identity = told.get("userIdentity")?;
    let role = identity.pointer("/sessionContext/sessionIssuer/arn").and_then(Value::as_str);
    let own = identity.get("arn").and_then(Value::as_str);
    role.or(own).filter(|arn| arn.starts_with("arn:")).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_issuer_is_the_role_or_the_user() {
        let role = json!({ "userIdentity": {
            "arn": "arn:aws:sts::1:assumed-role/web/i-1",
            "sessionContext": { "sessionIssuer": { "arn": "arn:aws:iam::1:role/web" } },
        } });
        assert_eq!(issuer(&role).as_deref(), Some("arn:aws:iam::1:role/web"));
        let user = json!({ "userIdentity": { "arn": "arn:aws:iam::1:user/bot" } });
        assert_eq!(issuer(&user).as_deref(), Some("arn:aws:iam::1:user/bot"));
        assert_eq!(issuer(&Value::Null), None);
    }

    #[test]
    fn a_key_for_somebody_else_is_followed() {
        let event = |name: &str, answer: Value| {
            json!({
                "eventName": name, "responseElements": answer,
                "userIdentity": { "userName": "bot" },
            })
        };
        let role = event("AssumeRole", json!({ "credentials": { "accessKeyId": "ASIAX" } }));
        assert_eq!(gave(&role), Some("ASIAX"));
        let own = json!({ "accessKey": { "accessKeyId": "AKIAX", "userName": "bot" } });
        assert_eq!(gave(&event("CreateAccessKey", own)), None);
        let other = json!({ "accessKey": { "accessKeyId": "AKIAX", "userName": "eve" } });
        assert_eq!(gave(&event("CreateAccessKey", other)), Some("AKIAX"));
        assert_eq!(gave(&event("AssumeRole", Value::Null)), None);
    }

    #[test]
    fn an_event_is_a_use_and_our_own_question_is_told_apart() {
        let event = |agent: &str| {
            json!({
                "eventID": "1", "eventTime": "2026-11-22T10:00:00Z", "eventName": "GetCallerIdentity",
                "eventSource": "sts.amazonaws.com", "awsRegion": "us-east-1", "userAgent": agent,
                "sourceIPAddress": "192.0.2.7", "userIdentity": { "accessKeyId": "AKIAX" },
            })
        };
        let theirs = used(&event("aws-cli/2"), "").expect("it is one");
        assert!(!theirs.is_ours);
        assert_eq!(
            (theirs.call.as_str(), theirs.key.as_deref()),
            ("sts:GetCallerIdentity", Some("AKIAX"))
        );
        assert!(used(&event("stanch/0.1.0"), "").expect("it is one").is_ours);
        let mut other = event("stanch/0.1.0");
        other["eventName"] = json!("GetSessionToken");
        assert!(!used(&other, "").expect("it is one").is_ours, "whoever says so may say anything");
        assert_eq!(used(&json!({ "eventName": "x" }), ""), None);
    }
}
