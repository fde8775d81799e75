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
    port = free_port()
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off"]
    command = [PROGRAMS / "postgres", "-D", data, "-p", str(port), *settings]
    server = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=open(folder / "log", "wb"), **options)
    try:
        until = time.monotonic() + 60
        while subprocess.run([PROGRAMS / "pg_isready", "-q", "-h", "127.0.0.1", "-p", str(port)]).returncode:
            if server.poll() is not None or time.monotonic() > until:
                sys.exit(f"the server did not start: {(folder / 'log').read_text()}")
            time.sleep(0.05)
        print(f"port {port}", flush=True)
        sys.stdin.read()
    finally:
        # An immediate end: nothing of it is needed again.
        server.send_signal(3) if os.name == "posix" else server.kill()
        server.wait()
        shutil.rmtree(folder, ignore_errors=True)


main()
