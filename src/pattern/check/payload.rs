//! Tokens that carry a payload: what it decodes to must be what the issuer puts there.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::{Rng, RngExt};
use serde_json::{Map, Value};

use super::{Verdict, decode_base64, plain_claim};

const STORAGE_KEY_BYTES: usize = 64;

pub(super) fn judge_64_bytes(text: &str) -> Verdict {
    let is_right = decode_base64(text).is_some_and(|key| key.len() == STORAGE_KEY_BYTES);
    Verdict::proved_or_disproved(is_right.then(|| "base64 of 64 bytes".to_owned()))
}

/// Clears the four bits beyond the last byte.
pub(super) fn complete_64_bytes(sample: &str) -> String {
    let body = sample.trim_end_matches('=');
    match body.char_indices().next_back() {
        Some((last, _)) => format!("{}Q==", &body[..last]),
        None => sample.to_owned(),
    }
}

const PYPI_PREFIX: &str = "pypi-";
/// The binary form of a macaroon, version 2: a field is a type, a length and so many bytes.
const MACAROON_VERSION: u8 = 2;
const FIELD_LOCATION: u8 = 1;
const FIELD_IDENTIFIER: u8 = 2;
const FIELD_SIGNATURE: u8 = 6;
const FIELD_END: u8 = 0;
const SIGNATURE_BYTES: usize = 32;

pub(super) fn judge_pypi(text: &str) -> Verdict {
    let location = || {
        let bytes = decode_base64(text.strip_prefix(PYPI_PREFIX)?)?;
        let location = macaroon_location(&bytes)?;
        matches!(location, "pypi.org" | "test.pypi.org").then(|| format!("macaroon of {location}"))
    };
    Verdict::proved_or_disproved(location())
}

/// Returns the location of a macaroon that is whole to its signature.
fn macaroon_location(bytes: &[u8]) -> Option<&str> {
    let mut rest = bytes.strip_prefix(&[MACAROON_VERSION])?;
    let location = take_field(&mut rest, FIELD_LOCATION)?;
    take_field(&mut rest, FIELD_IDENTIFIER)?;
    rest = rest.strip_prefix(&[FIELD_END])?;
    // Caveats: each an identifier and perhaps more fields, closed by an end; then one end more.
    while rest.first() != Some(&FIELD_END) {
        while *rest.first()? != FIELD_END {
            let kind = rest[0];
            take_field(&mut rest, kind)?;
        }
        rest = &rest[1..];
    }
    rest = &rest[1..];
    let signature = take_field(&mut rest, FIELD_SIGNATURE)?;
    let is_whole = signature.len() == SIGNATURE_BYTES && rest.is_empty();
    std::str::from_utf8(location).ok().filter(|_| is_whole)
}

/// Takes one field of this type off the front.
fn take_field<'a>(rest: &mut &'a [u8], kind: u8) -> Option<&'a [u8]> {
    let after_kind = rest.strip_prefix(&[kind])?;
    let (length, after_length) = take_length(after_kind)?;
    let (field, after) = after_length.split_at_checked(length)?;
    *rest = after;
    Some(field)
}

/// Takes a length of one or two bytes of seven bits each off the front: no field is longer.
fn take_length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes {
        [low, rest @ ..] if low & 0x80 == 0 => Some((usize::from(*low), rest)),
        [low, high, rest @ ..] if high & 0x80 == 0 => {
            Some((usize::from(low & 0x7f) | usize::from(*high) << 7, rest))
        }
        _ => None,
    }
}

