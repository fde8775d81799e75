//! The hooks, as git runs them: on commits, on pushes, and on a bare server.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test that can't go on says where")]

mod world;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use world::{Run, World, assert_absent, planted};

/// A repository in `local`, and a bare one in `server.git` that it knows as `origin`.
fn repositories() -> World {
    let world = World::new();
    world.git(&["init", "--quiet", "--bare", "server.git"]);
    world.git(&["init", "--quiet", "local"]);
    world.git(&["-C", "local", "remote", "add", "origin", "../server.git"]);
    world
}

/// Writes a file, stages it and commits it without any hook.
fn commit(world: &World, file: &str, content: &str) -> String {
    world.write(&format!("local/{file}"), content);
    world.git(&["-C", "local", "add", "--all"]);
    world.git(&["-C", "local", "commit", "--quiet", "--no-verify", "-m", &format!("write {file}")]);
    world.git(&["-C", "local", "rev-parse", "HEAD"])
}

/// Runs git in `local`.
fn git(world: &World, arguments: &[&str]) -> Run {
    let mut command = world.command("git");
    let command = command.args(["-c", "init.defaultBranch=main", "-C", "local"]).args(arguments);
    command.output().unwrap().into()
}

fn stanch(world: &World, arguments: &[&str]) -> Run {
    let run = world.stanch(arguments);
    assert_eq!(run.code, 0, "{run:?}");
    run
}

