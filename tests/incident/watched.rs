//! Watching on a real terminal: a pseudo-terminal, with somebody who scrolls and leaves.
#![cfg(unix)]

use crate::walk::Office;

/// Runs a command on a terminal of 24 lines, presses keys as what is seen asks for them, and prints
/// what was seen.
const TERMINAL: &str = r#"
import fcntl, os, pty, select, struct, sys, termios, time
keys = [(b"of ", b"\x1b[B"), (b"2-", b"G"), (b"Chain head", b"q")]
child, terminal = pty.fork()
if child == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
seen, fresh, end = b"", b"", time.time() + 600
while time.time() < end:
    if not select.select([terminal], [], [], 1)[0]:
        continue
    try:
        piece = os.read(terminal, 65536)
    except OSError:
        break
    if not piece:
        break
    seen, fresh = seen + piece, fresh + piece
    if keys and keys[0][0] in fresh:
        fresh = b""
        os.write(terminal, keys.pop(0)[1])
sys.stdout.buffer.write(seen)
sys.stdout.flush()
sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) + 10 * len(keys))
"#;

#[test]
fn a_terminal_shows_it_scrolls_and_is_left_as_it_was() {
    let office = Office::new();
    let id = office.open(&["a bot's mail"]);
    let script = office.world.write("terminal.py", TERMINAL);
    let mut command = office.world.command("python3");
    command.arg(script).arg(env!("CARGO_BIN_EXE_stanch")).args(["incident", "watch", &id]);
    let ended = command.env("TERM", "xterm-256color").output().unwrap();
    let seen = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(0), "{seen}");
    let screen = |start: &str, end: &str| seen.find(start) < seen.find(end) && seen.contains(end);
    assert!(screen("\u{1b}[?1049h", "\u{1b}[?1049l"), "{seen}");
    assert!(seen.contains("a bot's mail") && seen.contains("q leaves"), "{seen}");
}
