//! Offline proofs a pattern can name: what a real key of the kind must satisfy, without any network.
//!
//! Each check can also *complete* a random text so that it passes: that is how examples with gaps are
//! filled without a real secret ever standing in this repository.
//!
//! Every rule here comes from the issuer's documentation, or from the client or server it publishes.
//! Where the issuer documents a rule but not that every key keeps it, a text that breaks it is
//! [`Verdict::Unprovable`], never [`Verdict::Disproved`]: a real key must not be lost to a guess.
//!
//! No check reads a clock: the same bytes get the same verdict tomorrow. A proof says until when a
//! token is valid, and its reader knows the date.

mod aws;
mod checksum;
mod jwt;
mod marker;
mod payload;
mod pem;

pub use aws::aws_account_of;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use rand::Rng;
use serde::Deserialize;

/// A proof that needs no network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The last six characters are the CRC32, in base 62, of what stands between the last `_` before
    /// them and them. GitHub and npm: <https://github.blog/2021-04-05-behind-githubs-new-authentication-token-formats/>
    #[serde(rename = "crc32-base62")]
    Crc32Base62,
    /// The last eight characters are the CRC32, in hexadecimal, of what stands between the first `_`
    /// and them. Cloudflare: <https://developers.cloudflare.com/fundamentals/api/get-started/token-formats>
    #[serde(rename = "crc32-hex")]
    Crc32Hex,
    /// What stands behind the last `_` is the CRC32, its bytes in hexadecimal from the lowest on, of
    /// everything before that `_`. Grafana: `pkg/components/satokengen` of its server.
    GrafanaToken,
    /// The last seven characters are the CRC32, in base 36, of everything before them, and the payload
    /// tells how long it is. GitLab: `lib/authn/token_field/generator/routable_token.rb` of its server.
    /// A token without a dot is of the older form, which carries no proof.
    GitlabRoutable,
    /// The last four characters are 24 bits of the Marvin hash of those before. Microsoft:
    /// `IdentifiableSecrets.cs` of microsoft/security-utilities. Only one of the forms in use is
    /// documented, so another checksum proves nothing.
    AzureKey,
    /// Base64 of exactly 64 bytes: an Azure Storage account key.
    #[serde(rename = "base64-64-bytes")]
    Base64Bytes64,
    /// The account number decodes from the AWS key id.
    AwsKeyId,
    /// Base64 that names the Amazon Bedrock user, and mostly its account.
    BedrockKey,
    /// Base64 of a presigned request to Amazon Bedrock, with its key id and its day.
    BedrockSession,
    /// Header and payload are JSON objects and the header names an algorithm (RFC 7519, RFC 7515).
    Jwt,
    /// A JWT whose payload claims Supabase's role `service_role`; one for `anon` is made to be public.
    SupabaseServiceJwt,
    /// A private key of a known structure stands in the PEM block (RFC 7468): PKCS#1, PKCS#8, SEC 1,
    /// DSA or OpenSSH, newlines as such or as the two characters `\n`. One that a passphrase protects
    /// is harmless.
    Pem,
    /// A macaroon whose first field names the index: `pypi.org`, `test.pypi.org`. PyPI:
    /// `warehouse/macaroons` of its server.
    PypiMacaroon,
    /// Base64 of a JSON object with the organization. Sentry:
    /// `src/sentry/utils/security/orgauthtoken_token.py` of its server.
    SentryOrganization,
    /// Base64 of a JSON object. Grafana Cloud.
    GrafanaCloud,
    /// The first part is base64 of the bot's id. Discord:
    /// <https://discord.com/developers/docs/reference#authentication>
    DiscordBot,
    /// Base64 of `user:password` (RFC 7617).
    BasicAuth,
    /// `T3BlbkFJ`, base64 of `OpenAI`, stands in the middle.
    OpenaiMarker,
    /// `WGdyb3FY`, base64 of `XgroqX`, stands behind twenty characters of fifty-two.
    GroqMarker,
}

/// What a check found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is what it claims to be; the words say what was proved.
    Proved(String),
    /// It is of a kind that carries no proof.
    Unprovable,
    /// It can't be a key of the kind.
    Disproved,
    /// It is what it claims to be and opens nothing; the words say why.
    Harmless(String),
}

impl Verdict {
    /// Returns a proof where there is one, else that it can't be a key of the kind.
    fn proved_or_disproved(proof: Option<String>) -> Self {
        proof.map_or(Self::Disproved, Self::Proved)
    }

    /// Returns a proof where there is one, else that the kind carries none.
    fn proved_or_unprovable(proof: Option<String>) -> Self {
        proof.map_or(Self::Unprovable, Self::Proved)
    }
}

