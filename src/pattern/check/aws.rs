//! What AWS keys say about themselves: the account in a key id, the user in a Bedrock key.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rand::{Rng, RngExt};

use super::{Verdict, decode_base64, plain_claim};

/// The bits of the decoded key id that hold the account number.
const ACCOUNT_MASK: u64 = 0x7fff_ffff_ff80;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const PREFIX_CHARS: usize = 4;

/// Returns the twelve-digit account number that an AWS key id carries: the base-32 text behind the
/// four-letter prefix holds it in bits 7 to 46 of its first six bytes. `None` where the text is no key
/// id, or one of the old kind (fifth character `I` or `J`) that carries none.
pub fn aws_account_of(key_id: &str) -> Option<String> {
    let body = key_id.get(PREFIX_CHARS..)?.as_bytes();
    if body.len() != 16 || is_old_key_id(key_id) {
        return None;
    }
    let digit = |c: u8| BASE32.iter().position(|&b| b == c).map(|value| value as u64);
    // Ten digits of five bits hold the first 50 bits; the first six bytes are 48 of them.
    let bits = body[..10].iter().try_fold(0, |bits, &c| Some(bits << 5 | digit(c)?))?;
    body[10..].iter().try_for_each(|&c| digit(c).map(drop))?;
    let account = ((bits >> 2) & ACCOUNT_MASK) >> 7;
    (account < 1_000_000_000_000).then(|| format!("{account:012}"))
}

fn is_old_key_id(key_id: &str) -> bool {
    matches!(key_id.as_bytes().get(PREFIX_CHARS), Some(b'I' | b'J'))
}

pub(super) fn judge_key_id(text: &str) -> Verdict {
    if is_old_key_id(text) {
        return Verdict::Unprovable;
    }
    let account = aws_account_of(text);
    Verdict::proved_or_disproved(account.map(|account| format!("AWS account {account}")))
}

/// Keeps a sampled key id within the account numbers there are: twelve digits need no more than the
/// lower half of the first character's values.
pub(super) fn complete_key_id(sample: &str) -> String {
    let (prefix, body) = sample.split_at(PREFIX_CHARS.min(sample.len()));
    // `Y` keeps the account number below 10^12 whatever follows.
    format!("{prefix}Y{}", body.get(1..).unwrap_or_default())
}

/// `ABSK`, then base64 of `USER-at-ACCOUNT:SECRET`.
const BEDROCK_PREFIX: &str = "ABSK";
/// What the console names the users it makes for such keys.
const BEDROCK_USER: &str = "BedrockAPIKey-";
const ACCOUNT_DIGITS: usize = 12;

pub(super) fn judge_bedrock_key(text: &str) -> Verdict {
    let user = || {
        let decoded = decode_base64(text.strip_prefix(BEDROCK_PREFIX)?)?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (user, _secret) = decoded.split_once(':')?;
        user.strip_prefix(BEDROCK_USER)?;
        let account = user.rsplit_once("-at-").map(|(_, account)| account).filter(|account| {
            account.len() == ACCOUNT_DIGITS && account.bytes().all(|byte| byte.is_ascii_digit())
        });
        Some(match account {
            Some(account) => format!("Bedrock user of AWS account {account}"),
            None => "names a Bedrock user".to_owned(),
        })
    };
    Verdict::proved_or_disproved(user())
}

pub(super) fn complete_bedrock_key(rng: &mut dyn Rng) -> String {
    let account = rng.random_range(0..1_000_000_000_000_u64);
    let secret = STANDARD.encode(rng.random::<[u8; 32]>());
    let name: u16 = rng.random();
    let user = format!("{BEDROCK_USER}{name:04x}-at-{account:012}:{secret}");
    format!("{BEDROCK_PREFIX}{}", STANDARD.encode(user))
}

/// `bedrock-api-key-`, then base64 of a presigned address without its scheme.
const SESSION_PREFIX: &str = "bedrock-api-key-";
const SESSION_HOST: &str = "bedrock.amazonaws.com";

pub(super) fn judge_bedrock_session(text: &str) -> Verdict {
    let proof = || {
        let decoded = decode_base64(text.strip_prefix(SESSION_PREFIX)?)?;
        let decoded = String::from_utf8(decoded).ok()?;
        let (_, query) = decoded.strip_prefix(SESSION_HOST)?.split_once('?')?;
        let value = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        };
        let scope = value("X-Amz-Credential")?;
        // The slashes of the scope are mostly percent-encoded.
        let (key_id, rest) = scope.split_once("%2F").or_else(|| scope.split_once('/'))?;
        let account = aws_account_of(key_id).map(|account| format!(" of AWS account {account}"));
        let day = rest.get(..8).and_then(plain_claim).unwrap_or("an unknown day");
        Some(format!("presigned on {day}{}", account.unwrap_or_default()))
    };
    Verdict::proved_or_disproved(proof())
}

pub(super) fn complete_bedrock_session(rng: &mut dyn Rng) -> String {
    let digit = |rng: &mut dyn Rng| char::from(BASE32[rng.random_range(0..BASE32.len())]);
    let key: String = (0..16).map(|_| digit(rng)).collect();
    let key_id = complete_key_id(&format!("ASIA{key}"));
    let signature: String =
        rng.random::<[u8; 32]>().iter().map(|byte| format!("{byte:02x}")).collect();
    let request = format!(
        "{SESSION_HOST}/?Action=CallWithBearerToken&X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential={key_id}%2F20260102%2Fus-east-1%2Fbedrock%2Faws4_request\
         &X-Amz-Date=20260102T030405Z&X-Amz-Expires=43200&X-Amz-Signature={signature}&Version=1"
    );
    format!("{SESSION_PREFIX}{}", STANDARD.encode(request))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_number_is_decoded() {
        // A published bait key, in two halves so that this file holds none, and its account.
        let id = ["AKIASP2TP", "HJSQH3FJRUX"].concat();
        assert_eq!(aws_account_of(&id).as_deref(), Some("171436882533"));
        let old = ["AKIAIOSF", "ODNN7EXAMPLE"].concat();
        assert_eq!(aws_account_of(&old), None);
        assert_eq!(judge_key_id(&old), Verdict::Unprovable);
        assert_eq!(aws_account_of("AKIA"), None);
    }

    #[test]
    fn a_bedrock_key_names_its_account() {
        let user = STANDARD.encode("BedrockAPIKey-ab12-at-123456789012:c2VjcmV0");
        let proof = Verdict::Proved("Bedrock user of AWS account 123456789012".to_owned());
        assert_eq!(judge_bedrock_key(&format!("ABSK{user}")), proof);
        let other = STANDARD.encode("BedrockAPIKey-without-a-secret");
        assert_eq!(judge_bedrock_key(&format!("ABSK{other}")), Verdict::Disproved);
    }
}
