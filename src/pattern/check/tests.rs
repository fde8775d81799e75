//! What every check keeps to: a completed sample passes, a damaged one doesn't, and nothing panics.

use proptest::prelude::*;
use rand::SeedableRng;
use rand::rngs::StdRng;

use super::{Check, Verdict};

/// Returns a text of the form each check is asked about; completing makes it pass.
fn sample(check: Check, seed: u64) -> String {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut text = |alphabet: &str, length: usize| -> String {
        use rand::RngExt;
        let letters: Vec<char> = alphabet.chars().collect();
        (0..length).map(|_| letters[rng.random_range(0..letters.len())]).collect()
    };
    const WORD: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    match check {
        Check::Crc32Base62 => format!("npm_{}", text(WORD, 36)),
        Check::Crc32Hex => format!("cfut_{}", text(WORD, 48)),
        Check::GrafanaToken => format!("glsa_{}_00000000", text(WORD, 32)),
        Check::GitlabRoutable => format!("glpat-{}.01.{}", text(WORD, 27), text(WORD, 9)),
        Check::AzureKey => format!("{}JQQJ99BCACOG{}", text(WORD, 52), text(WORD, 20)),
        Check::Base64Bytes64 => format!("{}==", text(WORD, 86)),
        Check::AwsKeyId => format!("AKIA{}", text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 16)),
        Check::BedrockKey | Check::BedrockSession | Check::GrafanaCloud => String::new(),
        Check::Jwt | Check::SupabaseServiceJwt => format!("eyJh.eyJz.{}", text(WORD, 43)),
        Check::Pem => {
            let label = ["EC PRIVATE KEY", "OPENSSH PRIVATE KEY"][(seed % 2) as usize];
            format!("-----BEGIN {label}-----\\nAAAA\\n-----END {label}-----")
        }
        Check::PypiMacaroon => "pypi-AgEIcHlwaS5vcmc".to_owned(),
        Check::SentryOrganization => format!("sntrys_e30_{}", text(WORD, 43)),
        Check::BasicAuth => text(WORD, 12),
        Check::DiscordBot => format!("M.{}.{}", text(WORD, 6), text(WORD, 27)),
        Check::OpenaiMarker => format!("sk-proj-{}T3BlbkFJ{}", text(WORD, 74), text(WORD, 30)),
        Check::GroqMarker => format!("gsk_{}WGdyb3FY{}", text(WORD, 17), text(WORD, 20)),
    }
}

/// Returns the places where no other character keeps the proof; `None` where only some do.
fn covered(check: Check, text: &str) -> Option<std::ops::Range<usize>> {
    match check {
        Check::Crc32Base62 | Check::Crc32Hex => Some(text.find('_')? + 1..text.len()),
        Check::GrafanaToken | Check::GitlabRoutable => Some(0..text.len()),
        Check::AzureKey => Some(0..text.len()),
        _ => None,
    }
}

proptest! {
    #[test]
    fn a_completed_sample_is_proved(seed: u64, index in 0..Check::ALL.len()) {
        let check = Check::ALL[index];
        let mut rng = StdRng::seed_from_u64(seed);
        let completed = check.complete(&sample(check, seed), &mut rng);
        let verdict = check.judge(completed.as_bytes());
        // Two in thirty-two checksums of Azure hold a sign that its keys never hold.
        let is_unlucky = check == Check::AzureKey && verdict == Verdict::Unprovable;
        prop_assert!(matches!(verdict, Verdict::Proved(_)) || is_unlucky, "{check:?}: {verdict:?}");
    }

    #[test]
    fn one_other_character_breaks_a_checksum(seed: u64, index in 0..Check::ALL.len(), at: usize) {
        let check = Check::ALL[index];
        let mut rng = StdRng::seed_from_u64(seed);
        let completed = check.complete(&sample(check, seed), &mut rng);
        let Some(covered) = covered(check, &completed) else { return Ok(()) };
        let at = covered.start + at % covered.len();
        let mut bytes = completed.into_bytes();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let verdict = check.judge(&bytes);
        prop_assert!(!matches!(verdict, Verdict::Proved(_)), "{check:?} at {at}: {verdict:?}");
    }

    #[test]
    fn a_part_of_it_is_not_proved(seed: u64, index in 0..Check::ALL.len()) {
        let check = Check::ALL[index];
        let mut rng = StdRng::seed_from_u64(seed);
        let completed = check.complete(&sample(check, seed), &mut rng);
        // What names its owner first does so when cut as well; the regex asks for the rest.
        let names_first =
            [Check::Jwt, Check::SupabaseServiceJwt, Check::DiscordBot, Check::BedrockKey];
        let part = if names_first.contains(&check) { 12 } else { 2 };
        let half = &completed.as_bytes()[..completed.len() / part];
        let verdict = check.judge(half);
        prop_assert!(!matches!(verdict, Verdict::Proved(_)), "{check:?}: {verdict:?}");
    }

    #[test]
    fn no_bytes_make_a_check_fall_over(
        bytes: Vec<u8>,
        text in "[ -~]{0,120}",
        index in 0..Check::ALL.len(),
    ) {
        let check = Check::ALL[index];
        check.judge(&bytes);
        check.judge(text.as_bytes());
        check.complete(&text, &mut StdRng::seed_from_u64(1));
        for prefix in ["pypi-", "sntrys_", "glc_", "ABSK", "bedrock-api-key-", "eyJ", "glpat-"] {
            check.judge(format!("{prefix}{text}").as_bytes());
        }
    }
}
