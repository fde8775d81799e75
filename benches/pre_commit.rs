//! What a commit costs: one staged file in a repository of more than five thousand, the whole process,
//! as a multiple of `git diff --cached --stat` in the same run.
//!
//! `cargo bench --no-default-features --bench pre_commit`

use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const FILES: usize = 5_200;
const RUNS: usize = 15;

fn main() -> io::Result<()> {
    let folder = TempDir::new()?;
    make_repository(folder.path())?;
    let stanch = env!("CARGO_BIN_EXE_stanch");
    let rivals: [(&str, &[&str]); 4] = [
        ("git", &["diff", "--cached", "--stat"]),
        (stanch, &["hook", "pre-commit"]),
        (stanch, &["scan", "--staged", "--quiet"]),
        (stanch, &["--version"]),
    ];
    let mut times = vec![Vec::new(); rivals.len()];
    // In turn, so that whatever else the machine does slows all of them.
    for _ in 0..RUNS {
        for ((program, arguments), times) in rivals.iter().zip(&mut times) {
            let started = Instant::now();
            run(folder.path(), program, arguments)?;
            times.push(started.elapsed());
        }
    }
    let git = median(&mut times[0]);
    let mut out = io::stdout();
    writeln!(out, "median of {RUNS}, {FILES} files, one staged")?;
    for ((program, arguments), times) in rivals.iter().zip(&mut times) {
        let name = Path::new(program).file_stem().unwrap_or_default().to_string_lossy();
        let median = median(times);
        let ratio = median.as_secs_f64() / git.as_secs_f64();
        let milliseconds = median.as_secs_f64() * 1e3;
        writeln!(out, "{milliseconds:8.2} ms  {ratio:5.2} x  {name} {}", arguments.join(" "))?;
    }
    Ok(())
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn make_repository(folder: &Path) -> io::Result<()> {
    for file in 0..FILES {
        let path = folder.join(format!("src/m{}/p{}/f{file}.py", file % 60, file % 7));
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, format!("# file {file}\nvalue = {file}\n"))?;
    }
    run(folder, "git", &["init", "--quiet"])?;
    run(folder, "git", &["add", "."])?;
    let author = ["-c", "user.name=Ada", "-c", "user.email=ada@mail.example"];
    let commit = ["-c", "gc.auto=0", "commit", "--quiet", "-m", "everything"];
    run(folder, "git", &[&author[..], &commit].concat())?;
    run(folder, "git", &["gc", "--quiet"])?;
    fs::write(folder.join("src/m1/p1/f1.py"), "# file 1\nvalue = 1\nother = 2\n")?;
    run(folder, "git", &["add", "src/m1/p1/f1.py"])
}

fn run(folder: &Path, program: &str, arguments: &[&str]) -> io::Result<()> {
    let mut command = Command::new(program);
    command.current_dir(folder).args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{program} {arguments:?} failed"))),
    }
}
