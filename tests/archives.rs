//! Credentials in files within files: every kind of archive, its limits, and what is said of the rest.

mod world;

use std::fs;
use std::io::{Cursor, Write};

use stanch::pattern::PatternSet;
use stanch::scan::{Limits, Report, Scanner, scan};
use stanch::source::{self, Source, Stdin, Worktree};
use world::{World, assert_absent, planted};
use zip::write::SimpleFileOptions;

const TOKEN: &str = "github-personal-token";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn bzip2(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(bytes).unwrap();
    writer.finish().unwrap()
}

fn zstd(bytes: &[u8]) -> Vec<u8> {
    ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
}

fn tar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    for (name, bytes) in files {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, *bytes).unwrap();
    }
    builder.into_inner().unwrap()
}

fn zip(files: &[(&str, &[u8])], method: zip::CompressionMethod) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in files {
        writer.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn deflated(files: &[(&str, &[u8])]) -> Vec<u8> {
    zip(files, zip::CompressionMethod::Deflated)
}

fn ar(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = b"!<arch>\n".to_vec();
    for (name, bytes) in files {
        let header =
            format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", name, 0, 0, 0, 644, bytes.len());
        archive.extend(header.bytes());
        archive.extend_from_slice(bytes);
        archive.extend(vec![b'\n'; bytes.len() % 2]);
    }
    archive
}

/// Scans some bytes as a stream, with these limits.
fn scan_with(limits: Limits, bytes: &[u8]) -> Report {
    let scanner = Scanner::new(PatternSet::embedded().unwrap()).limits(limits);
    scan(&scanner, &[&Stdin::new(bytes) as &dyn Source], &|_| ()).unwrap()
}

/// Returns the path of each place of the one credential in some bytes, and asserts that nothing was left out.
fn paths(bytes: &[u8]) -> Vec<String> {
    let report = scan_with(Limits::default(), bytes);
    assert_eq!(report.coverage.gaps, []);
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    finding.locations.iter().map(|location| location.within.clone().unwrap_or_default()).collect()
}

/// Returns what was left out of some bytes, as `what: why`.
fn gaps(limits: Limits, bytes: &[u8]) -> Vec<String> {
    let gaps = scan_with(limits, bytes).coverage.gaps;
    assert!(gaps.iter().all(|gap| !gap.remedy.is_empty()));
    gaps.iter().map(|gap| format!("{}: {}", gap.what, gap.why)).collect()
}

#[test]
fn every_kind_of_archive_is_opened() {
    let text = planted(TOKEN).0;
    let text = text.as_bytes();
    let files: &[(&str, &[u8])] = &[("a/clean.txt", b"nothing here\n"), ("b/.env", text)];
    let zstd_in_zip = zip(files, zip::CompressionMethod::Stored);
    for (bytes, path) in [
        (gzip(text), "content"),
        (bzip2(text), "content"),
        (xz(text), "content"),
        (zstd(text), "content"),
        (tar(files), "b/.env"),
        (gzip(&tar(files)), "b/.env"),
        (xz(&tar(files)), "b/.env"),
        (zstd_in_zip, "b/.env"),
        (deflated(files), "b/.env"),
        (
            ar(&[("debian-binary", b"2.0\n"), ("data.tar.xz", &xz(&tar(files)))]),
            "data.tar.xz!b/.env",
        ),
        (gzip(&tar(&[("lib/app.jar", &deflated(files))])), "lib/app.jar!b/.env"),
        ([gzip(b"first\n"), gzip(text)].concat(), "content"),
        ([bzip2(b"first\n"), bzip2(text)].concat(), "content"),
        ([zstd(b"first\n"), zstd(text)].concat(), "content"),
        ([xz(b"first\n"), xz(text)].concat(), "content"),
        ([gzip(b"first\n"), vec![0; 512]].concat().into_iter().chain(vec![]).collect(), ""),
    ] {
        if path.is_empty() {
            assert_eq!(gaps(Limits::default(), &bytes), [""; 0]);
        } else {
            assert_eq!(paths(&bytes), [path]);
        }
    }
}

#[test]
fn a_zip_behind_a_program_is_opened_and_the_program_searched() {
    let text = planted(TOKEN).0;
    let inner = deflated(&[("app.py", text.as_bytes())]);
    assert_eq!(paths(&[b"#!/usr/bin/env python3\n", &inner[..]].concat()), ["app.py"]);
    let script = format!("#!/bin/sh\nTOKEN={text}\nexit\n");
    let clean = deflated(&[("app.py", b"pass\n")]);
    assert_eq!(paths(&[script.as_bytes(), &clean[..]].concat()), [""]);
}

#[test]
fn what_stands_behind_a_stream_is_searched() {
    let text = planted(TOKEN).0;
    assert_eq!(paths(&[&gzip(b"clean\n")[..], text.as_bytes()].concat()), [""]);
}

#[test]
fn worktree_index_history_and_stream_see_the_same() {
    let world = World::new();
    let (text, secrets) = planted(TOKEN);
    let archive = gzip(&tar(&[("conf/app.env", text.as_bytes())]));
    world.git(&["init", "--quiet"]);
    world.write("dist/app.tar.gz", &archive);
    world.git(&["add", "--all"]);
    let path = |arguments: &[&str]| {
        let run = world.stanch(arguments);
        assert_eq!(run.code, 1, "{}", run.all());
        assert_absent(&secrets, &run.all(), "the report");
        run.findings()[0]["path"].clone()
    };
    assert_eq!(path(&["scan", "--staged", "-f", "jsonl"]), "dist/app.tar.gz!conf/app.env");
    assert_eq!(path(&["scan", "-f", "jsonl"]), "dist/app.tar.gz!conf/app.env");
    world.commit("Release");
    fs::remove_file(world.path("dist/app.tar.gz")).unwrap();
    world.commit("Not in here");
    assert_eq!(path(&["scan", ".", "--history", "-f", "jsonl"]), "dist/app.tar.gz!conf/app.env");
    assert_eq!(paths(&archive), ["conf/app.env"]);
}

#[test]
fn a_finding_within_an_archive_is_found_again_from_its_place() {
    let world = World::new();
    let archive = deflated(&[("a.env", planted(TOKEN).0.as_bytes())]);
    world.write("outer.zip", &archive);
    let scanner = Scanner::new(PatternSet::embedded().unwrap());
    let files = Worktree::new(vec![world.path("outer.zip")]);
    let report = scan(&scanner, &[&files as &dyn Source], &|_| ()).unwrap();
    let [finding] = &report.findings[..] else { panic!("{:?}", report.findings) };
    let bytes = source::read_blob(&world.path(""), &finding.locations[0].place).unwrap();
    let again = scan(&scanner, &[&Stdin::new(&bytes[..]) as &dyn Source], &|_| ()).unwrap();
    assert_eq!(again.findings[0].fingerprint, finding.fingerprint);
}

#[test]
fn archives_within_archives_are_opened_down_to_a_stated_depth() {
    let mut bytes = deflated(&[("secret.txt", planted(TOKEN).0.as_bytes())]);
    for _ in 0..3 {
        bytes = deflated(&[("in.zip", &bytes)]);
    }
    assert_eq!(paths(&bytes), ["in.zip!in.zip!in.zip!secret.txt"]);
    let deeper = deflated(&[("in.zip", &bytes)]);
    assert_eq!(
        gaps(Limits::default(), &deeper),
        [
            "standard input!in.zip!in.zip!in.zip!in.zip: archives stand in one another more than 4 deep"
        ]
    );
}

#[test]
fn limits_of_size_number_and_ratio_are_gaps() {
    let zeros = vec![0; 24 << 20];
    let bomb = gzip(&zeros);
    assert!(bomb.len() < 64 << 10);
    let [gap] = &gaps(Limits::default(), &bomb)[..] else { panic!("one gap") };
    assert!(gap.contains("more than 250 times as large"), "{gap}");

    let files: Vec<u8> = deflated(&[("a.txt", &[b'a'; 900]), ("b.txt", &[b'b'; 900])]);
    let limits = Limits::default();
    let [gap] = &gaps(Limits { entry_bytes: 800, ..limits }, &gzip(&[b'a'; 900]))[..] else {
        panic!("one gap")
    };
    assert_eq!(gap, "standard input: it is too large: more than 800 bytes when it is unpacked");
    let [gap] = &gaps(Limits { archive_bytes: 1000, ..limits }, &files)[..] else {
        panic!("one gap")
    };
    assert!(
        gap.starts_with("standard input!b.txt: the files of its archive are too large"),
        "{gap}"
    );
    for files in [files, tar(&[("a", b"a"), ("b", b"b")]), ar(&[("a", b"a"), ("b", b"b")])] {
        let gaps = gaps(Limits { entries: 1, ..limits }, &files);
        assert_eq!(gaps, ["standard input: it holds more than 1 files"]);
    }
}

#[test]
fn what_was_inflated_before_a_limit_or_damage_is_searched() {
    let text = planted(TOKEN).0;
    let noise: String = (0..20_000).map(|number| format!("{}\n", number * 7919 % 10_007)).collect();
    let mut bytes = gzip(format!("{text}{noise}").as_bytes());
    bytes.truncate(bytes.len() / 2);
    let report = scan_with(Limits::default(), &bytes);
    assert_eq!((report.findings.len(), report.coverage.gaps.len()), (1, 1));
    assert!(report.coverage.gaps[0].why.contains("damaged or cut off"));
}

#[test]
fn damaged_locked_and_foreign_archives_are_gaps_with_a_remedy() {
    let world = World::new();
    let mut locked = deflated(&[("a.env", b"text"), ("b.env", planted(TOKEN).0.as_bytes())]);
    // The first bit of the flags, in the file's own header and in the directory, says encrypted.
    locked[6] |= 1;
    let directory = locked.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    locked[directory + 8] |= 1;
    world.write("locked.zip", &locked);
    let mut broken = deflated(&[("c.env", b"text")]);
    broken.truncate(broken.len() - 30);
    world.write("broken.zip", &broken);
    world.write("foreign.7z", b"7z\xbc\xaf\x27\x1c and so on");
    world.write("cut.tar.gz", gzip(&tar(&[("d", &[7; 2000])])[..1200]));
    let run = world.stanch(&["scan", "-f", "json"]);
    assert_eq!(run.code, 3, "{}", run.all());
    let report: serde_json::Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["findings"][0]["path"], "locked.zip!b.env", "the rest is searched");
    let gaps = report["coverage"]["gaps"].as_array().unwrap();
    let gap = |what: &str| {
        let gap = gaps.iter().find(|gap| gap["what"] == what);
        gap.unwrap_or_else(|| panic!("{what} in {gaps:?}"))["why"].as_str().unwrap()
    };
    assert_eq!(gap("locked.zip!a.env"), "it is encrypted");
    assert!(gap("broken.zip").contains("damaged or cut off"));
    assert_eq!(gap("foreign.7z"), "7z archives are not opened");
    assert!(gap("cut.tar.gz").contains("cut off"));
    assert_eq!(gaps.len(), 4, "{gaps:?}");
}

