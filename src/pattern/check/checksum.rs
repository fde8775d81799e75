//! Checksums: CRC32 in the bases issuers write it, and Microsoft's Marvin hash.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rand::{Rng, RngExt};

use super::{Verdict, decode_base64};

const HOLDS: &str = "checksum holds";

const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
const BASE36: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const BASE62_CHARS: usize = 6;
const HEX_CHARS: usize = 8;

/// Returns a number in a base, with zeros before it.
fn in_base(number: u32, digits: &[u8], width: usize) -> String {
    let base = digits.len() as u32;
    let mut number = number;
    let mut text = vec!['0'; width];
    for place in text.iter_mut().rev() {
        *place = char::from(digits[(number % base) as usize]);
        number /= base;
    }
    text.into_iter().collect()
}

fn crc32(text: &str) -> u32 {
    crc32fast::hash(text.as_bytes())
}

/// Splits off the last `count` characters.
fn split_tail(text: &str, count: usize) -> Option<(&str, &str)> {
    text.split_at_checked(text.len().checked_sub(count)?)
}

fn judge(is_right: Option<bool>) -> Verdict {
    Verdict::proved_or_disproved(is_right.filter(|&right| right).map(|_| HOLDS.to_owned()))
}

/// Splits `npm_BODYCHECKS` into `BODY` and `CHECKS`.
fn split_base62(text: &str) -> Option<(&str, &str)> {
    split_tail(text.rsplit_once('_')?.1, BASE62_CHARS)
}

fn base62_of(body: &str) -> String {
    in_base(crc32(body), BASE62, BASE62_CHARS)
}

pub(super) fn judge_base62(text: &str) -> Verdict {
    judge(split_base62(text).map(|(body, checksum)| base62_of(body) == checksum))
}

pub(super) fn complete_base62(sample: &str) -> String {
    match split_base62(sample) {
        Some((body, _)) => format!("{}{}", keep(sample, BASE62_CHARS), base62_of(body)),
        None => sample.to_owned(),
    }
}

/// Returns a text without its last characters.
fn keep(sample: &str, without: usize) -> &str {
    split_tail(sample, without).map_or(sample, |(kept, _)| kept)
}

/// Splits `cfut_BODYCHECKSUM` into `BODY` and `CHECKSUM`.
fn split_hex(text: &str) -> Option<(&str, &str)> {
    split_tail(text.split_once('_')?.1, HEX_CHARS)
}

pub(super) fn judge_hex(text: &str) -> Verdict {
    judge(split_hex(text).map(|(body, checksum)| format!("{:08x}", crc32(body)) == checksum))
}

pub(super) fn complete_hex(sample: &str) -> String {
    match split_hex(sample) {
        Some((body, _)) => format!("{}{:08x}", keep(sample, HEX_CHARS), crc32(body)),
        None => sample.to_owned(),
    }
}

