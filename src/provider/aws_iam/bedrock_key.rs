//! What a Bedrock key says about itself: both kinds are text in base64.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::unsupported;
use crate::provider::Error;
use crate::secret::{Credential, Secret};

/// The part of a credential that is the key.
pub(super) const KEY: &str = "key";
const LONG_PREFIX: &str = "ABSK";
const SHORT_PREFIX: &str = "bedrock-api-key-";

/// What a key says about itself.
pub(super) enum Said {
    /// Whose long-term key it is.
    Long { alias: String, user: String, account: Option<String> },
    /// The session that signed a short-term key, and when it ends.
    Short { session: String, region: String, ends_at: Option<Timestamp> },
}

/// Returns whose key it is by its own word.
pub(super) fn said(credential: &Credential) -> Result<Said, Error> {
    let key = text(credential)?;
    let said = match key.strip_prefix(LONG_PREFIX) {
        Some(rest) => long(rest),
        None => key.strip_prefix(SHORT_PREFIX).and_then(short),
    };
    said.ok_or_else(|| unsupported("tell whose key this is, which is no Bedrock key"))
}

/// Returns the key itself.
pub(super) fn text(credential: &Credential) -> Result<&str, Error> {
    let secret = credential.secret(KEY).and_then(Secret::expose_str);
    secret.ok_or_else(|| unsupported("act on a Bedrock key without the key"))
}

fn long(rest: &str) -> Option<Said> {
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (alias, _secret) = decoded.split_once(':')?;
    let (user, account) = match alias.rsplit_once("-at-") {
        Some((user, account)) if account.len() == 12 => (user, Some(account.to_owned())),
        _ => (alias, None),
    };
    // The second key of a user, and each after it, is told apart by a number.
    let user = match user.rsplit_once('+') {
        Some((user, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => user,
        _ => user,
    };
    Some(Said::Long { alias: alias.to_owned(), user: user.to_owned(), account })
}

fn short(rest: &str) -> Option<Said> {
    let decoded = String::from_utf8(STANDARD.decode(rest).ok()?).ok()?;
    let (_, query) = decoded.split_once('?')?;
    let value = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    };
    let scope = value("X-Amz-Credential")?;
    let scope = scope.replace("%2F", "/");
    let mut scope = scope.split('/').map(str::to_owned);
    // The session's key id, the day, the region.
    let (session, region) = (scope.next()?, scope.nth(1)?);
    let signed: Option<Timestamp> = value("X-Amz-Date").and_then(|text| text.parse().ok());
    let seconds = value("X-Amz-Expires").and_then(|text| text.parse().ok());
    let lives = seconds.map(SignedDuration::from_secs);
    let ends_at = signed.zip(lives).and_then(|(at, lives)| at.checked_add(lives).ok());
    Some(Said::Short { session, region, ends_at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_term_key_says_whose_it_is() {
        for (alias, user, account) in [
            ("BedrockAPIKey-ab12-at-123456789012", "BedrockAPIKey-ab12", Some("123456789012")),
            ("jane+2-at-123456789012", "jane", Some("123456789012")),
            ("a+b-at-123456789012", "a+b", Some("123456789012")),
            ("jane-at-home", "jane-at-home", None),
        ] {
            let Some(Said::Long { alias: said, user: whose, account: of }) =
                long(&STANDARD.encode(format!("{alias}:c2VjcmV0")))
            else {
                panic!("{alias}");
            };
            assert_eq!((said.as_str(), whose.as_str(), of.as_deref()), (alias, user, account));
        }
        assert!(long(&STANDARD.encode("no secret")).is_none());
    }

    #[test]
    fn a_short_term_key_says_when_it_ends() {
        let request = "bedrock.amazonaws.com/?Action=CallWithBearerToken\
             &X-Amz-Credential=ASIAX%2F20260102%2Fus-east-1%2Fbedrock%2Faws4_request\
             &X-Amz-Date=20260102T030405Z&X-Amz-Expires=43200";
        let Some(Said::Short { session, region, ends_at }) = short(&STANDARD.encode(request))
        else {
            panic!("it is one");
        };
        assert_eq!((session.as_str(), region.as_str()), ("ASIAX", "us-east-1"));
        assert_eq!(ends_at, Some("2026-01-02T15:04:05Z".parse().expect("a time")));
    }
}