impl Check {
    /// Every check there is.
    pub const ALL: [Self; 19] = [
        Self::Crc32Base62,
        Self::Crc32Hex,
        Self::GrafanaToken,
        Self::GitlabRoutable,
        Self::AzureKey,
        Self::Base64Bytes64,
        Self::AwsKeyId,
        Self::BedrockKey,
        Self::BedrockSession,
        Self::Jwt,
        Self::SupabaseServiceJwt,
        Self::Pem,
        Self::PypiMacaroon,
        Self::SentryOrganization,
        Self::GrafanaCloud,
        Self::DiscordBot,
        Self::BasicAuth,
        Self::OpenaiMarker,
        Self::GroqMarker,
    ];

    /// Judges a text.
    pub fn judge(self, text: &[u8]) -> Verdict {
        let Ok(text) = std::str::from_utf8(text) else {
            return Verdict::Disproved;
        };
        match self {
            Self::Crc32Base62 => checksum::judge_base62(text),
            Self::Crc32Hex => checksum::judge_hex(text),
            Self::GrafanaToken => checksum::judge_grafana(text),
            Self::GitlabRoutable => checksum::judge_gitlab(text),
            Self::AzureKey => checksum::judge_azure(text),
            Self::Base64Bytes64 => payload::judge_64_bytes(text),
            Self::AwsKeyId => aws::judge_key_id(text),
            Self::BedrockKey => aws::judge_bedrock_key(text),
            Self::BedrockSession => aws::judge_bedrock_session(text),
            Self::Jwt => jwt::judge(text),
            Self::SupabaseServiceJwt => jwt::judge_supabase_service(text),
            Self::Pem => pem::judge(text),
            Self::PypiMacaroon => payload::judge_pypi(text),
            Self::SentryOrganization => payload::judge_sentry(text),
            Self::GrafanaCloud => payload::judge_grafana_cloud(text),
            Self::DiscordBot => payload::judge_discord(text),
            Self::BasicAuth => payload::judge_basic_auth(text),
            Self::OpenaiMarker => marker::judge_openai(text),
            Self::GroqMarker => marker::judge_groq(text),
        }
    }

    /// Returns a text like `sample` that passes the check.
    pub fn complete(self, sample: &str, rng: &mut dyn Rng) -> String {
        match self {
            Self::Crc32Base62 => checksum::complete_base62(sample),
            Self::Crc32Hex => checksum::complete_hex(sample),
            Self::GrafanaToken => checksum::complete_grafana(sample),
            Self::GitlabRoutable => checksum::complete_gitlab(sample, rng),
            Self::AzureKey => checksum::complete_azure(sample),
            Self::Base64Bytes64 => payload::complete_64_bytes(sample),
            Self::AwsKeyId => aws::complete_key_id(sample),
            Self::BedrockKey => aws::complete_bedrock_key(rng),
            Self::BedrockSession => aws::complete_bedrock_session(rng),
            Self::Jwt => jwt::complete(sample, rng, None),
            Self::SupabaseServiceJwt => jwt::complete(sample, rng, Some("service_role")),
            Self::Pem => pem::complete(sample, rng),
            Self::PypiMacaroon => payload::complete_pypi(sample, rng),
            Self::SentryOrganization => payload::complete_sentry(sample),
            Self::GrafanaCloud => payload::complete_grafana_cloud(rng),
            Self::DiscordBot => payload::complete_discord(sample, rng),
            Self::BasicAuth => payload::complete_basic_auth(sample, rng),
            Self::OpenaiMarker => marker::complete_openai(sample),
            Self::GroqMarker => marker::complete_groq(sample),
        }
    }
}

/// Padding may be there or not; bits beyond the last byte must be zero.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const ANY_STANDARD: GeneralPurpose = GeneralPurpose::new(&STANDARD, LENIENT);
const ANY_URL_SAFE: GeneralPurpose = GeneralPurpose::new(&URL_SAFE, LENIENT);

/// Decodes base64 of either alphabet, with or without padding.
fn decode_base64(text: &str) -> Option<Vec<u8>> {
    let engine = if text.contains(['-', '_']) { &ANY_URL_SAFE } else { &ANY_STANDARD };
    engine.decode(text).ok()
}

/// A claim is shown up to this length.
const MAX_SHOWN_CLAIM: usize = 80;

/// Returns a claim of a token as it may be shown: a plain name or address, never one that could hold a
/// password or what a terminal would act on.
fn plain_claim(text: &str) -> Option<&str> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".:/_-".contains(&byte);
    let fits = !text.is_empty() && text.len() <= MAX_SHOWN_CLAIM;
    (fits && text.bytes().all(is_plain)).then_some(text)
}

#[cfg(test)]
mod tests;