fn grafana_checksum(body: &str) -> String {
    crc32(body).to_le_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn judge_grafana(text: &str) -> Verdict {
    let split = text.rsplit_once('_');
    judge(split.map(|(body, checksum)| grafana_checksum(body) == checksum))
}

pub(super) fn complete_grafana(sample: &str) -> String {
    match sample.rsplit_once('_') {
        Some((body, _)) => format!("{body}_{}", grafana_checksum(body)),
        None => sample.to_owned(),
    }
}

const GITLAB_CRC_CHARS: usize = 7;
const GITLAB_LENGTH_CHARS: usize = 2;
const GITLAB_RANDOM_BYTES: usize = 16;

/// A routable token: `PREFIX-PAYLOAD.[VERSION.]LENGTH CRC`.
pub(super) fn judge_gitlab(text: &str) -> Verdict {
    if !text.contains('.') {
        return Verdict::Unprovable;
    }
    Verdict::proved_or_disproved(gitlab_route(text).map(|route| match route.as_str() {
        "" => HOLDS.to_owned(),
        _ => format!("{HOLDS}; {route}"),
    }))
}

/// Returns whom a routable token belongs to, in words, if its checksum and its length hold.
fn gitlab_route(text: &str) -> Option<String> {
    let (body, crc) = split_tail(text, GITLAB_CRC_CHARS)?;
    if in_base(crc32(body), BASE36, GITLAB_CRC_CHARS) != crc {
        return None;
    }
    let (rest, length) = split_tail(body, GITLAB_LENGTH_CHARS)?;
    let length = usize::from_str_radix(length, 36).ok()?;
    // What stands before the first dot ends with the payload; the length tells where it begins,
    // for a prefix may hold any of the payload's characters.
    let (head, _) = rest.split_once('.')?;
    let (_, payload) = split_tail(head, length)?;
    let bytes = decode_base64(payload)?;
    let (size, bytes) = bytes.split_last()?;
    let route = bytes.get(bytes.len().checked_sub(usize::from(*size))?..)?;
    let route = std::str::from_utf8(route).ok()?;
    Some(route.lines().filter_map(gitlab_field).collect::<Vec<_>>().join(", "))
}

/// Reads `u:1z` as `user 71`.
fn gitlab_field(line: &str) -> Option<String> {
    let (key, value) = line.split_once(':')?;
    let name = match key {
        "c" => "cell",
        "g" => "group",
        "o" => "organization",
        "p" => "project",
        "t" => "type",
        "u" => "user",
        _ => return None,
    };
    Some(format!("{name} {}", u64::from_str_radix(value, 36).ok()?))
}

/// Keeps the sample's prefix and whether it has a version.
pub(super) fn complete_gitlab(sample: &str, rng: &mut dyn Rng) -> String {
    let Some((head, tail)) = sample.split_once('.') else {
        return sample.to_owned();
    };
    let prefix = head.split_inclusive('-').next().unwrap_or_default();
    let kind = head[prefix.len()..].split_at_checked(3).map(|(kind, _)| kind);
    let kind = kind.filter(|kind| kind.starts_with('t') && kind.ends_with('_')).unwrap_or("");
    let route = format!("o:1\nu:{}", in_base(rng.random_range(1..46_656), BASE36, 3));
    let mut bytes = rng.random::<[u8; GITLAB_RANDOM_BYTES]>().to_vec();
    bytes.extend(route.bytes());
    bytes.push(route.len() as u8);
    let payload = URL_SAFE_NO_PAD.encode(bytes);
    let version = if tail.contains('.') { ".01" } else { "" };
    let length = in_base(payload.len() as u32, BASE36, GITLAB_LENGTH_CHARS);
    let body = format!("{prefix}{kind}{payload}{version}.{length}");
    let crc = in_base(crc32(&body), BASE36, GITLAB_CRC_CHARS);
    format!("{body}{crc}")
}

const AZURE_KEY_CHARS: usize = 84;
const AZURE_CHECKSUM_CHARS: usize = 4;
/// Where the year and the month of its making stand, each one base64 digit: `A` is 2024, January.
const AZURE_YEAR: usize = 58;
const AZURE_MARVIN_SEED: u64 = u64::from_be_bytes(*b"Default0");

pub(super) fn judge_azure(text: &str) -> Verdict {
    let is_right = split_tail(text, AZURE_CHECKSUM_CHARS)
        .filter(|_| text.len() == AZURE_KEY_CHARS)
        .is_some_and(|(body, checksum)| azure_checksum(body).as_deref() == Some(checksum));
    let made = || {
        let digit = |at: usize| Some(u32::from(text.as_bytes().get(at)?.checked_sub(b'A')?));
        let (year, month) = (digit(AZURE_YEAR)?, digit(AZURE_YEAR + 1)?);
        (year < 26 && month < 12).then(|| format!("; made in {}-{:02}", 2024 + year, month + 1))
    };
    let proof = is_right.then(|| format!("{HOLDS}{}", made().unwrap_or_default()));
    Verdict::proved_or_unprovable(proof)
}

pub(super) fn complete_azure(sample: &str) -> String {
    let body = keep(sample, AZURE_CHECKSUM_CHARS);
    match azure_checksum(body) {
        // The alphabet of such keys has neither sign; without one the sample stays unproved.
        Some(checksum) if !checksum.contains(['+', '/']) => format!("{body}{checksum}"),
        _ => sample.to_owned(),
    }
}

fn azure_checksum(body: &str) -> Option<String> {
    let hash = marvin32(&decode_base64(body)?, AZURE_MARVIN_SEED);
    Some(STANDARD.encode(&hash.to_le_bytes()[..3]))
}

/// Microsoft's Marvin hash, folded to 32 bits.
fn marvin32(bytes: &[u8], seed: u64) -> u32 {
    let (low, high) = marvin(bytes, seed);
    low ^ high
}

fn marvin(bytes: &[u8], seed: u64) -> (u32, u32) {
    let mut state = (seed as u32, (seed >> 32) as u32);
    let (words, rest) = bytes.as_chunks::<4>();
    for word in words {
        state.0 = state.0.wrapping_add(u32::from_le_bytes(*word));
        marvin_round(&mut state);
    }
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    last[rest.len()] = 0x80;
    state.0 = state.0.wrapping_add(u32::from_le_bytes(last));
    marvin_round(&mut state);
    marvin_round(&mut state);
    state
}

fn marvin_round((low, high): &mut (u32, u32)) {
    *high ^= *low;
    *low = low.rotate_left(20).wrapping_add(*high);
    *high = high.rotate_left(9) ^ *low;
    *low = low.rotate_left(27).wrapping_add(*high);
    *high = high.rotate_left(19);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32_is_of_the_part_between_prefix_and_checksum() {
        // The body is a run of one letter; its CRC32 was computed with zlib, the digits by hand.
        let token = format!("ghp_{}", "a".repeat(30));
        assert_eq!(base62_of(&"a".repeat(30)), "1yLcDB");
        assert_eq!(judge_base62(&format!("{token}1yLcDB")), Verdict::Proved(HOLDS.to_owned()));
        assert_eq!(judge_base62(&format!("{token}1yLcDC")), Verdict::Disproved);
    }

    #[test]
    fn grafana_s_own_sample_holds() {
        // From the server's tests, in two halves so that this file holds none.
        let token = ["glsa_yscW25imSKJIuav8", "zF37RZmnbiDvB05G_fcaaf58a"].concat();
        assert_eq!(judge_grafana(&token), Verdict::Proved(HOLDS.to_owned()));
    }

    #[test]
    fn gitlab_tells_whose_token_it_is() {
        let payload = [&[7_u8; 16][..], b"o:1\nu:1z", &[8]].concat();
        let payload = URL_SAFE_NO_PAD.encode(payload);
        let body = format!("glpat-{payload}.01.{}", in_base(payload.len() as u32, BASE36, 2));
        let crc = in_base(crc32(&body), BASE36, 7);
        let words = format!("{HOLDS}; organization 1, user 71");
        assert_eq!(judge_gitlab(&format!("{body}{crc}")), Verdict::Proved(words));
        assert_eq!(judge_gitlab("glpat-01234567890123456789"), Verdict::Unprovable);
    }

    #[test]
    fn marvin_keeps_to_the_published_values() {
        let hash = |bytes: &[u8]| {
            let (low, high) = marvin(bytes, 0x004F_B61A_001B_DBCC);
            u64::from(high) << 32 | u64::from(low)
        };
        assert_eq!(hash(&[]), 0x30ED_35C1_00CD_3C7D);
        assert_eq!(hash(&[0xAF]), 0x48E7_3FC7_7D75_DDC1);
    }
}
