//! What is remembered of a scan saves time, and changes nothing else.

use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;

use stanch::source::{Blob, Cache, Coverage, History, Kind, Source};

use crate::complete::everywhere;
use crate::repo::Repo;
use crate::world::{World, assert_absent, everything_in, planted};

const TOKEN: &str = "github-personal-token";

fn files(world: &World) -> Vec<PathBuf> {
    let folder = world.home().join("cache/stanch/history");
    let files = fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

/// Returns the report of a scan, and asserts that it is the one of a scan that remembers nothing.
fn report(world: &World, more: &[&str]) -> String {
    let scan = [&["scan", "--history", "-f", "json"], more].concat();
    let with = world.stanch(&scan);
    let without = world.stanch(&[&scan[..], &["--no-cache"]].concat());
    assert_eq!(with.out, without.out, "{more:?}");
    assert_eq!(with.code, without.code);
    assert!([0, 1].contains(&with.code), "{}", with.all());
    with.out
}

#[test]
fn the_report_is_the_same_wherever_something_is_hidden() {
    let planted = everywhere();
    let world = &planted.world;
    assert_eq!(files(world), [] as [PathBuf; 0]);
    for packed in [false, true] {
        if packed {
            world.git(&["repack", "-adq", "--keep-unreachable"]);
        }
        for more in [&["--all-objects"][..], &[]] {
            let first = report(world, more);
            assert_eq!(report(world, more), first);
        }
    }
    assert_absent(&planted.secrets, &everything_in(&world.home()), "the cache");
    // The repository and its submodule, an outcome and the objects of each.
    assert_eq!(files(world).len(), 4);
    #[cfg(unix)]
    for file in files(world) {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn the_report_is_the_same_whatever_happens_to_the_repository() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("a.env", planted(TOKEN).0);
    world.write("b", "nothing\n");
    world.commit("first");
    report(&world, &[]);
    let mut reports = Vec::new();
    let steps: [&[&str]; 17] = [
        &["branch", "kept"],
        &["mv", "a.env", "moved.env"],
        &["commit", "--quiet", "-m", "move it"],
        &["rm", "--quiet", "moved.env"],
        &["commit", "--quiet", "-m", "remove it"],
        &["tag", "-a", "v1", "-m", "a tag", "kept"],
        &["branch", "-D", "kept"],
        &["repack", "-adq"],
        &["tag", "-d", "v1"],
        &["commit", "--quiet", "--amend", "-m", "remove it for good"],
        &["checkout", "--quiet", "--detach", "HEAD~1"],
        &["gc", "--quiet"],
        &["switch", "--quiet", "main"],
        &["reflog", "expire", "--expire=now", "--all"],
        &["update-ref", "refs/pull/1/head", "HEAD~1"],
        &["branch", "mover", "HEAD~1"],
        &["branch", "-f", "mover", "HEAD"],
    ];
    for step in steps {
        world.git(step);
        reports.push(report(&world, &[]));
    }
    reports.sort();
    reports.dedup();
    assert!(reports.len() > 7, "most steps change the report");
}

#[test]
fn without_it_or_with_a_damaged_one_the_report_is_the_same() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("a.env", planted(TOKEN).0);
    world.commit("first");
    let first = report(&world, &[]);
    let files = files(&world);
    let [objects, outcome] = &files[..] else { panic!("{files:?}") };
    for file in [outcome, objects] {
        let whole = fs::read(file).unwrap();
        let put = |bytes: &[u8]| {
            // The objects are asked for only where there is no outcome.
            fs::remove_file(outcome).unwrap();
            fs::write(file, bytes).unwrap();
        };
        for at in (0..whole.len()).step_by(whole.len() / 12) {
            let mut damaged = whole.clone();
            damaged[at] ^= 0x11;
            put(&damaged);
            assert_eq!(report(&world, &[]), first, "byte {at}");
            put(&whole[..at]);
            assert_eq!(report(&world, &[]), first, "cut at {at}");
        }
        assert!(outcome.exists() && objects.exists(), "they were made again");
    }
    fs::remove_file(outcome).unwrap();
    assert_eq!(report(&world, &[]), first);
    fs::remove_dir_all(world.home().join("cache")).unwrap();
    assert_eq!(report(&world, &[]), first);
}

/// The promise of the help, and its limit: what git itself does to a pack changes its date, too.
#[test]
fn damage_in_what_was_clean_shows_without_the_cache_whatever_the_date_of_the_pack() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let words = (0..200_u32).map(|word| format!("{:08x}", word.wrapping_mul(2_654_435_761)));
    world.write("a", words.collect::<Vec<_>>().join(" "));
    world.commit("first");
    world.git(&["repack", "-adq"]);
    world.git(&["prune-packed"]);
    report(&world, &[]);
    let files = fs::read_dir(world.path(".git/objects/pack")).unwrap();
    let mut packs = files.map(|file| file.unwrap().path());
    let pack = packs.find(|file| file.extension().is_some_and(|name| name == "pack")).unwrap();
    let (id, index) = (world.git(&["rev-parse", "HEAD:a"]), pack.with_extension("idx"));
    let listed = world.git(&["verify-pack", "-v", index.to_str().unwrap()]);
    let line = listed.lines().find(|line| line.starts_with(&id)).unwrap();
    let offset: usize = line.split_whitespace().nth(4).unwrap().parse().unwrap();
    let mut bytes = fs::read(&pack).unwrap();
    bytes[offset + 40] ^= 0xff;
    fs::remove_file(&pack).unwrap();
    fs::write(&pack, bytes).unwrap();
    let file = fs::File::options().write(true).open(&pack).unwrap();
    file.set_modified(std::time::UNIX_EPOCH).unwrap();

    assert_eq!(world.stanch(&["scan", "--history"]).code, 0);
    assert_eq!(world.stanch(&["scan", "--history", "--no-cache"]).code, 3);
    let help = world.stanch(&["scan", "--help"]).out;
    let help: Vec<&str> = help.split_whitespace().collect();
    assert!(help.join(" ").contains("damage within them shows in no other scan"));
}

