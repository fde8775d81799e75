//! Prepares what every start would else do anew: turns the provider files under `patterns/` into JSON,
//! which is read faster than TOML, and chooses the windows the prefilter looks for.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to a build script by its environment")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

#[path = "src/scan/prefilter/windows.rs"]
mod windows;

/// How often each choice of a window is weighed: more rounds choose little better.
const ROUNDS: usize = 4;

fn main() -> io::Result<()> {
    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").ok_or(io::ErrorKind::NotFound)?);
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or(io::ErrorKind::NotFound)?);
    println!("cargo::rerun-if-changed=src/scan/prefilter/windows.rs");
    let mut paths = Vec::new();
    collect(&root.join("patterns"), &mut paths)?;
    paths.sort();

    let mut files = Vec::new();
    let mut anchors = BTreeSet::new();
    for path in &paths {
        let name = path.strip_prefix(&root).unwrap_or(path).to_string_lossy().replace('\\', "/");
        let wrong = |why: &dyn std::fmt::Display| io::Error::other(format!("{name}: {why}"));
        let table: toml::Table =
            fs::read_to_string(path)?.parse().map_err(|error| wrong(&error))?;
        let json = serde_json::to_string(&table).map_err(|error| wrong(&error))?;
        files.push((name.clone(), json));
        anchors.extend(anchors_of(&table));
    }
    println!("cargo::rustc-env=STANCH_SOURCE_DIGEST={:016x}", digest(&root)?);
    fs::write(out.join("provider_files.rs"), format!("&{files:?}"))?;
    fs::write(out.join("windows.rs"), format!("&{:?}", chosen(&anchors)))
}

/// Returns a digest of everything the program is made of: what another build has found may not be relied
/// on.
fn digest(root: &Path) -> io::Result<u64> {
    let mut paths = vec![root.join("Cargo.lock"), root.join("Cargo.toml")];
    let mut folders = vec![root.join("src"), root.join("patterns")];
    while let Some(folder) = folders.pop() {
        println!("cargo::rerun-if-changed={}", folder.display());
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() { folders.push(path) } else { paths.push(path) }
        }
    }
    paths.sort();
    let mut digest: u64 = 0xcbf2_9ce4_8422_2325;
    for path in paths {
        // A packaged library may come without the versions it was tried with.
        let bytes = fs::read(&path).or_else(|error| match error.kind() {
            io::ErrorKind::NotFound => Ok(Vec::new()),
            _ => Err(error),
        })?;
        for byte in [&bytes[..], b"\0"].concat() {
            digest = (digest ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    Ok(digest)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    println!("cargo::rerun-if-changed={}", folder.display());
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "toml") {
            files.push(path);
        }
    }
    Ok(())
}

/// Returns the anchors of a provider file's patterns. What is no anchor is left for the loader to refuse.
fn anchors_of(file: &toml::Table) -> Vec<String> {
    let patterns = file.get("pattern").and_then(toml::Value::as_array).into_iter().flatten();
    let anchors = patterns.filter_map(|pattern| pattern.get("anchors")?.as_array()).flatten();
    anchors.filter_map(|anchor| Some(anchor.as_str()?.to_ascii_lowercase())).collect()
}

/// Returns each anchor with its window's offset and bucket, sorted.
fn chosen(anchors: &BTreeSet<String>) -> Vec<(&str, usize, usize)> {
    let texts: Vec<&[u8]> = anchors.iter().map(|anchor| anchor.as_bytes()).collect();
    let choices = windows::choose(&texts, &|_| None, ROUNDS);
    let with_anchor =
        |(anchor, choice): (_, windows::Choice)| (anchor, choice.offset, choice.bucket);
    anchors.iter().map(String::as_str).zip(choices).map(with_anchor).collect()
}
