//! A scanned repository is believed in nothing and runs nothing: every place in which git would take a
//! program's name holds one that leaves a mark.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod world;

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use world::{Run, World, planted};

/// What git would run, each as `key = value`; `TRAP NAME` is a command that leaves the mark NAME.
const CONFIG: &str = r#"
[core]
    hooksPath = traps/hooks
    fsmonitor = TRAP fsmonitor
    fsmonitorHookVersion = 1
    sshCommand = TRAP ssh
    gitProxy = TRAP proxy
    askPass = TRAP askpass
    editor = TRAP editor
    pager = TRAP pager
    alternateRefsCommand = TRAP alternates
    attributesFile = traps/attributes
[filter "trap"]
    clean = TRAP clean
    smudge = TRAP smudge
    process = TRAP process
    required = true
[diff]
    external = TRAP external
[diff "trap"]
    textconv = TRAP textconv
    command = TRAP diffcommand
[merge "trap"]
    driver = TRAP merge
[credential]
    helper = !TRAP credential
[alias]
    diff = !TRAP alias
    log = !TRAP alias
    scan = !TRAP alias
[gpg]
    program = TRAP gpg
[uploadpack]
    packObjectsHook = TRAP uploadpack
[remote "origin"]
    url = ext::TRAP remote
    promisor = true
    partialclonefilter = blob:none
    uploadpack = TRAP remoteuploadpack
    vcs = trap
[submodule "sub"]
    update = !TRAP submodule
    url = ext::TRAP submoduleurl
[include]
    path = ../traps/included
[includeIf "gitdir:**"]
    path = ../traps/included
"#;

const HOOKS: &[&str] = &[
    "applypatch-msg",
    "commit-msg",
    "fsmonitor-watchman",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "push-to-checkout",
    "reference-transaction",
    "sendemail-validate",
    "update",
];

/// A world with a repository `trapped` that holds a credential in its files, its index and its history.
struct Trapped {
    world: World,
    marks: PathBuf,
}

impl Trapped {
    fn new() -> Self {
        let world = World::new();
        let marks = world.path("marks");
        fs::create_dir_all(&marks).unwrap();
        let key = || planted("github-personal-token").0;
        let git = |arguments: &[&str]| world.git(&[&["-C", "trapped"][..], arguments].concat());
        world.git(&["init", "--quiet", "trapped"]);
        world.write(
            "trapped/.gitattributes",
            "* filter=trap diff=trap merge=trap ident text=auto\n",
        );
        world.write(
            "trapped/.gitmodules",
            "[submodule \"sub\"]\n path = sub\n url = ./sub\n update = !false\n",
        );
        world.write("trapped/keys.env", key());
        for message in ["first", "second"] {
            git(&["add", "--all"]);
            git(&["commit", "--quiet", "--allow-empty", "-m", message]);
            world.write(&format!("trapped/{message}.env"), key());
        }
        git(&["tag", "--annotate", "v1", "-m", "a tag"]);
        git(&["add", "--all"]);
        let trapped = Self { world, marks };
        trapped.set();
        trapped
    }

    /// Sets the traps.
    fn set(&self) {
        let trap = self.program("trapped/traps/trap", "\"$1\"");
        let config = CONFIG.replace("TRAP", trap.to_str().unwrap());
        let file = self.world.path("trapped/.git/config");
        let old = fs::read_to_string(&file).unwrap();
        fs::write(&file, format!("{old}{config}")).unwrap();
        let included = "[core]\n fsmonitor = TRAP included\n[alias]\n st = !TRAP included\n";
        let included = included.replace("TRAP", trap.to_str().unwrap());
        self.world.write("trapped/traps/included", included);
        self.world.write("trapped/traps/attributes", "* filter=trap diff=trap\n");
        for hook in HOOKS {
            self.program(&format!("trapped/traps/hooks/{hook}"), hook);
            self.program(&format!("trapped/.git/hooks/{hook}"), hook);
        }
    }

