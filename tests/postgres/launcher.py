"""Runs a PostgreSQL server in a fresh folder until standard input ends.

The server comes with the package pgserver. It refuses to run as the administrator, who therefore lends
it another user. Prints `port N` once it answers.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

import pgserver

# However slow the machine: a server that can't start ends by itself.
SECONDS_TO_START = 600
ATTEMPTS = 5
PROGRAMS = pathlib.Path(pgserver.__file__).parent / "pginstall" / "bin"


def lent():
    """Returns the options that run a program as somebody who is not the administrator."""
    if os.name != "posix" or os.geteuid() != 0:
        return {}
    return {"user": "nobody", "group": "nogroup" if pathlib.Path("/etc/debian_version").exists() else "nobody"}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def started(folder, data, options):
    """Starts the server and returns it with its port, once it says itself that it takes connections."""
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    for attempt in range(ATTEMPTS):
        # Somebody else may take the port before the server does; then it ends, and another is tried.
        port, log = free_port(), folder / f"log-{attempt}"
        command = [PROGRAMS / "postgres", "-D", data, "-p", str(port), *settings]
        server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=open(log, "wb"), **options)
        until = time.monotonic() + SECONDS_TO_START
        while server.poll() is None and time.monotonic() < until:
            if b"ready to accept connections" in log.read_bytes():
                return server, port
            time.sleep(0.05)
        server.kill()
        server.wait()
    sys.exit(f"the server did not start: {log.read_text()}")


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="stanch-postgres-"))
    options = lent()
    if options:
        shutil.chown(folder, options["user"], options["group"])
    data = folder / "data"
    initdb = [PROGRAMS / "initdb", "-D", data, "-U", "stanch", "-A", "trust", "-E", "UTF8", "--no-sync"]
    made = subprocess.run(initdb, cwd=folder, capture_output=True, text=True, **options)
    if made.returncode != 0:
        sys.exit(f"initdb failed: {made.stderr}")
    server, port = started(folder, data, options)
    try:
        print(f"port {port}", flush=True)
        sys.stdin.read()
    finally:
        # An immediate end: nothing of it is needed again.
        server.send_signal(3) if os.name == "posix" else server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
