//! What must hold for every input, asked of random and of damaged ones. The fuzz targets ask the same.

#[path = "../fuzz/bodies.rs"]
mod bodies;

use std::io::{Cursor, Write};
use std::sync::LazyLock;

use bodies::{BEGINNINGS, LIMITS, archives, checks, decoders, edges, files};
use proptest::prelude::*;
use stanch::scan::{Limits, Scanner};

static SCANNER: LazyLock<Scanner> = LazyLock::new(bodies::scanner);

/// Stretches of text that decoders act on, and some that they act on wrongly if they count wrongly.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let signs = [
        "%2",
        "%41",
        "\\u00",
        "\\u0041",
        "\\ud800",
        "\\udc00",
        "\\u{",
        "}",
        "\\x4",
        "\\n\",",
        "\" + \"",
        "\\\n",
        "&#",
        "&#x41;",
        "&amp",
        ";",
        "=",
        "\"",
        "'",
        "\r\n",
        "\u{feff}",
        "Z2hwX2",
        "6768705f",
        "AKIA",
        "ghp_",
        "://",
        "PRIVATE KEY-----",
        "\0",
        "\0a\0b\0",
    ];
    prop_oneof![
        prop::sample::select(signs.to_vec()).prop_map(|sign| sign.as_bytes().to_vec()),
        "[A-Za-z0-9+/_-]{1,40}".prop_map(String::into_bytes),
        "[0-9a-f]{1,60}".prop_map(String::into_bytes),
        prop::collection::vec(any::<u8>(), 0..24),
    ]
}

/// One archive of each kind, with a file that is clean.
fn whole_archives() -> Vec<Vec<u8>> {
    let text = b"a line of text, and another one\n".repeat(40);
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&text).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    bzip2.write_all(&text).unwrap();
    let mut xz =
        lzma_rust2::XzWriter::new(Vec::new(), lzma_rust2::XzOptions::with_preset(0)).unwrap();
    xz.write_all(&text).unwrap();
    let level = ruzstd::encoding::CompressionLevel::Fastest;
    let zstd = ruzstd::encoding::compress_to_vec(&text[..], level);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for name in ["a/b.txt", "c.txt"] {
        zip.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(&text).unwrap();
    }
    let mut tar = tar::Builder::new(Vec::new());
    for name in ["a/b.txt", &"long/".repeat(40)] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        tar.append_data(&mut header, name, &text[..]).unwrap();
    }
    vec![
        gzip.finish().unwrap(),
        bzip2.finish().unwrap(),
        xz.finish().unwrap(),
        zstd,
        zip.finish().unwrap().into_inner(),
        tar.into_inner().unwrap(),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn decoders_stay_within_the_text(pieces in prop::collection::vec(piece(), 0..40)) {
        decoders(&SCANNER, &pieces.concat());
    }

    #[test]
    fn archives_of_any_bytes_end(choice in 0..BEGINNINGS.len(), bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        archives(&SCANNER, &[BEGINNINGS[choice], &bytes].concat());
    }

    #[test]
    fn damaged_archives_end(
        choice in 0..6_usize,
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        end in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        static WHOLE: LazyLock<Vec<Vec<u8>>> = LazyLock::new(whole_archives);
        let mut bytes = WHOLE[choice].clone();
        for (at, byte) in edits {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        if is_cut {
            bytes.truncate(end.index(bytes.len()));
        }
        archives(&SCANNER, &bytes);
    }

    #[test]
    fn a_database_of_any_pages_ends(
        pages in prop::collection::vec(
            (prop::sample::select(vec![2_u8, 5, 10, 13, 0]), prop::collection::vec(any::<u8>(), 511)),
            1..6,
        ),
    ) {
        let mut bytes: Vec<u8> = pages.into_iter().flat_map(|(kind, rest)| {
            let mut page = vec![kind];
            page.extend(rest);
            page
        }).collect();
        // A header, and a page of rows behind it.
        let header = b"SQLite format 3\0\x02\0\x01\x01\0\x40\x20\x20";
        bytes[..header.len()].copy_from_slice(header);
        bytes[100] = 13;
        archives(&SCANNER, &bytes);
    }
}

/// Lines that files of patterns, allowances and rules are made of, and some that break them.
fn line() -> impl Strategy<Value = String> {
    let lines = [
        "[provider]",
        "id = \"fuzz\"",
        "name = \"Fuzz\"",
        "class = \"llm\"",
        "console = \"https://fuzz.test\"",
        "[[pattern]]",
        "id = \"fuzz-key\"",
        "description = \"Key: its holder can use it.\"",
        "regex = '\\bfuzz_(?<key>[A-Za-z0-9]{20})\\b'",
        "regex = '(?<key>a*)*'",
        "regex = '((((?<key>a{1,900}){1,900}){1,900}))'",
        "anchors = [\"fuzz_\"]",
        "severity = \"high\"",
        "check = \"jwt\"",
        "examples = [\"fuzz_«key»\"]",
        "counterexamples = [\"fuzz_\"]",
        "[[pattern.part]]",
        "within_lines = 99999999999",
        "[[allow]]",
        "reason = \"sample\"",
        "owner = \"me\"",
        "expires = \"2026-13-45\"",
        "path = \"[\"",
        "[[rules]]",
        "keywords = [\"fuzz\"]",
        "entropy = 3.5",
        "[extend]",
        "useDefault = true",
        "[allowlist]",
        "regexes = ['(']",
    ];
    prop_oneof![
        4 => prop::sample::select(lines.to_vec()).prop_map(str::to_owned),
        1 => "[ -~]{0,40}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn files_are_read_or_refused(lines in prop::collection::vec(line(), 0..24)) {
        files(&lines.join("\n"));
    }

    #[test]
    fn every_check_has_a_verdict(text in "[A-Za-z0-9+/=_.:{}\"-]{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        checks(text.as_bytes());
        checks(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4))]

    #[test]
    fn windows_cut_nothing(place in any::<u8>(), pieces in prop::collection::vec(piece(), 1..40)) {
        edges(&SCANNER, &[vec![place], pieces.concat()].concat());
    }
}

#[test]
fn without_damage_nothing_is_left_out() {
    for archive in whole_archives() {
        assert_eq!(archives(&SCANNER, &archive).coverage.gaps, []);
    }
    assert_ne!(LIMITS, Limits::default());
}