    /// Writes a program that leaves a mark.
    fn program(&self, path: &str, mark: &str) -> PathBuf {
        let text = format!("#!/bin/sh\n: > '{}'/{mark}\n", self.marks.display());
        let path = self.world.write(path, text);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        path
    }

    fn marks(&self) -> Vec<String> {
        let marks = fs::read_dir(&self.marks).unwrap();
        let mut marks: Vec<_> =
            marks.map(|mark| mark.unwrap().file_name().into_string().unwrap()).collect();
        marks.sort();
        marks
    }

    fn forget_marks(&self) {
        self.marks().iter().for_each(|mark| fs::remove_file(self.marks.join(mark)).unwrap());
    }

    /// Runs the program in the repository, with nothing but that in `PATH`.
    fn stanch(&self, path: &Path, arguments: &[&str], input: &str) -> Run {
        let mut command = self.world.command(env!("CARGO_BIN_EXE_stanch"));
        command.current_dir(self.world.path("trapped")).env("PATH", path).args(arguments);
        command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped());
        let mut child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        child.wait_with_output().unwrap().into()
    }
}

#[test]
fn the_traps_are_sharp() {
    let trapped = Trapped::new();
    trapped.world.write("trapped/keys.env", "changed\n");
    for arguments in [&["status"][..], &["diff"], &["commit", "-m", "x"], &["fetch", "origin"]] {
        let mut command = trapped.world.command("git");
        command.args(["-C", "trapped", "-c", "protocol.ext.allow=always"]);
        if arguments != ["status"] {
            // The filters do nothing of what they are there for, and so git would stop at the first.
            let harmless = ["process=", "clean=cat", "smudge=cat", "required=false"];
            for filter in harmless {
                command.args(["-c", &format!("filter.trap.{filter}")]);
            }
        }
        command.args(arguments).output().unwrap();
    }
    let marks = trapped.marks();
    for mark in ["included", "pre-commit", "process", "remote"] {
        assert!(marks.iter().any(|found| found == mark), "{mark} in {marks:?}");
    }
    assert!(marks.iter().any(|mark| mark == "external" || mark == "diffcommand"), "{marks:?}");
}

#[test]
fn no_mode_runs_anything_of_the_repository_nor_git() {
    let trapped = Trapped::new();
    trapped.program("tools/git", "git");
    let tools = trapped.world.path("tools");
    let head = trapped.world.git(&["-C", "trapped", "rev-parse", "HEAD"]);
    trapped.forget_marks();
    let zero = "0".repeat(40);
    let pushed = format!("refs/heads/main {head} refs/heads/main {zero}\n");
    let received = format!("{head} {head} refs/heads/main\n{zero} {head} refs/heads/new\n");
    let modes: &[(&[&str], &str, &[i32])] = &[
        (&["scan"], "", &[1]),
        (&["scan", "--history"], "", &[1]),
        (&["scan", "--history", "--whole-blobs"], "", &[1]),
        (&["scan", "--staged"], "", &[1]),
        (&["scan", "--staged", "--whole-files"], "", &[1]),
        (&["scan", "--range", "HEAD~..HEAD"], "", &[1]),
        (&["scan", "--range", "HEAD~...HEAD"], "", &[1]),
        (&["scan", "--range", "main"], "", &[1]),
        (&["scan", "--since", "HEAD~"], "", &[1]),
        (&["scan", "--since", "2020-01-01"], "", &[1]),
        (&["scan", "--explain", "keys.env:1"], "", &[0]),
        (&["baseline", "update", "../baseline", ".", "--history"], "", &[0]),
        (&["hook", "pre-commit"], "", &[1]),
        (&["hook", "pre-push", "origin", "ext::x"], &pushed, &[1]),
        // Everything is there already.
        (&["hook", "pre-receive"], &received, &[0]),
        (&["hook", "status"], "", &[0]),
        (&["hook", "install"], "", &[0]),
        (&["hook", "uninstall"], "", &[0]),
    ];
    for path in [tools.as_path(), Path::new("/nowhere")] {
        for (arguments, input, codes) in modes {
            let run = trapped.stanch(path, arguments, input);
            // A mark of what is no damage: the repository says that it is a partial clone.
            assert!(codes.contains(&run.code), "{arguments:?} {run:?}");
            assert_eq!(trapped.marks(), Vec::<String>::new(), "{arguments:?}");
        }
    }
}

