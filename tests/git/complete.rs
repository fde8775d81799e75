//! One repository with a secret of its own in every place where git can hold one, and the program on it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;

use serde_json::Value;
use stanch::pattern::PatternSet;
use stanch::scan::Scanner;

use crate::world::{Run, World, planted};

const TOKEN: &str = "github-personal-token";

/// A repository, and what was hidden in it.
pub(crate) struct Planted {
    pub(crate) world: World,
    /// The fingerprint of each secret by where it is hidden.
    hidden: BTreeMap<&'static str, String>,
    pub(crate) secrets: Vec<String>,
}

impl Planted {
    fn new() -> Self {
        let world = World::new();
        world.git(&["init", "--quiet"]);
        // Only where a log is the hiding place is one kept: else it would show what the others hide.
        world.git(&["config", "core.logAllRefUpdates", "false"]);
        world.write("README", "nothing here\n");
        world.commit("first");
        Self { world, hidden: BTreeMap::new(), secrets: Vec::new() }
    }

    /// Makes a secret and notes where it will be hidden.
    fn secret(&mut self, place: &'static str) -> String {
        let (text, secrets) = planted(TOKEN);
        let found = scanner().scan_bytes(text.as_bytes());
        let fingerprint = found[0].credential.fingerprint().to_string();
        assert!(self.hidden.insert(place, fingerprint).is_none(), "{place} twice");
        self.secrets.extend(secrets);
        text
    }

    /// Commits a file, and then that it is no longer there.
    fn commit_and_delete(&self, path: &str, content: impl AsRef<[u8]>) {
        self.world.write(path, content);
        self.world.commit("add a file");
        self.delete(path);
    }

    fn delete(&self, path: &str) {
        fs::remove_file(self.world.path(path)).unwrap();
        self.world.commit("remove it");
    }

    /// Returns the places whose secrets a run found.
    fn found(&self, run: &Run) -> Vec<&str> {
        let findings = run.findings();
        let is_found = |fingerprint: &String| {
            findings.iter().any(|found| found["fingerprint"] == fingerprint.as_str())
        };
        let found = self.hidden.iter().filter(|(_, fingerprint)| is_found(fingerprint));
        found.map(|(place, _)| *place).collect()
    }

    fn finding<'a>(&self, findings: &'a [Value], place: &str) -> &'a Value {
        let is_it = |found: &&Value| found["fingerprint"] == self.hidden[place].as_str();
        findings.iter().find(is_it).unwrap_or_else(|| panic!("{place} was not found"))
    }
}

fn scanner() -> &'static Scanner {
    static SCANNER: std::sync::OnceLock<Scanner> = std::sync::OnceLock::new();
    SCANNER.get_or_init(|| Scanner::new(PatternSet::embedded().unwrap()))
}

fn archive(name: &str, content: &str) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
    archive.write_all(content.as_bytes()).unwrap();
    archive.finish().unwrap().into_inner()
}

/// What `--history` must find, and what only `--all-objects` does.
pub(crate) fn everywhere() -> Planted {
    let mut planted = Planted::new();
    in_commits(&mut planted);
    behind_references(&mut planted);
    beside_the_objects(&mut planted);
    where_nothing_leads(&mut planted);
    planted
}

fn in_commits(planted: &mut Planted) {
    let text = planted.secret("deleted file");
    planted.commit_and_delete("deploy/prod.env", text);
    let text = planted.secret("binary blob");
    planted.commit_and_delete("core.bin", format!("\0\u{1}\0\u{7f}{text}\0\0"));
    let text = planted.secret("archive");
    planted.commit_and_delete("dist/app.zip", archive("app.properties", &text));
    let text = planted.secret("commit message");
    planted.world.commit(&format!("Use this:\n\n{text}"));

    let text = planted.secret("split by an edit");
    let (half, rest) = text.split_at(text.len() - 20);
    planted.world.write("split.env", half);
    planted.world.commit("half of it");
    planted.commit_and_delete("split.env", format!("{half}{rest}"));

    let text = planted.secret("renamed file");
    planted.world.write("old/name.env", text);
    planted.world.commit("under its old name");
    fs::create_dir_all(planted.world.path("new")).unwrap();
    planted.world.git(&["mv", "old/name.env", "new/name.env"]);
    planted.world.commit("under its new name");
    planted.delete("new/name.env");
}

