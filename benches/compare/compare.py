#!/usr/bin/env python3
"""Compares stanch with other scanners on the same folders, in one run.

    python3 benches/compare/compare.py [--history] [--runs N] [--differences] FOLDER...

Installs the peers below target/compare: Kingfisher from PyPI, ripsecrets from crates.io. Every tool scans every
folder once unmeasured, then N times in turns, so that whatever else the machine does hits all of them. A tool that
can't be installed or run is a row that says why. No tool is asked to validate anything over the network.

--history scans the whole history of each folder's repository: stanch and Kingfisher only, ripsecrets has no such
mode. --differences lists the places that only one of them reports, as file:line and rule, never a secret.
"""

import argparse
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
HOME = ROOT / "target" / "compare"
KINGFISHER = "2.14.0"
# A tool whose first scan takes longer than this is not run again: that scan counts.
SLOW_SECONDS = 20


def install():
    """Returns for each tool its program, or why there is none."""
    return {
        "stanch": attempt(build_stanch),
        "kingfisher": attempt(install_kingfisher),
        "ripsecrets": attempt(install_ripsecrets),
        "read": attempt(lambda: pathlib.Path(sys.executable)),
    }


def attempt(work):
    try:
        return work()
    except (OSError, subprocess.CalledProcessError) as error:
        return f"not installed: {error}"


def run_quietly(*command):
    subprocess.run([str(word) for word in command], check=True, stdout=subprocess.DEVNULL)


def build_stanch():
    given = os.environ.get("STANCH")
    if given:
        return pathlib.Path(given).resolve()
    run_quietly("cargo", "build", "--release", "--no-default-features", "--manifest-path", ROOT / "Cargo.toml")
    return ROOT / "target" / "release" / "stanch"


def install_kingfisher():
    place = HOME / "python"
    program = place / "bin" / "kingfisher"
    if not program.exists():
        run_quietly(sys.executable, "-m", "venv", place)
        run_quietly(place / "bin" / "pip", "install", "--quiet", f"kingfisher-bin=={KINGFISHER}")
    return program


def install_ripsecrets():
    program = HOME / "cargo" / "bin" / "ripsecrets"
    if not program.exists():
        run_quietly("cargo", "install", "--quiet", "--root", HOME / "cargo", "ripsecrets")
    return program


READ = """
import os, sys
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        if os.path.isfile(path) and not os.path.islink(path):
            file = os.open(path, os.O_RDONLY)
            while os.read(file, 1 << 20):
                pass
            os.close(file)
"""


def command(tool, program, folder, history):
    if tool == "stanch":
        return [program, "scan", *(["--history", "--no-cache"] if history else []), "--format", "jsonl", folder]
    if tool == "kingfisher":
        mode = "full" if history else "none"
        return [program, "scan", "--no-validate", "--no-update-check", "--git-history", mode,
                "--format", "jsonl", folder]
    if tool == "ripsecrets":
        return None if history else [program, folder]
    return None if history else [program, "-c", READ, folder]


def timed(words):
    """Runs a command and returns wall seconds, processor seconds, peak memory in MB, exit code and output."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen([str(word) for word in words], stdout=out, stderr=errors)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        peak = usage.ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)
        return wall, usage.ru_utime + usage.ru_stime, peak, process.returncode, out.read().decode(errors="replace")


def records(output):
    for line in output.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            continue


def places(tool, output, folder):
    """Returns the reported places as {(file, line): rule}, and how many findings there are."""
    found, count = {}, 0
    relative = lambda path: os.path.relpath(path, folder) if path and os.path.isabs(path) else path
    for record in records(output):
        if tool == "stanch" and "pattern" in record:
            count += 1
            for location in record.get("locations", []):
                found[relative(location.get("path")), location.get("line")] = record["pattern"]
        elif tool == "kingfisher" and "rule" in record:
            count += 1
            finding = record.get("finding", {})
            found[relative(finding.get("path")), finding.get("line")] = record["rule"].get("id")
    if tool == "ripsecrets":
        count = sum(1 for line in output.splitlines() if line.strip())
    return found, count


def compare(folder, tools, options):
    print(f"\n## {folder}{' (history)' if options.history else ''}\n")
    commands, failures = {}, {}
    for tool, program in tools.items():
        if isinstance(program, str):
            failures[tool] = program
            continue
        words = command(tool, program, folder, options.history)
        if words is None:
            failures[tool] = "has no mode for histories"
        else:
            commands[tool] = words
    outputs = {tool: timed(words) for tool, words in commands.items()}
    rounds = {tool: [] for tool in commands}
    for _ in range(options.runs):
        for tool, words in commands.items():
            # What takes a hundred times as long needs no second opinion.
            is_slow = outputs[tool][0] > SLOW_SECONDS
            measured = outputs[tool] if is_slow else timed(words)
            rounds[tool].append(measured[:3])
    median = lambda tool, index: statistics.median(run[index] for run in rounds[tool])
    base = median("stanch", 0) if "stanch" in rounds else None
    print("| tool | wall s | of stanch's | processor s | peak MB | findings | exit |")
    print("|---|---|---|---|---|---|---|")
    found = {}
    for tool in tools:
        if tool in failures:
            print(f"| {tool} | {failures[tool]} | | | | | |")
            continue
        found[tool], count = places(tool, outputs[tool][4], folder)
        wall = median(tool, 0)
        ratio = statistics.median(a[0] / b[0] for a, b in zip(rounds[tool], rounds["stanch"])) if base else 0
        shown = "" if tool == "read" else count
        print(f"| {tool} | {wall:.2f} | {ratio:.1f} | {median(tool, 1):.2f} | {median(tool, 2):.0f} | {shown} "
              f"| {outputs[tool][3]} |")
    if options.differences and "stanch" in found and "kingfisher" in found:
        for one, other in [("stanch", "kingfisher"), ("kingfisher", "stanch")]:
            print(f"\nonly {one}:")
            alone = {place: rule for place, rule in found[one].items() if place not in found[other]}
            for (path, line), rule in sorted(alone.items(), key=str):
                print(f"  {path}:{line}  {rule}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--history", action="store_true")
    parser.add_argument("--differences", action="store_true")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("folders", nargs="+")
    options = parser.parse_args()
    if shutil.which("cargo") is None:
        sys.exit("cargo is not on the path: stanch and ripsecrets are built with it")
    HOME.mkdir(parents=True, exist_ok=True)
    tools = install()
    for folder in options.folders:
        compare(os.path.abspath(folder), tools, options)


if __name__ == "__main__":
    main()