#[test]
fn what_a_partial_clone_lacks_is_not_fetched_by_the_program_that_its_remote_names() {
    let trapped = Trapped::new();
    let blob = trapped.world.git(&["-C", "trapped", "rev-parse", "HEAD:keys.env"]);
    trapped.forget_marks();
    let (folder, file) = blob.split_at(2);
    fs::remove_file(trapped.world.path("trapped/.git/objects").join(folder).join(file)).unwrap();
    let nowhere = Path::new("/nowhere");
    for arguments in [&["scan", "--history"][..], &["scan", "--range", "main"]] {
        let run = trapped.stanch(nowhere, arguments, "");
        assert_eq!(run.code, 3, "{arguments:?} {run:?}");
        assert!(run.all().contains(&blob), "{run:?}");
        assert_eq!(trapped.marks(), Vec::<String>::new(), "{arguments:?}");
    }
}

#[test]
fn what_the_worktree_holds_does_not_decide_what_is_staged() {
    let trapped = Trapped::new();
    let worktree = trapped.world.path("trapped");
    for file in ["keys.env", "first.env", "second.env"] {
        fs::write(worktree.join(file), "harmless\n").unwrap();
    }
    trapped.forget_marks();
    assert_eq!(trapped.stanch(Path::new("/nowhere"), &["scan", "--staged"], "").code, 1);
    assert_eq!(trapped.marks(), Vec::<String>::new());
}

fn give_away(path: &Path) -> std::io::Result<()> {
    chown(path, Some(12345), Some(12345))?;
    for entry in fs::read_dir(path).into_iter().flatten().flatten() {
        match entry.file_type()?.is_dir() {
            true => give_away(&entry.path())?,
            false => chown(entry.path(), Some(12345), Some(12345))?,
        }
    }
    Ok(())
}

#[test]
fn a_repository_of_another_user_is_read_and_not_written_to() {
    let trapped = Trapped::new();
    let nowhere = Path::new("/nowhere");
    if let Err(error) = give_away(&trapped.world.path("trapped")) {
        // Only root can give files away. Whoever can't still must not be told that his own are another's.
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        let run = trapped.stanch(nowhere, &["scan", "--history"], "");
        return assert!(run.code == 1 && !run.err.contains("another user"), "{run:?}");
    }
    let mut git = trapped.world.command("git");
    assert!(!git.args(["-C", "trapped", "log"]).output().unwrap().status.success());
    for mode in [&["--history"][..], &["--staged"], &["--range", "HEAD~..main"], &["--since", "v1"]]
    {
        let run = trapped.stanch(nowhere, &[&["scan"][..], mode].concat(), "");
        assert_eq!(run.code, i32::from(mode != ["--since", "v1"]), "{mode:?} {run:?}");
        assert!(run.err.contains("belongs to another user"), "{mode:?} {run:?}");
    }
    let run = trapped.stanch(nowhere, &["hook", "install"], "");
    assert!(run.code == 2 && run.err.contains("belongs to another user"), "{run:?}");
    // What is stored in an unknown way is no more known for being another's.
    let config = trapped.world.path("trapped/.git/config");
    let old = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{old}[extensions]\n refStorage = reftable\n")).unwrap();
    let run = trapped.stanch(nowhere, &["scan", "--history"], "");
    assert!(run.code == 2 && run.err.contains("hint"), "{run:?}");
    assert_eq!(trapped.marks(), Vec::<String>::new());
}