fn behind_references(planted: &mut Planted) {
    let text = planted.secret("other branch");
    planted.world.git(&["switch", "--quiet", "--create", "side"]);
    planted.world.write("side.env", text);
    planted.world.commit("on a branch");
    planted.world.git(&["switch", "--quiet", "main"]);

    let text = planted.secret("merge resolution");
    planted.world.git(&["switch", "--quiet", "--create", "topic"]);
    planted.world.write("merged", "theirs");
    planted.world.commit("theirs");
    planted.world.git(&["switch", "--quiet", "main"]);
    planted.world.write("merged", "ours");
    planted.world.commit("ours");
    planted.world.git(&["merge", "--quiet", "--no-commit", "-s", "ours", "topic"]);
    planted.commit_and_delete("merged", text);

    for place in ["older stash", "stash"] {
        let text = planted.secret(place);
        planted.world.write("README", text);
        planted.world.git(&["stash", "--quiet"]);
    }

    let text = planted.secret("annotated tag message");
    planted.world.git(&["tag", "--annotate", "v1", "-m", &text]);
    let text = planted.secret("note");
    planted.world.git(&["notes", "add", "-m", &text]);

    let text = planted.secret("tag kept by a merge");
    let head = |what: &str| planted.world.git(&["rev-parse", what]).trim().to_owned();
    let (tree, parent) = (head("HEAD^{tree}"), head("HEAD"));
    let who = "Ada <ada@example.org> 1700000000 +0000";
    let tag = text.replace('\n', "\n ");
    let commit = format!(
        "tree {tree}\nparent {parent}\nauthor {who}\ncommitter {who}\nmergetag object {parent}\n \
         type commit\n tag v9\n tagger {who}\n \n {tag}\n\nMerge tag 'v9'\n"
    );
    let file = planted.world.home().join("commit");
    fs::write(&file, commit).unwrap();
    let merge = planted.world.git(&["hash-object", "-t", "commit", "-w", file.to_str().unwrap()]);
    fs::remove_file(file).unwrap();
    planted.world.git(&["update-ref", "refs/heads/merged", merge.trim()]);

    let text = planted.secret("custom reference");
    planted.world.git(&["switch", "--quiet", "--detach"]);
    planted.world.write("pull.env", text);
    planted.world.commit("in a pull request");
    planted.world.git(&["update-ref", "refs/pull/7/head", "HEAD"]);
    planted.world.git(&["switch", "--quiet", "main"]);

    let text = planted.secret("reset away");
    planted.world.git(&["config", "core.logAllRefUpdates", "true"]);
    planted.world.write("reset.env", text);
    planted.world.commit("a mistake");
    planted.world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    planted.world.git(&["config", "core.logAllRefUpdates", "false"]);
    fs::remove_file(planted.world.path(".git/ORIG_HEAD")).unwrap();
}

fn beside_the_objects(planted: &mut Planted) {
    let text = planted.secret("address of a remote");
    let address = format!(
        "https://ci:{}@git.example/app.git",
        text.rsplit_once(['=', ' ', '"']).map_or(text.trim(), |(_, token)| token.trim())
    );
    planted.world.git(&["config", "remote.origin.url", &address]);

    let text = planted.secret("LFS file");
    let id = "0123456789abcdef".repeat(4);
    let folder = format!(".git/lfs/objects/{}/{}", &id[..2], &id[2..4]);
    planted.world.write(&format!("{folder}/{id}"), &text);
    let size = text.len();
    let pointer = "version https://git-lfs.github.com/spec/v1\n";
    planted.commit_and_delete("large.bin", format!("{pointer}oid sha256:{id}\nsize {size}\n"));

    let text = planted.secret("submodule");
    let inner = World::new();
    inner.git(&["init", "--quiet"]);
    inner.write("lib.env", text);
    inner.commit("in the library");
    fs::remove_file(inner.path("lib.env")).unwrap();
    inner.commit("no longer");
    let url = format!("file://{}", inner.path("").display());
    let add = ["-c", "protocol.file.allow=always", "submodule", "--quiet", "add", &url, "ext/lib"];
    planted.world.git(&add);
    assert!(planted.world.path("ext/lib/.git").is_file());
    planted.world.commit("use the library");
}

