//! Keys that their issuers publish as samples. Kept as hashes, so that no key stands in this repository.

use sha2::{Digest, Sha256};

/// The first eight bytes of the SHA-256 of each: a random key is one of them once in 2^60.
const SAMPLES: &[u64] = &[
    // Azurite and the Azure Storage emulator: https://learn.microsoft.com/azure/storage/common/storage-use-azurite
    0x0011_cc25_eb43_2071,
    // Azure Cosmos DB emulator: https://learn.microsoft.com/azure/cosmos-db/emulator
    0xaa65_4743_9583_c3a2,
    // Stripe: https://docs.stripe.com/keys
    0x2caf_c097_0149_a84f,
    // Stripe, older pages
    0xf2d6_ca16_5150_33e5,
    // Supabase, local development: https://supabase.com/docs/guides/local-development
    0xc85d_ebb5_5f2f_204d,
    // Telegram: https://core.telegram.org/bots/api
    0x731f_a294_d036_e54f,
    // Telegram, https://core.telegram.org/bots/features
    0x0b5d_d075_ccdd_03c4,
    // Discord: https://discord.com/developers/docs/reference
    0x02f7_ce3c_263f_85c0,
    // AWS: https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_access-keys.html
    0x7831_4b11_be2e_5815,
    // Grafana's own tests
    0x6b59_c03c_3072_0987,
];

/// No sample is shorter or longer.
const LENGTHS: std::ops::RangeInclusive<usize> = 24..=100;

pub(super) fn is_sample(secret: &[u8]) -> bool {
    LENGTHS.contains(&secret.len()) && SAMPLES.contains(&hash(secret))
}

fn hash(secret: &[u8]) -> u64 {
    let digest = Sha256::digest(secret);
    digest.iter().take(8).fold(0, |hash, &byte| hash << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_a_published_key() {
        // In two halves so that this file holds none.
        let key = ["sk_test_4eC39HqLyjWDarj", "tT1zdp7dc"].concat();
        assert!(is_sample(key.as_bytes()) && !is_sample(&key.as_bytes()[1..]));
    }
}