/// A database made by SQLite itself: text beside text, a value longer than a page, a deleted row.
#[test]
#[cfg(feature = "contain")]
fn rows_of_a_sqlite_database_are_read() {
    let world = World::new();
    let path = world.path("app.sqlite");
    let token = || planted(TOKEN).0.trim().rsplit('=').next().unwrap().to_owned();
    let (beside, long, deleted) = (token(), token(), token());
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute_batch("PRAGMA page_size = 512; CREATE TABLE t (a TEXT, b TEXT, c TEXT);")
        .unwrap();
    let insert = |a: &str, b: &str, c: &str| {
        database.execute("INSERT INTO t VALUES (?1, ?2, ?3)", [a, b, c]).unwrap();
    };
    insert("name", &beside, "mail");
    // It begins on one page and ends on another.
    insert("body", &format!("{} {long} {}", "w ".repeat(214), "z ".repeat(900)), "");
    insert("gone", &deleted, "gone");
    database.execute("DELETE FROM t WHERE a = 'gone'", []).unwrap();
    drop(database);
    let run = world.stanch(&["scan", "-f", "jsonl"]);
    assert_eq!(run.code, 1, "{}", run.all());
    assert_eq!(run.findings().len(), 3, "{}", run.all());
    for finding in run.findings() {
        assert!(finding["path"].as_str().unwrap().starts_with("app.sqlite!page "), "{finding}");
    }
}