fn where_nothing_leads(planted: &mut Planted) {
    let text = planted.secret("dangling blob");
    planted.world.write("staged.env", text);
    planted.world.git(&["add", "staged.env"]);
    planted.world.git(&["rm", "--quiet", "--cached", "staged.env"]);
    fs::remove_file(planted.world.path("staged.env")).unwrap();

    let text = planted.secret("message of a dangling commit");
    planted.world.git(&["commit-tree", "HEAD^{tree}", "-m", &text]);
}

const ONLY_ALL_OBJECTS: [&str; 2] = ["dangling blob", "message of a dangling commit"];

#[test]
fn a_secret_is_found_in_every_place_where_git_can_hold_one() {
    let planted = everywhere();
    let all: Vec<&str> = planted.hidden.keys().copied().collect();
    let expected: Vec<&str> =
        all.iter().copied().filter(|place| !ONLY_ALL_OBJECTS.contains(place)).collect();
    for packed in [false, true] {
        if packed {
            planted.world.git(&["repack", "-a", "-d", "--quiet", "--keep-unreachable"]);
        }
        assert!(planted.found(&planted.world.stanch(&["scan", "-f", "jsonl"])).is_empty());
        let run = planted.world.stanch(&["scan", "--history", "-f", "jsonl"]);
        assert_eq!(planted.found(&run), expected, "{}", run.err);
        assert_eq!(run.code, 1, "{}", run.err);
        let run = planted.world.stanch(&["scan", "--history", "--all-objects", "-f", "jsonl"]);
        assert_eq!(planted.found(&run), all, "{}", run.err);
        assert_eq!(run.findings().len(), all.len(), "each is one finding");
        assert_eq!(run.code, 1, "{}", run.err);
        check_places(&planted, &run.findings());
    }
}

fn check_places(planted: &Planted, findings: &[Value]) {
    let paths = |place| -> Vec<String> {
        let locations = planted.finding(findings, place)["locations"].as_array().unwrap().iter();
        let mut paths: Vec<_> =
            locations.filter_map(|l| Some(l["path"].as_str()?.to_owned())).collect();
        paths.sort();
        paths
    };
    assert_eq!(paths("renamed file"), ["new/name.env", "old/name.env"]);
    assert_eq!(paths("archive"), ["dist/app.zip!app.properties"]);
    assert_eq!(paths("submodule"), ["ext/lib/lib.env"]);
    assert_eq!(paths("LFS file"), ["large.bin"]);
    assert_eq!(planted.finding(findings, "LFS file")["locations"][0]["source"], "lfs");
    assert_eq!(paths("address of a remote"), [".git/config"]);
    assert_eq!(paths("dangling blob"), [] as [String; 0]);
}

#[test]
fn an_lfs_file_that_is_not_here_makes_the_scan_partial() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let id = "0123456789abcdef".repeat(4);
    let pointer = format!("version https://git-lfs.github.com/spec/v1\noid sha256:{id}\nsize 9\n");
    world.write("large.bin", pointer);
    world.commit("add a large file");
    let run = world.stanch(&["scan", "--history"]);
    assert_eq!(run.code, 3, "{}", run.all());
    assert!(
        run.out.contains("large.bin") && run.out.contains("git lfs fetch --all"),
        "{}",
        run.out
    );
}

#[test]
fn what_git_let_go_is_no_gap_though_a_log_names_it() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.commit("kept");
    let log = world.path(".git/logs/HEAD");
    let line = fs::read_to_string(&log).unwrap();
    let gone = line.replacen(&"0".repeat(40), &"12".repeat(20), 1);
    fs::write(&log, gone).unwrap();
    assert_eq!(world.stanch(&["scan", "--history"]).code, 0);
}