pub(super) fn complete_pypi(sample: &str, rng: &mut dyn Rng) -> String {
    // Base64 of `test.pypi.org` begins otherwise than that of `pypi.org`.
    let is_test = sample.starts_with("pypi-AgEN");
    let location: &[u8] = if is_test { b"test.pypi.org" } else { b"pypi.org" };
    let identifier: u128 = rng.random();
    let identifier = format!("{identifier:036}");
    let caveat = br#"{"version": 1, "permissions": "user"}"#;
    let field = |kind: u8, bytes: &[u8]| [&[kind, bytes.len() as u8], bytes].concat();
    let bytes = [
        vec![MACAROON_VERSION],
        field(FIELD_LOCATION, location),
        field(FIELD_IDENTIFIER, &identifier.as_bytes()[..36]),
        vec![FIELD_END],
        field(FIELD_IDENTIFIER, caveat),
        vec![FIELD_END, FIELD_END],
        field(FIELD_SIGNATURE, &rng.random::<[u8; SIGNATURE_BYTES]>()),
    ];
    format!("{PYPI_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes.concat()))
}

const SENTRY_PREFIX: &str = "sntrys_";

pub(super) fn judge_sentry(text: &str) -> Verdict {
    let proof = || {
        let (payload, secret) = text.strip_prefix(SENTRY_PREFIX)?.rsplit_once('_')?;
        (decode_base64(secret)?.len() == 32).then_some(())?;
        let payload = json_object(payload)?;
        payload.get("iat")?;
        let organization = payload.get("org")?.as_str()?;
        Some(match plain_claim(organization) {
            Some(name) => format!("Sentry organization {name}"),
            None => "names a Sentry organization".to_owned(),
        })
    };
    Verdict::proved_or_disproved(proof())
}

fn json_object(base64: &str) -> Option<Map<String, Value>> {
    match serde_json::from_slice(&decode_base64(base64)?).ok()? {
        Value::Object(object) => Some(object),
        _ => None,
    }
}

pub(super) fn complete_sentry(sample: &str) -> String {
    let payload = STANDARD.encode(
        r#"{"iat": 1767322984.5, "url": "https://sentry.io", "region_url": "https://us.sentry.io", "org": "acme"}"#,
    );
    // 43 characters hold 258 bits: the last one's two lowest must be zero.
    let secret = sample.rsplit('_').next().unwrap_or_default();
    let secret: String = secret.chars().take(secret.len().saturating_sub(1)).collect();
    format!("{SENTRY_PREFIX}{payload}_{secret}A")
}

const GRAFANA_CLOUD_PREFIX: &str = "glc_";

pub(super) fn judge_grafana_cloud(text: &str) -> Verdict {
    let proof = || {
        let payload = json_object(text.strip_prefix(GRAFANA_CLOUD_PREFIX)?)?;
        let organization = payload.get("o").and_then(Value::as_str).and_then(plain_claim);
        Some(match organization {
            Some(id) => format!("Grafana Cloud organization {id}"),
            None => "payload is JSON".to_owned(),
        })
    };
    Verdict::proved_or_disproved(proof())
}

pub(super) fn complete_grafana_cloud(rng: &mut dyn Rng) -> String {
    let organization: u32 = rng.random();
    let key = STANDARD.encode(rng.random::<[u8; 18]>());
    let payload = format!(
        r#"{{"o":"{organization}","n":"acme-reader","k":"{key}","m":{{"r":"prod-eu-west-0"}}}}"#
    );
    format!("{GRAFANA_CLOUD_PREFIX}{}", STANDARD.encode(payload))
}

/// Ids of Discord count milliseconds since 2015 in their upper bits: 17 to 20 digits.
const DISCORD_ID_DIGITS: std::ops::RangeInclusive<usize> = 17..=20;

pub(super) fn judge_discord(text: &str) -> Verdict {
    let id = || {
        let id = decode_base64(text.split('.').next()?)?;
        let is_id = DISCORD_ID_DIGITS.contains(&id.len()) && id.iter().all(u8::is_ascii_digit);
        is_id.then(|| format!("bot {}", String::from_utf8_lossy(&id)))
    };
    Verdict::proved_or_disproved(id())
}

pub(super) fn complete_discord(sample: &str, rng: &mut dyn Rng) -> String {
    let id: u64 = rng.random_range(100_000_000_000_000_000..2_000_000_000_000_000_000);
    let rest = sample.split_once('.').map_or("", |(_, rest)| rest);
    format!("{}.{rest}", URL_SAFE_NO_PAD.encode(id.to_string()))
}

/// Judges base64 of `user:password`, where both are visible text and the password isn't filled in later.
pub(super) fn judge_basic_auth(text: &str) -> Verdict {
    let user = || {
        let pair = String::from_utf8(STANDARD.decode(text).ok()?).ok()?;
        let (user, password) = pair.split_once(':')?;
        let is_visible =
            |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let is_password = password.len() >= 6 && !password.starts_with(['$', '{', '<']);
        let is_pair = is_visible(user) && is_visible(password) && is_password;
        is_pair.then(|| format!("password of user {user}"))
    };
    Verdict::proved_or_disproved(user())
}

pub(super) fn complete_basic_auth(sample: &str, rng: &mut dyn Rng) -> String {
    let password: u64 = rng.random();
    let user = sample.get(..6).unwrap_or("deploy").replace(['+', '/', '='], "-");
    STANDARD.encode(format!("{user}:{password:016x}"))
}