#[test]
fn a_new_pattern_finds_what_was_clean() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    let patterns = tempfile::TempDir::new().unwrap();
    world.write("a", "one acme_1234abcd two\n");
    world.commit("first");
    fs::remove_file(world.path("a")).unwrap();
    world.commit("second");
    for _ in 0..2 {
        assert_eq!(world.stanch(&["scan", "--history"]).code, 0);
    }
    let pattern = |length: usize| {
        format!(
            "[provider]\nid = 'acme'\nname = 'Acme'\nclass = 'test'\nconsole = 'https://acme.example'\n
            [[pattern]]\nid = 'acme-key'\ndescription = 'A key: it opens nothing.'
            regex = '\\b(?<key>acme_[a-z0-9]{{{length}}})\\b'\nanchors = ['acme_']\nseverity = 'low'
            examples = ['«key»']\ncounterexamples = ['acme_']\n"
        )
    };
    let folder = patterns.path().to_str().unwrap();
    for (length, code) in [(9, 0), (8, 1), (9, 0)] {
        fs::write(patterns.path().join("acme.toml"), pattern(length)).unwrap();
        for _ in 0..2 {
            let run = world.stanch(&["scan", "--history", "--patterns", folder]);
            assert_eq!(run.code, code, "{}", run.all());
        }
    }
}

#[test]
fn nothing_is_remembered_where_that_is_not_wanted() {
    let world = World::new();
    world.git(&["init", "--quiet"]);
    world.write("a", "nothing\n");
    world.commit("first");
    world.stanch(&["scan", "--history", "--no-cache"]);
    world.stanch(&["scan", "--history", "--whole-blobs"]);
    world.stanch(&["scan"]);
    assert_eq!(files(&world), [] as [PathBuf; 0]);
    let elsewhere = tempfile::TempDir::new().unwrap();
    let folder = elsewhere.path().to_str().unwrap();
    world.stanch_with(&["scan", "--history"], &[("STANCH_CACHE", folder)], "");
    assert_eq!(files(&world), [] as [PathBuf; 0]);
    assert_eq!(fs::read_dir(elsewhere.path().join("history")).unwrap().count(), 2);
}