#[test]
fn a_message_in_a_pack_counts_where_its_commit_does() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.git(&["config", "core.logAllRefUpdates", "false"]);
    world.commit("kept");
    let gone = world.commit(&planted(TOKEN).0);
    world.git(&["repack", "-adq"]);
    world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    for also_there in ["ORIG_HEAD", "COMMIT_EDITMSG"] {
        fs::remove_file(world.path(".git").join(also_there)).unwrap();
    }
    let scan = |arguments: &[&str]| {
        world.stanch(&[&["scan", "--history", "--no-cache", "-f", "jsonl"], arguments].concat())
    };
    assert_eq!(scan(&[]).code, 0);
    let all = scan(&["--all-objects"]);
    assert_eq!(all.code, 1, "{}", all.all());
    assert_eq!(all.findings()[0]["commit"], gone);
    world.git(&["branch", "again", &gone]);
    let again = scan(&[]);
    assert_eq!(again.code, 1, "{}", again.all());
    assert_eq!(again.findings()[0]["commit"], gone);
}

/// Blobs of packs are looked at before it is known which of them count.
#[test]
fn a_blob_in_a_pack_counts_where_something_leads_to_it() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.git(&["config", "core.logAllRefUpdates", "false"]);
    world.write("a.txt", "nothing\n");
    world.commit("kept");
    world.write("b.txt", "nothing either\n");
    world.write("c.txt", planted(TOKEN).0);
    let gone = world.commit("gone");
    world.git(&["repack", "-adq"]);
    world.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    for also_there in ["ORIG_HEAD", "COMMIT_EDITMSG"] {
        fs::remove_file(world.path(".git").join(also_there)).unwrap();
    }
    let counted = |cache: &str| {
        let arguments = ["scan", "--history", "-f", "json", cache];
        let run = world.stanch(&arguments[..arguments.len() - usize::from(cache.is_empty())]);
        let report: Value = serde_json::from_str(&run.out).unwrap();
        (run.code, report["coverage"]["blobs"].as_u64().unwrap())
    };
    let (code, before) = counted("--no-cache");
    assert_eq!(code, 0);
    assert_eq!([counted(""), counted("")], [(0, before); 2]);
    world.git(&["branch", "again", &gone]);
    let (code, with) = counted("--no-cache");
    assert!(code == 1 && with >= before + 3, "{code}: {before}, {with}");
    assert_eq!([counted(""), counted("")], [(1, with); 2]);
    world.git(&["branch", "--quiet", "-D", "again"]);
    let unreached = counted("--no-cache");
    world.git(&["repack", "-adq"]);
    assert_eq!(counted("--no-cache"), unreached, "what nothing leads to is gone now");
}

#[test]
fn of_a_bare_repository_the_history_is_scanned_and_not_its_packs_as_files() {
    let world = World::new();
    world.git(&["init", "--quiet", "--bare", "bare.git"]);
    world.git(&["init", "--quiet", "work"]);
    let (text, _) = planted(TOKEN);
    // Stored as it is, so that it stands in the pack for whoever reads that as a file.
    for repository in ["work", "bare.git"] {
        world.git(&["-C", repository, "config", "core.compression", "0"]);
    }
    world.write("work/a.env", text);
    world.git(&["-C", "work", "add", "--all"]);
    world.git(&["-C", "work", "commit", "--quiet", "-m", "add it"]);
    world.git(&["-C", "work", "push", "--quiet", "../bare.git", "HEAD:refs/heads/main"]);
    let run = world.stanch(&["scan", "bare.git", "--history", "-f", "jsonl"]);
    let findings = run.findings();
    let [finding] = &findings[..] else { panic!("{}", run.all()) };
    let places = finding["locations"].as_array().unwrap();
    let sources: Vec<_> = places.iter().map(|place| &place["source"]).collect();
    assert_eq!(sources, ["blob"], "{places:#?}");
}