fn executable(world: &World, file: &str, text: &str) {
    let path = world.write(file, text);
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// Variables of the environment.
type Variables<'a> = &'a [(&'a str, &'a str)];

fn key() -> (String, Vec<String>) {
    planted("github-personal-token")
}

/// Asserts that a run was stopped, says why and what to do, and shows no secret.
fn assert_stopped(run: &Run, secrets: &[String]) {
    assert_ne!(run.code, 0, "{run:?}");
    for word in ["github-personal-token", "otate it", "stanch:allow", "[[allow]]", "fingerprint = "]
    {
        assert!(run.all().contains(word), "{word} in {run:?}");
    }
    assert!(!run.all().contains("no-verify"));
    assert_absent(secrets, &run.all(), "what a hook says");
}

#[test]
fn a_commit_with_a_credential_is_stopped_and_one_without_is_not() {
    let world = repositories();
    let (text, secrets) = key();
    stanch(&world, &["hook", "install", "--pre-commit", "local"]);
    assert!(!world.path("local/.git/hooks/pre-push").exists());
    world.write("local/a", &text);
    git(&world, &["add", "a"]);
    // What counts is what is staged.
    world.write("local/a", "harmless\n");
    assert_stopped(&git(&world, &["commit", "-m", "first"]), &secrets);
    // Before the first commit and after it, from a folder within, of one file alone.
    git(&world, &["add", "a"]);
    let run = git(&world, &["commit", "-m", "first"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert!(!run.all().contains("stanch") && !run.all().contains("scanned"), "{run:?}");
    world.write("local/b", &text);
    world.write("local/folder/c", "c\n");
    git(&world, &["add", "b", "folder"]);
    let run = git(&world, &["-C", "folder", "commit", "-m", "second", "c"]);
    assert_eq!(run.code, 0, "{run:?}");
    assert_stopped(&git(&world, &["commit", "-m", "third", "b"]), &secrets);
    assert_stopped(&git(&world, &["commit", "-m", "third", "--all"]), &secrets);

    // How a false alarm gets through is what it says.
    world.write("local/b", format!("{} # stanch:allow made for this test\n", text.trim_end()));
    git(&world, &["add", "b"]);
    assert_eq!(git(&world, &["commit", "-m", "third"]).code, 0);
}

#[test]
fn linked_worktrees_and_repositories_elsewhere_are_found() {
    let world = repositories();
    let (text, secrets) = key();
    commit(&world, "a", "a\n");
    stanch(&world, &["hook", "install", "local"]);
    git(&world, &["worktree", "add", "--quiet", "../linked"]);
    world.write("linked/b", &text);
    git(&world, &["-C", "../linked", "add", "b"]);
    assert_stopped(&git(&world, &["-C", "../linked", "commit", "-m", "b"]), &secrets);

    fs::rename(world.path("local/.git"), world.path("elsewhere")).unwrap();
    world.write("local/b", &text);
    let away = ["--git-dir=../elsewhere", "--work-tree=."];
    git(&world, &[&away[..], &["add", "b"]].concat());
    assert_stopped(&git(&world, &[&away[..], &["commit", "-m", "b"]].concat()), &secrets);
}

#[test]
fn what_was_there_is_kept_called_and_put_back() {
    let world = repositories();
    let (text, secrets) = key();
    commit(&world, "a", "a\n");
    let hook =
        "#!/bin/sh\necho \"the old hook ran: $*\" >&2\ncat >> seen\nexit \"$(cat verdict)\"\n";
    for name in ["pre-commit", "pre-push"] {
        executable(&world, &format!("local/.git/hooks/{name}"), hook);
    }
    world.write("local/verdict", "0");
    let run = stanch(&world, &["hook", "install", "local"]);
    assert!(run.out.contains("is kept and called first"), "{run:?}");
    let script =
        |name: &str| fs::read_to_string(world.path("local/.git/hooks").join(name)).unwrap();
    let first = (script("pre-commit"), script("pre-push"));
    let run = stanch(&world, &["hook", "install", "local"]);
    assert_eq!(run.out.matches("is installed already").count(), 2, "{run:?}");
    assert_eq!((script("pre-commit"), script("pre-push")), first);
    let run = stanch(&world, &["hook", "status", "local"]);
    assert_eq!(run.out.matches(": installed").count(), 2, "{run:?}");

    world.write("local/b", "b\n");
    git(&world, &["add", "b"]);
    let run = git(&world, &["commit", "-m", "b"]);
    assert!(run.code == 0 && run.err.contains("the old hook ran"), "{run:?}");
    world.write("local/verdict", "7");
    assert_ne!(git(&world, &["commit", "--allow-empty", "-m", "c"]).code, 0);
    world.write("local/verdict", "0");
    let secret = commit(&world, "b", &text);
    let run = git(&world, &["push", "origin", "main"]);
    assert!(run.err.contains("the old hook ran: origin"), "{run:?}");
    assert_stopped(&run, &secrets);
    let seen = fs::read_to_string(world.path("local/seen")).unwrap();
    assert!(seen.contains(&secret) && seen.lines().count() == 1, "{seen}");

    stanch(&world, &["hook", "uninstall", "local"]);
    assert_eq!((script("pre-commit"), script("pre-push")), (hook.to_owned(), hook.to_owned()));
    let left = fs::read_dir(world.path("local/.git/hooks")).unwrap();
    let left = left.filter(|entry| !entry.as_ref().unwrap().path().ends_with("sample"));
    let left = left.filter(|entry| {
        entry.as_ref().unwrap().path().extension().is_none_or(|extension| extension != "sample")
    });
    assert_eq!(left.count(), 2);
    let run = stanch(&world, &["hook", "uninstall", "local"]);
    assert!(run.out.contains("no hook of stanch"), "{run:?}");
}

#[test]
fn a_hook_that_goes_by_its_name_or_is_a_link_is_still_run() {
    let world = repositories();
    let hook = "#!/bin/sh\ncase $(basename \"$0\") in\npre-commit) echo \"commit: $*\" >&2 ;;\n\
                pre-push) echo \"push: $* $(cat)\" >&2 ;;\nesac\n";
    executable(&world, "local/tools/hook", hook);
    executable(&world, "local/.git/hooks/pre-push", hook);
    let link = world.path("local/.git/hooks/pre-commit");
    std::os::unix::fs::symlink("../../tools/hook", &link).unwrap();
    stanch(&world, &["hook", "install", "local"]);
    git(&world, &["add", "tools"]);
    let run = git(&world, &["commit", "-m", "a"]);
    assert!(run.code == 0 && run.err.contains("commit: "), "{run:?}");
    let run = git(&world, &["push", "origin", "HEAD:main"]);
    assert!(run.code == 0 && run.err.contains("push: origin"), "{run:?}");
    assert!(run.err.contains("refs/heads/main"), "{run:?}");

    stanch(&world, &["hook", "uninstall", "local"]);
    assert_eq!(fs::read_link(&link).unwrap(), std::path::Path::new("../../tools/hook"));
    let pushing = fs::read_to_string(world.path("local/.git/hooks/pre-push")).unwrap();
    assert_eq!(pushing, hook);
    assert!(!world.path("local/.git/hooks/before-stanch").exists());
}

#[test]
fn what_an_earlier_version_kept_is_run_and_put_back() {
    let world = repositories();
    let hook = "#!/bin/sh\necho \"it runs: $0\" >&2\n";
    let earlier = format!(
        "#!/bin/sh\n# Made by `stanch hook install`; `stanch hook uninstall` removes it.\n\
         stanch='{}'\n[ -x \"$stanch\" ] || stanch=stanch\nkept=\"$0.before-stanch\"\n\
         if [ -x \"$kept\" ]; then \"$kept\" \"$@\" || exit $?; fi\n\"$stanch\" hook pre-commit\n",
        env!("CARGO_BIN_EXE_stanch")
    );
    let committing = world.path("local/.git/hooks/pre-commit");
    let former = world.path("local/.git/hooks/pre-commit.before-stanch");
    for installs_again in [false, true] {
        executable(&world, "local/.git/hooks/pre-commit", &earlier);
        executable(&world, "local/.git/hooks/pre-commit.before-stanch", hook);
        if installs_again {
            let run = stanch(&world, &["hook", "install", "--pre-commit", "local"]);
            assert!(run.out.contains("pre-commit: renewed") && !former.exists(), "{run:?}");
            let run = stanch(&world, &["hook", "install", "--pre-commit", "local"]);
            assert!(run.out.contains("is installed already"), "{run:?}");
        }
        let run = git(&world, &["commit", "--allow-empty", "-m", "a"]);
        assert!(run.code == 0 && run.err.contains("it runs: "), "{run:?}");
        assert_eq!(run.err.contains("/pre-commit\n"), installs_again, "{run:?}");
        stanch(&world, &["hook", "uninstall", "local"]);
        assert_eq!(fs::read_to_string(&committing).unwrap(), hook);
        assert!(!former.exists() && !world.path("local/.git/hooks/before-stanch").exists());
    }
}

#[test]
fn nothing_is_overwritten_that_is_not_ours() {
    let world = repositories();
    stanch(&world, &["hook", "install", "--pre-commit", "local"]);
    // Another program put its hook over ours, with one of an earlier time still kept.
    executable(&world, "local/.git/hooks/pre-commit.before-stanch", "#!/bin/sh\n# the oldest\n");
    executable(&world, "local/.git/hooks/pre-commit", "#!/bin/sh\n# another's\n");
    let run = world.stanch(&["hook", "install", "--pre-commit", "local"]);
    assert!(run.code == 2 && run.err.contains("hint"), "{run:?}");
    let hook = world.path("local/.git/hooks/pre-commit");
    assert!(fs::read_to_string(&hook).unwrap().contains("another's"));
    let run = stanch(&world, &["hook", "status", "local"]);
    assert!(run.out.contains("another hook is there"), "{run:?}");

    // One of ours that someone has changed is not thrown away.
    fs::remove_file(world.path("local/.git/hooks/pre-commit.before-stanch")).unwrap();
    fs::remove_file(&hook).unwrap();
    stanch(&world, &["hook", "install", "--pre-commit", "local"]);
    let text = fs::read_to_string(&hook)
        .unwrap()
        .replace("hook pre-commit", "hook pre-commit --whole-files");
    fs::write(&hook, &text).unwrap();
    stanch(&world, &["hook", "install", "--pre-commit", "local"]);
    assert_eq!(fs::read_to_string(&hook).unwrap(), text);
    assert_eq!(world.stanch(&["hook", "uninstall", "local"]).code, 2);
    assert!(hook.exists());
}

#[test]
fn the_folder_that_git_is_told_to_look_in_is_used() {
    let world = repositories();
    let (text, secrets) = key();
    git(&world, &["config", "core.hooksPath", "tools/hooks"]);
    stanch(&world, &["hook", "install", "local"]);
    assert!(world.path("local/tools/hooks/pre-commit").exists());
    assert!(!world.path("local/.git/hooks/pre-commit").exists());
    world.write("local/a", &text);
    git(&world, &["add", "a"]);
    assert_stopped(&git(&world, &["commit", "-m", "a"]), &secrets);
    stanch(&world, &["hook", "uninstall", "local"]);
    assert!(!world.path("local/tools/hooks/pre-commit").exists());

    let shared = world.path("shared");
    git(&world, &["config", "core.hooksPath", shared.to_str().unwrap()]);
    let run = stanch(&world, &["hook", "install", "local"]);
    assert!(shared.join("pre-push").exists() && run.out.contains("every repository"), "{run:?}");
}

#[test]
fn what_the_user_s_own_configuration_says_of_the_folder_is_followed() {
    let world = repositories();
    world.git(&["init", "--quiet", "other"]);
    let section =
        |condition: &str, file: &str| format!("[includeIf \"{condition}\"]\npath = {file}\n");
    let folder = |name: &str| format!("[core]\nhooksPath = {}\n", world.path(name).display());
    let local = format!("gitdir:{}/", world.path("local").display());
    let included = world.write("included", folder("of-local"));
    world.write("../home/.gitconfig", section(&local, &included.display().to_string()));
    let global = world.write("global", folder("of-global"));
    let system = world.write("system", folder("of-system"));
    let (global, system) = (global.to_str().unwrap(), system.to_str().unwrap());
    world.write("../home/.config/git/config", folder("of-xdg"));

    // git is asked as well.
    let cases: [(&str, Variables<'_>, &str); 5] = [
        ("local", &[], "of-local/pre-commit"),
        ("other", &[], "of-xdg/pre-commit"),
        ("local", &[("GIT_CONFIG_GLOBAL", global)], "of-global/pre-commit"),
        ("other", &[("GIT_CONFIG_GLOBAL", "/dev/null")], "other/.git/hooks/pre-commit"),
        (
            "other",
            &[
                ("GIT_CONFIG_GLOBAL", "/dev/null"),
                ("GIT_CONFIG_SYSTEM", system),
                ("GIT_CONFIG_NOSYSTEM", "0"),
            ],
            "of-system/pre-commit",
        ),
    ];
    for (repository, variables, file) in cases {
        let asked = ["-C", repository, "rev-parse", "--git-path", "hooks/pre-commit"];
        let looked = world.path(repository).join(world.git_with(variables, &asked));
        assert_eq!(looked, world.path(file));
        let run = world.stanch_with(&["hook", "install", repository], variables, "");
        assert!(run.code == 0 && looked.exists(), "{run:?}");
        let run = world.stanch_with(&["hook", "status", repository], variables, "");
        assert!(run.out.contains("pre-commit: installed") && run.out.contains(file), "{run:?}");
        world.stanch_with(&["hook", "uninstall", repository], variables, "");
        assert!(!looked.exists());
    }
}

#[test]
fn where_git_looks_is_not_claimed_where_it_is_not_known() {
    let world = repositories();
    let condition = "[includeIf \"hasconfig:remote.*.url:../server.git\"]\npath = elsewhere\n";
    world.write("../home/.gitconfig", condition);
    let install = ["hook", "install", "--pre-commit", "local"];
    let status = ["hook", "status", "local"];
    for run in [stanch(&world, &install), stanch(&world, &status)] {
        assert!(run.out.contains("git may look elsewhere"), "{run:?}");
        assert!(run.out.contains("git rev-parse --git-path hooks"), "{run:?}");
        assert!(!run.out.contains(": installed"), "{run:?}");
    }
    git(&world, &["config", "core.hooksPath", ".git/hooks"]);
    let run = stanch(&world, &status);
    assert!(run.out.contains("pre-commit: installed") && !run.out.contains("else"), "{run:?}");
    let variables = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.hooksPath")];
    let run = world.stanch_with(&status, &variables, "");
    assert!(run.out.contains("git may look elsewhere"), "{run:?}");
}

#[test]
fn husky_keeps_its_scripts_and_calls_us() {
    let world = repositories();
    let (text, secrets) = key();
    // As its ninth version sets it up.
    let shim = "#!/usr/bin/env sh\n. \"${0%/*}/h\"\n";
    let h = "s=$(dirname \"$(dirname \"$0\")\")/$(basename \"$0\")\n[ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\nexit $?\n";
    world.write("local/.husky/_/h", h);
    for name in ["pre-commit", "pre-push"] {
        executable(&world, &format!("local/.husky/_/{name}"), shim);
    }
    world.write("local/.husky/pre-push", "cat > seen\n");
    let run = stanch(&world, &["hook", "install", "local"]);
    assert!(run.out.contains("husky is not set up"), "{run:?}");
    git(&world, &["config", "core.hooksPath", ".husky/_"]);
    let run = stanch(&world, &["hook", "install", "local"]);
    assert_eq!(run.out.matches("is installed already").count(), 2, "{run:?}");
    assert!(!run.out.contains("not set up"));
    assert_eq!(fs::read_to_string(world.path("local/.husky/_/pre-commit")).unwrap(), shim);

    let program = std::path::Path::new(env!("CARGO_BIN_EXE_stanch")).parent().unwrap();
    let path = format!("{}:/usr/bin:/bin", program.display());
    let git = |arguments: &[&str]| -> Run {
        let mut command = world.command("git");
        command.env("PATH", &path).args(["-C", "local"]).args(arguments).output().unwrap().into()
    };
    world.write("local/a", &text);
    git(&["add", "a"]);
    assert_stopped(&git(&["commit", "-m", "a"]), &secrets);
    world.write("local/a", "harmless\n");
    git(&["add", "a"]);
    assert_eq!(git(&["commit", "-m", "a"]).code, 0);
    let run = git(&["push", "origin", "HEAD:main"]);
    assert_eq!(run.code, 0, "{run:?}");
    // What comes after us reads what git wrote.
    let seen = fs::read_to_string(world.path("local/seen")).unwrap();
    assert!(seen.contains("refs/heads/main"), "{seen}");
    commit(&world, "a", &text);
    assert_stopped(&git(&["push", "origin", "HEAD:main"]), &secrets);

    stanch(&world, &["hook", "uninstall", "local"]);
    assert_eq!(fs::read_to_string(world.path("local/.husky/pre-push")).unwrap(), "cat > seen\n");
    assert!(!world.path("local/.husky/pre-commit").exists());
}

#[test]
fn husky_may_lie_anywhere_and_lets_those_pass_who_lack_the_program() {
    let world = repositories();
    let (text, secrets) = key();
    let h = "s=$(dirname \"$(dirname \"$0\")\")/$(basename \"$0\")\n[ ! -f \"$s\" ] && exit 0\nsh -e \"$s\" \"$@\"\nexit $?\n";
    let program = std::path::Path::new(env!("CARGO_BIN_EXE_stanch")).parent().unwrap();
    let with = format!("{}:/usr/bin:/bin", program.display());
    let git = |path: &str, arguments: &[&str]| -> Run {
        let mut command = world.command("git");
        command.env("PATH", path).args(["-C", "local"]).args(arguments).output().unwrap().into()
    };
    for folder in ["frontend/.husky", "tools/checks"] {
        world.write(&format!("local/{folder}/_/h"), h);
        for name in ["pre-commit", "pre-push"] {
            let shim = "#!/usr/bin/env sh\n. \"${0%/*}/h\"\n";
            executable(&world, &format!("local/{folder}/_/{name}"), shim);
            let old = "echo 'the old hook ran' >&2\ncat >&2\n";
            world.write(&format!("local/{folder}/{name}"), old);
        }
        git(&with, &["config", "core.hooksPath", &format!("{folder}/_")]);
        let run = stanch(&world, &["hook", "install", "local"]);
        assert!(run.out.contains(&format!("{folder}/pre-commit")), "{run:?}");

        world.write("local/a", &text);
        git(&with, &["add", "a"]);
        assert_stopped(&git(&with, &["commit", "-m", "a"]), &secrets);
        world.write("local/a", folder);
        git(&with, &["add", "a"]);
        let run = git(&with, &["commit", "-m", "a"]);
        assert!(run.code == 0 && run.err.contains("the old hook ran"), "{run:?}");
        assert!(!run.err.contains("not installed"), "{run:?}");
        let lacking = "/usr/bin:/bin";
        let commit = git(lacking, &["commit", "--allow-empty", "-m", "b"]);
        let push = git(lacking, &["push", "origin", "HEAD:main"]);
        for run in [&commit, &push] {
            assert!(run.code == 0 && run.err.contains("the old hook ran"), "{run:?}");
            assert!(run.err.contains("stanch is not installed"), "{run:?}");
        }
        assert!(push.err.contains("refs/heads/main"), "{push:?}");
    }

    // What an earlier version wrote stopped them.
    let file = world.path("local/tools/checks/pre-commit");
    let now = fs::read_to_string(&file).unwrap();
    let (start, end) = (now.find("if command").unwrap(), now.find("# <<<").unwrap());
    let earlier = [&now[..start], "stanch hook pre-commit || exit $?\n", &now[end..]].concat();
    fs::write(&file, earlier).unwrap();
    let run = stanch(&world, &["hook", "install", "--pre-commit", "local"]);
    assert!(run.out.contains("renewed"), "{run:?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), now);
}

/// Pushes in every way, where a hook on either side looks at what is sent.
fn pushes_are_guarded(world: &World) {
    let (text, secrets) = key();
    let push = |arguments: &[&str]| git(world, &[&["push", "origin"][..], arguments].concat());
    let passes = |arguments: &[&str]| {
        let run = push(arguments);
        assert_eq!(run.code, 0, "{arguments:?} {run:?}");
    };
    let on_server = |name: &str| {
        world.git(&["-C", "server.git", "for-each-ref", "--format=%(objectname)", name])
    };
    // The first push, with the key long gone from the files.
    let clean = commit(world, "a", "a\n");
    git(world, &["switch", "--quiet", "--create", "leaky"]);
    let leak = commit(world, "keys", &text);
    git(world, &["rm", "--quiet", "keys"]);
    commit(world, "b", "b\n");
    let run = push(&["leaky"]);
    assert_stopped(&run, &secrets);
    assert!(run.all().contains(&leak[..12]), "{run:?}");
    assert_eq!(on_server("refs/"), "");
    passes(&["main"]);
    assert_eq!(on_server("refs/heads/main"), clean);
    // A new branch on what is there, and nothing new at all.
    git(world, &["switch", "--quiet", "main"]);
    passes(&["main:refs/heads/same"]);
    git(world, &["switch", "--quiet", "--create", "next"]);
    let next = commit(world, "c", "c\n");
    passes(&["next"]);
    assert_stopped(&push(&["leaky:refs/heads/new"]), &secrets);
    assert_stopped(&push(&["next", "main", "leaky"]), &secrets);
    // A force push, good and bad.
    assert_stopped(&push(&["--force", "leaky:next"]), &secrets);
    assert_eq!(on_server("refs/heads/next"), next);
    git(world, &["commit", "--quiet", "--no-verify", "--amend", "-m", "in other words"]);
    passes(&["--force", "next"]);
    // Tags: light, annotated, with the key in the message, in a commit's message.
    git(world, &["tag", "light", "leaky~"]);
    assert_stopped(&push(&["light"]), &secrets);
    git(world, &["tag", "--annotate", "good", "-m", "harmless"]);
    passes(&["good"]);
    git(world, &["tag", "--annotate", "bad", "-m", &text]);
    let run = push(&["bad"]);
    assert_stopped(&run, &secrets);
    assert!(run.all().contains("make the tag anew"), "{run:?}");
    git(world, &["commit", "--quiet", "--no-verify", "--allow-empty", "-m", &text]);
    assert_stopped(&push(&["next"]), &secrets);
    git(world, &["reset", "--quiet", "--hard", "HEAD~"]);
    // A deletion brings nothing, and does not hide what comes with it.
    passes(&["--delete", "same", "good"]);
    assert_stopped(&push(&[":main", "leaky"]), &secrets);
    // A change of a large file is sent as a difference alone.
    let large: String = (0..4000).map(|line| format!("line {line}\n")).collect();
    commit(world, "large", &large);
    passes(&["next"]);
    commit(world, "large", &format!("{large}the end\n"));
    passes(&["next"]);
    commit(world, "large", &format!("{large}{text}"));
    assert_stopped(&push(&["next"]), &secrets);
    // What the other side has already, from before there was a hook, holds up nobody.
    world.git(&["-C", "server.git", "fetch", "--quiet", "../local", "leaky:refs/heads/old"]);
    git(world, &["fetch", "--quiet", "origin"]);
    passes(&["leaky:refs/heads/again"]);
    // Nor does it hold up who edits the file it stands in.
    git(world, &["switch", "--quiet", "--create", "edited"]);
    world.git(&["-C", "server.git", "fetch", "--quiet", "../local", "edited:refs/heads/edited"]);
    git(world, &["fetch", "--quiet", "origin"]);
    commit(world, "large", &format!("the beginning\n{large}{text}"));
    passes(&["edited"]);
    // Nor who gives it another name at once, unless another credential comes in with that.
    git(world, &["mv", "large", "larger"]);
    commit(world, "larger", &format!("{large}{text}the end\n"));
    passes(&["edited"]);
    let (other, more) = key();
    git(world, &["mv", "larger", "largest"]);
    commit(world, "largest", &format!("{large}{text}the end\n{other}"));
    assert_stopped(&push(&["edited"]), &more);
    git(world, &["switch", "--quiet", "next"]);
    // A false alarm is let through as the hook says.
    let mark = format!("{} # stanch:allow made for this test\n", text.trim_end());
    git(world, &["reset", "--quiet", "--hard", "HEAD~"]);
    commit(world, "large", &format!("{large}{mark}"));
    passes(&["next"]);
    git(world, &["switch", "--quiet", "leaky"]);
    commit(
        world,
        "stanch.toml",
        "[[allow]]\npattern = \"github-personal-token\"\nreason = \"made for this test\"\n",
    );
    passes(&["leaky"]);
}

#[test]
fn a_push_is_stopped_before_anything_is_sent() {
    let world = repositories();
    stanch(&world, &["hook", "install", "--pre-push", "local"]);
    pushes_are_guarded(&world);
}

#[test]
fn a_bare_server_takes_in_no_credential() {
    let world = repositories();
    let run = stanch(&world, &["hook", "install", "server.git"]);
    assert!(run.out.starts_with("pre-receive: installed"), "{run:?}");
    pushes_are_guarded(&world);
}

#[test]
fn a_server_that_keeps_pushes_as_packs_takes_in_no_credential() {
    let world = repositories();
    stanch(&world, &["hook", "install", "server.git"]);
    world.git(&["-C", "server.git", "config", "transfer.unpackLimit", "1"]);
    pushes_are_guarded(&world);
}

/// A repository whose remote took in a credential before there was a hook, with this as its `fetch` settings.
fn with_an_old_secret(fetch: &[&str]) -> World {
    let world = repositories();
    git(&world, &["config", "--unset-all", "remote.origin.fetch"]);
    for refspec in fetch {
        git(&world, &["config", "--add", "remote.origin.fetch", refspec]);
    }
    commit(&world, "old", &key().0);
    let run = git(&world, &["push", "origin", "main"]);
    assert_eq!(run.code, 0, "{run:?}");
    stanch(&world, &["hook", "install", "--pre-push", "local"]);
    world
}

/// Asserts that a new branch passes as long as nothing new is in it.
fn assert_only_what_is_new_is_stopped(world: &World, to: &str) {
    let (text, secrets) = key();
    git(world, &["switch", "--quiet", "--create", "next"]);
    commit(world, "clean", "clean\n");
    let run = git(world, &["push", to, "next"]);
    assert_eq!(run.code, 0, "{to} {run:?}");
    commit(world, "clean", &text);
    assert_stopped(&git(world, &["push", to, "next:refs/heads/other"]), &secrets);
    assert_stopped(&git(world, &["push", to, "next"]), &secrets);
}

/// Asserts that a new branch, clean as it is, is stopped by what it was made on.
fn assert_the_old_one_is_stopped(world: &World, arguments: &[&str]) {
    git(world, &["switch", "--quiet", "--create", "next"]);
    commit(world, "clean", "clean\n");
    let run = git(world, &[&["push"][..], arguments].concat());
    assert_stopped(&run, &[]);
    assert!(run.all().contains("old:1"), "{run:?}");
}

const USUAL: &str = "+refs/heads/*:refs/remotes/origin/*";

#[test]
fn a_remote_is_known_by_its_address_too() {
    let world = with_an_old_secret(&[USUAL]);
    assert_only_what_is_new_is_stopped(&world, "../server.git");

    // Both as someone wrote it and as git rewrites it.
    let world = with_an_old_secret(&[USUAL]);
    git(&world, &["config", "url.../.insteadOf", "forge:"]);
    assert_only_what_is_new_is_stopped(&world, "forge:server.git");
    let world = with_an_old_secret(&[USUAL]);
    git(&world, &["config", "url.../.insteadOf", "forge:"]);
    git(&world, &["remote", "set-url", "origin", "forge:server.git"]);
    assert_only_what_is_new_is_stopped(&world, "../server.git");
    // One remote tells of another that is at the same place.
    let world = with_an_old_secret(&[USUAL]);
    git(&world, &["remote", "add", "again", "../server.git"]);
    assert_only_what_is_new_is_stopped(&world, "again");
}

#[test]
fn what_is_fetched_from_a_remote_may_be_kept_anywhere() {
    let world = with_an_old_secret(&["+refs/heads/*:refs/tracking/x/*"]);
    assert_only_what_is_new_is_stopped(&world, "origin");
    let world = with_an_old_secret(&["refs/heads/x:refs/x/x", "refs/heads/main:refs/x/main"]);
    assert_only_what_is_new_is_stopped(&world, "origin");
}

#[test]
fn a_reference_that_is_written_here_tells_nothing_of_a_remote() {
    let (text, secrets) = key();
    let onto_local = [
        "+refs/*:refs/*",
        "+refs/heads/*:refs/heads/*",
        "+refs/heads/*:refs/*",
        "+refs/heads/m*:refs/heads/*",
        "+refs/tags/*:refs/tags/*",
        "+refs/kept/*:refs/kept/*",
    ];
    for fetch in onto_local {
        let world = with_an_old_secret(&[fetch]);
        git(&world, &["switch", "--quiet", "--create", "next"]);
        commit(&world, "a", &text);
        git(&world, &["tag", "of-next"]);
        git(&world, &["update-ref", "refs/kept/next", "next"]);
        assert_stopped(&git(&world, &["push", "origin", "next"]), &secrets);
        assert_stopped(&git(&world, &["push", "origin", "of-next"]), &secrets);
    }
}

#[test]
fn what_may_be_elsewhere_alone_is_not_taken_for_known() {
    let other = |world: &World| world.git(&["init", "--quiet", "--bare", "other.git"]);
    // Fetched from one place and pushed to another.
    let world = with_an_old_secret(&[USUAL]);
    other(&world);
    git(&world, &["remote", "set-url", "--push", "origin", "../other.git"]);
    assert_the_old_one_is_stopped(&world, &["origin", "next"]);
    assert_stopped(&git(&world, &["push", "../server.git", "next"]), &[]);
    // Pushed to both.
    let world = with_an_old_secret(&[USUAL]);
    other(&world);
    git(&world, &["remote", "set-url", "--add", "origin", "../other.git"]);
    assert_the_old_one_is_stopped(&world, &["origin", "next"]);
    // Moved, and what is remembered is of the old place: git has seen that the new one has it not.
    let world = with_an_old_secret(&[USUAL]);
    other(&world);
    git(&world, &["remote", "set-url", "origin", "../other.git"]);
    assert_the_old_one_is_stopped(&world, &["origin", "main", "next"]);
    let world = with_an_old_secret(&[USUAL]);
    other(&world);
    git(&world, &["config", "url.../other.pushInsteadOf", "../server"]);
    assert_the_old_one_is_stopped(&world, &["origin", "next"]);
    for key in ["remote.direct.url", "remote.direct.pushUrl"] {
        git(&world, &["config", key, "../server.git"]);
    }
    assert_stopped(&git(&world, &["push", "direct", "next"]), &[]);
    // Two remotes write the same references.
    let world = with_an_old_secret(&[USUAL]);
    other(&world);
    git(&world, &["remote", "add", "other", "../other.git"]);
    git(&world, &["config", "remote.other.fetch", USUAL]);
    assert_the_old_one_is_stopped(&world, &["origin", "next"]);
    // What is never fetched does not come from there.
    let world = with_an_old_secret(&[USUAL, "^refs/heads/main"]);
    git(&world, &["update-ref", "refs/remotes/origin/main", "main"]);
    assert_the_old_one_is_stopped(&world, &["origin", "next"]);
}

#[test]
fn who_forgot_to_fetch_is_told_so_by_git_alone() {
    let world = with_an_old_secret(&[USUAL]);
    world.git(&["clone", "--quiet", "server.git", "theirs"]);
    world.git(&["-C", "theirs", "commit", "--quiet", "--allow-empty", "-m", "theirs"]);
    world.git(&["-C", "theirs", "push", "--quiet", "origin", "main"]);
    commit(&world, "clean", "clean\n");
    let run = git(&world, &["push", "origin", "main"]);
    assert!(run.code != 0 && run.err.contains("fetch first"), "{run:?}");
    assert!(!run.all().contains("stanch"), "{run:?}");
}

#[test]
fn where_the_first_commit_has_it_the_advice_is_to_begin_at_the_root() {
    let world = repositories();
    let (text, secrets) = key();
    stanch(&world, &["hook", "install", "local"]);
    stanch(&world, &["hook", "install", "server.git"]);
    let first = commit(&world, "a", &text);
    for more in [&["--verify"][..], &["--no-verify"]] {
        let run = git(&world, &[&["push", "origin", "main"], more].concat());
        assert_stopped(&run, &secrets);
        assert!(run.all().contains("`git rebase -i --root`"), "{run:?}");
        assert!(run.all().contains(&first[..12]) && !run.all().contains('~'), "{run:?}");
    }
    let world = repositories();
    stanch(&world, &["hook", "install", "local"]);
    commit(&world, "b", "b\n");
    let second = commit(&world, "a", &text);
    let run = git(&world, &["push", "origin", "main"]);
    assert!(run.all().contains(&format!("`git rebase -i {}~`", &second[..12])), "{run:?}");
}

#[test]
fn the_server_can_keep_the_say_to_itself() {
    let world = repositories();
    let (text, secrets) = key();
    stanch(&world, &["hook", "install", "server.git"]);
    let hook = world.path("server.git/hooks/pre-receive");
    let script = fs::read_to_string(&hook).unwrap();
    let strict = "hook pre-receive --no-config --no-inline-allow";
    fs::write(&hook, script.replace("hook pre-receive", strict)).unwrap();
    let mark = format!("{} # stanch:allow made for this test\n", text.trim_end());
    commit(&world, "a", &mark);
    commit(
        &world,
        "stanch.toml",
        "[[allow]]\npattern = \"github-personal-token\"\nreason = \"so\"\n",
    );
    assert_stopped(&git(&world, &["push", "origin", "main"]), &secrets);
}

#[test]
fn what_lies_in_the_quarantine_and_nothing_reaches_is_scanned_and_what_completes_a_pack_is_not() {
    let world = repositories();
    let (text, _) = key();
    let first = commit(&world, "a", &text);
    git(&world, &["push", "--quiet", "origin", "main"]);
    // Loose and packed: a blob that no commit has, beside one that the server has already.
    let quarantine = world.path("quarantine");
    fs::create_dir_all(quarantine.join("pack")).unwrap();
    let put = |content: &str, name: &str| {
        let file = world.write(name, content);
        let objects = quarantine.to_str().unwrap().to_owned();
        let variables = [("GIT_OBJECT_DIRECTORY", &*objects)];
        world.git_with(
            &variables,
            &["-C", "server.git", "hash-object", "-w", file.to_str().unwrap()],
        )
    };
    put(&text, "known");
    let run = |world: &World| {
        let objects = world.path("server.git/objects");
        let variables = [
            ("GIT_QUARANTINE_PATH", quarantine.to_str().unwrap()),
            ("GIT_OBJECT_DIRECTORY", quarantine.to_str().unwrap()),
            ("GIT_ALTERNATE_OBJECT_DIRECTORIES", objects.to_str().unwrap()),
            ("GIT_DIR", "server.git"),
        ];
        let input = format!("{} {first} refs/heads/other\n", "0".repeat(40));
        world.stanch_with(&["hook", "pre-receive"], &variables, &input)
    };
    let known = run(&world);
    assert_eq!((known.code, &*known.all()), (0, ""), "{known:?}");
    let (other, secrets) = key();
    let blob = put(&other, "other");
    let found = run(&world);
    assert_stopped(&found, &secrets);
    let packing = format!("{blob}\n");
    let mut command = world.command("git");
    command.env("GIT_OBJECT_DIRECTORY", &quarantine).current_dir(world.path("server.git"));
    command.args(["pack-objects", "--quiet"]).arg(quarantine.join("pack/pack"));
    let mut child = command
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), packing.as_bytes()).unwrap();
    assert!(child.wait().unwrap().success());
    fs::remove_file(quarantine.join(&blob[..2]).join(&blob[2..])).unwrap();
    assert_stopped(&run(&world), &secrets);
}

#[test]
fn what_could_not_be_scanned_stops_git_unless_the_hook_says_otherwise() {
    let world = repositories();
    world.write("local/large", "x".repeat(3000));
    git(&world, &["add", "large"]);
    let run = |arguments: &[&str]| {
        let arguments = [&["hook", "pre-commit", "--max-size", "2K"][..], arguments].concat();
        world.stanch_with(&arguments, &[("GIT_DIR", "local/.git")], "")
    };
    let stopped = run(&[]);
    assert_eq!(stopped.code, 3, "{stopped:?}");
    assert!(stopped.all().contains("--allow-partial") && stopped.all().contains("large"));
    let passed = run(&["--allow-partial"]);
    assert!(passed.code == 0 && passed.all().contains("too large"), "{passed:?}");
    let run = world.stanch_with(&["hook", "pre-push"], &[("GIT_DIR", "local/.git")], "nonsense\n");
    assert!(run.code == 2 && run.err.contains("--range"), "{run:?}");
}

/// Runs all other tests again, with repositories whose ids are SHA-256.
#[test]
fn ids_may_be_longer() {
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args(["--skip", "ids_may_be_longer", "--test-threads", "2"]);
    let output = again.env("GIT_DEFAULT_HASH", "sha256").output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