/// Reads a history, notes blobs with `hit` in them, and returns the contents that were handed out.
fn handed(history: &History) -> (Vec<String>, Coverage) {
    let handed = Mutex::new(Vec::new());
    let coverage = history.walk(&|blob: Blob<'_>| {
        if blob.trial.is_some() {
            return;
        }
        let text = String::from_utf8_lossy(blob.bytes).into_owned();
        if text.contains("hit") {
            blob.note();
        }
        if blob.places[0].kind == Kind::Blob {
            handed.lock().unwrap().push(text);
        }
    });
    let mut handed = handed.into_inner().unwrap();
    handed.sort();
    let mut coverage = coverage.unwrap();
    // What is known of before is handed out with its places.
    coverage.places.clear();
    (handed, coverage)
}

#[test]
fn only_what_is_new_is_read_again_and_where_something_was_found() {
    let cache = tempfile::TempDir::new().unwrap();
    let repo = Repo::new();
    repo.commit_file("a", "a hit");
    repo.commit_file("b", "clean");
    let large = "clean too ".repeat(200);
    repo.commit_file("c", &large);
    let history = |key: u8| {
        let cache = Cache::new(cache.path(), [key; 32]);
        History::new(repo.path()).cache(Some(cache))
    };
    let (first, coverage) = handed(&history(1));
    assert_eq!(first, ["a hit", "clean", &large]);
    assert_eq!(handed(&history(1)), (vec!["a hit".to_owned()], coverage.clone()));
    repo.git(["repack", "-adq"]);
    assert_eq!(handed(&history(1)), (vec!["a hit".to_owned()], coverage.clone()));

    repo.commit_file("d", "new");
    let (second, grown) = handed(&history(1));
    assert_eq!(second, ["a hit", "new"]);
    assert_eq!((grown.blobs, grown.bytes), (coverage.blobs + 2, coverage.bytes + 3 + 8));
    assert_eq!(handed(&history(1)), (vec!["a hit".to_owned()], grown.clone()));
    assert_eq!(handed(&history(2)).0, ["a hit", "clean", &large, "new"]);
    // One that is too large by now is a gap, whatever was found in it before.
    let small = history(2).max_bytes(1000);
    assert!(handed(&small).1.gaps.iter().any(|gap| gap.what.contains("(c)")));
}

#[test]
fn what_a_partial_clone_left_out_is_told_each_time() {
    let cache = tempfile::TempDir::new().unwrap();
    let repo = Repo::new();
    repo.git(["config", "uploadpack.allowFilter", "true"]);
    repo.commit_file("a", "left at the remote");
    repo.commit_file("a", "a hit");
    repo.commit_file("b", "clean");
    let clone = Repo::clone_of(&repo, &["--filter=blob:none"]);
    let cache = Cache::new(cache.path(), [1; 32]);
    let history = History::new(clone.path()).cache(Some(cache));
    let (first, coverage) = handed(&history);
    assert_eq!((first.len(), coverage.gaps.len()), (2, 1));
    assert_eq!(handed(&history), (vec!["a hit".to_owned()], coverage.clone()));
    clone.git(["cat-file", "-p", "HEAD~2:a"]);
    let (fetched, whole) = handed(&history);
    assert_eq!(
        (&fetched[..], &whole.gaps[..]),
        (&["a hit".into(), "left at the remote".into()][..], &[][..])
    );
}

#[test]
fn what_is_missing_is_missed_each_time() {
    let cache = tempfile::TempDir::new().unwrap();
    let repo = Repo::new();
    repo.commit_file("a", "a hit");
    repo.commit_file("b", "clean");
    let cache = Cache::new(cache.path(), [1; 32]);
    let history = History::new(repo.path()).cache(Some(cache));
    handed(&history);
    fs::remove_file(repo.loose_object(&repo.git(["rev-parse", "HEAD:b"]))).unwrap();
    let missing = handed(&history);
    assert_eq!(missing.1.gaps.len(), 1);
    assert_eq!(handed(&history), missing);
}
