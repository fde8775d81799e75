//! JSON Web Tokens: header and payload decoded, and what they claim.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use rand::{Rng, RngExt};
use serde_json::{Map, Value};

use super::{Verdict, plain_claim};

type Object = Map<String, Value>;

pub(super) fn judge(text: &str) -> Verdict {
    let Some((header, payload)) = objects(text) else {
        return Verdict::Disproved;
    };
    let Some(algorithm) = algorithm(&header) else {
        return Verdict::Disproved;
    };
    match why_harmless(algorithm, &payload) {
        Some(why) => Verdict::Harmless(why.to_owned()),
        None if is_about_nobody(&payload) => Verdict::Unprovable,
        None => Verdict::Proved(words(algorithm, &payload)),
    }
}

/// Tells whether no claim says who, by whom or when: the token of a test, mostly.
fn is_about_nobody(payload: &Object) -> bool {
    let registered = ["iss", "sub", "aud", "exp", "nbf", "iat", "jti"];
    !registered.iter().any(|claim| payload.contains_key(*claim))
}

pub(super) fn judge_supabase_service(text: &str) -> Verdict {
    let is_service =
        objects(text).is_some_and(|(_, payload)| claim(&payload, "role") == Some("service_role"));
    match judge(text) {
        Verdict::Proved(_) | Verdict::Unprovable if !is_service => Verdict::Disproved,
        verdict => verdict,
    }
}

/// Returns header and payload, if both are JSON objects.
fn objects(text: &str) -> Option<(Object, Object)> {
    let mut segments = text.split('.');
    let mut object = || {
        let json = URL_SAFE_NO_PAD.decode(segments.next()?.trim_end_matches('=')).ok()?;
        match serde_json::from_slice(&json).ok()? {
            Value::Object(object) => Some(object),
            _ => None,
        }
    };
    Some((object()?, object()?))
}

fn algorithm(header: &Object) -> Option<&str> {
    let algorithm = header.get("alg")?.as_str()?;
    let is_name = !algorithm.is_empty() && algorithm.bytes().all(|b| b.is_ascii_alphanumeric());
    is_name.then_some(algorithm)
}

fn claim<'a>(payload: &'a Object, name: &str) -> Option<&'a str> {
    payload.get(name)?.as_str()
}

/// Returns why nobody who holds such a token gains anything.
fn why_harmless(algorithm: &str, payload: &Object) -> Option<&'static str> {
    let claims = |name: &str, value: &str| claim(payload, name) == Some(value);
    if algorithm.eq_ignore_ascii_case("none") {
        Some("a JWT without a signature")
    } else if claims("sub", "1234567890") && claims("name", "John Doe") {
        Some("the sample token of the JWT documentation")
    } else if claims("iss", "supabase-demo") {
        Some("the published key of a local Supabase")
    } else if claims("iss", "supabase") && claims("role", "anon") {
        Some("a Supabase key for browsers, made to be public")
    } else {
        None
    }
}

/// Returns what it claims: `JWT signed with HS256, issuer …, role …, valid until 2026-01-02`.
fn words(algorithm: &str, payload: &Object) -> String {
    let mut words = format!("JWT signed with {algorithm}");
    for (name, label) in [("iss", "issuer"), ("role", "role")] {
        if let Some(value) = claim(payload, name).and_then(plain_claim) {
            words.push_str(&format!(", {label} {value}"));
        }
    }
    if let Some(day) = payload.get("exp").and_then(Value::as_f64).and_then(day) {
        words.push_str(&format!(", valid until {day}"));
    }
    words
}

fn day(seconds: f64) -> Option<String> {
    let moment = Timestamp::from_second(seconds as i64).ok()?;
    Some(moment.strftime("%Y-%m-%d").to_string())
}

pub(super) fn complete(sample: &str, rng: &mut dyn Rng, role: Option<&str>) -> String {
    let signature = sample.rsplit('.').next().unwrap_or_default();
    let subject: u64 = rng.random();
    let role = role.map(|role| format!(r#","role":"{role}""#)).unwrap_or_default();
    let payload = format!(r#"{{"sub":"{subject}","iat":1700000000{role}}}"#);
    let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
    format!("{}.{}.{signature}", encode(r#"{"alg":"HS256","typ":"JWT"}"#), encode(&payload))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(header: &str, payload: &str) -> String {
        let encode = |json: &str| URL_SAFE_NO_PAD.encode(json);
        format!("{}.{}.c2lnbmF0dXJl", encode(header), encode(payload))
    }

    const HEADER: &str = r#"{"alg":"RS256"}"#;

    #[test]
    fn the_proof_tells_issuer_and_expiry() {
        let token = token(HEADER, r#"{"iss":"https://id.acme.example/","exp":1767322984}"#);
        let words =
            "JWT signed with RS256, issuer https://id.acme.example/, valid until 2026-01-02";
        assert_eq!(judge(&token), Verdict::Proved(words.to_owned()));
    }

    #[test]
    fn an_issuer_that_may_hold_a_password_is_not_shown() {
        let token = token(HEADER, r#"{"iss":"https://a:b@acme.example"}"#);
        assert_eq!(judge(&token), Verdict::Proved("JWT signed with RS256".to_owned()));
    }

    #[test]
    fn what_opens_nothing_is_harmless() {
        for (header, payload) in [
            (r#"{"alg":"none"}"#, "{}"),
            (HEADER, r#"{"sub":"1234567890","name":"John Doe"}"#),
            (HEADER, r#"{"iss":"supabase-demo","role":"service_role"}"#),
            (HEADER, r#"{"iss":"supabase","role":"anon"}"#),
        ] {
            let token = token(header, payload);
            assert!(matches!(judge(&token), Verdict::Harmless(_)), "{payload}");
        }
    }

    #[test]
    fn a_token_about_nobody_is_no_proof() {
        assert_eq!(judge(&token(HEADER, r#"{"some":"payload"}"#)), Verdict::Unprovable);
    }

    #[test]
    fn a_supabase_key_of_another_role_is_no_service_key() {
        let with_role =
            |role: &str| token(HEADER, &format!(r#"{{"iss":"supabase","role":"{role}"}}"#));
        assert!(matches!(judge_supabase_service(&with_role("service_role")), Verdict::Proved(_)));
        assert_eq!(judge_supabase_service(&with_role("authenticated")), Verdict::Disproved);
    }
}
