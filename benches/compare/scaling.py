#!/usr/bin/env python3
"""Shows that no input makes a scan slower than linear: texts of n, 4n and 16n bytes of each kind.

    cargo build --release --no-default-features
    python3 benches/compare/scaling.py [target/release/stanch]

Each row is a text that tempts some stage: many findings, the same escape over and over, anchors without end. A time
that grows sixteenfold where the text grew fourfold is a fault.
"""

import base64
import os
import random
import string
import subprocess
import sys
import tempfile
import time

RANDOM = random.Random(1)
LETTERS = string.ascii_letters + string.digits


def letters(count, of=LETTERS):
    return "".join(RANDOM.choice(of) for _ in range(count))


def key():
    return "sk_" + "live_" + letters(24)


def encoded():
    return base64.b64encode(f"stripe={key()} x".encode()).decode()


# Each makes about forty bytes.
KINDS = {
    "keys, one a line": lambda n: "".join(f"a = '{key()}'\n" for _ in range(n)),
    "keys on one line": lambda n: " ".join(f"a='{key()}'" for _ in range(n)),
    "one key again and again": lambda n: f"a = '{key()}'\n" * n,
    "keys in base64, one a line": lambda n: "".join(f"k: {encoded()}\n" for _ in range(n)),
    "keys in base64 on one line": lambda n: " ".join(f"k: {encoded()}" for _ in range(n)),
    "keys with percent escapes": lambda n: "".join(f"u=stripe%3D{key().replace('_', '%5F')}\n" for _ in range(n)),
    "pairs of key id and secret": lambda n: "".join(
        f"AWS_ACCESS_KEY_ID=AKIA{letters(16, string.ascii_uppercase)}\nAWS_SECRET_ACCESS_KEY={letters(40)}\n"
        for _ in range(n)),
    "zeros in base64": lambda n: "A" * (40 * n),
    "token headers": lambda n: "eyJ" * (13 * n),
    "token headers with dots": lambda n: "eyJhbGciOiJIUzI1NiJ9." * (2 * n),
    "zeros in hexadecimal": lambda n: "30" * (20 * n),
    "strings in pieces": lambda n: "'a'+" * (10 * n),
    "backslash escapes": lambda n: "\\x41" * (10 * n),
    "entities": lambda n: "&#65;" * (8 * n),
    "base64 over many lines": lambda n: "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=\n" * n,
    "beginnings of private keys": lambda n: "-----BEGIN PRIVATE KEY-----\n" * n,
    "addresses": lambda n: "http://a:b" * (4 * n),
    "beginnings of addresses": lambda n: "://" * (13 * n),
    "UTF-16": lambda n: "\0a" * (20 * n),
    "zeros": lambda n: "\0" * (40 * n),
    "empty lines": lambda n: "\n" * (40 * n),
    "passwords": lambda n: "password=abc " * (3 * n),
}


def main():
    program = sys.argv[1] if len(sys.argv) > 1 else "target/release/stanch"
    print(f"{'':32}  seconds for n, 4n, 16n (MB)")
    for kind, make in KINDS.items():
        cells = []
        for count in (2000, 8000, 32000):
            with tempfile.NamedTemporaryFile(delete=False) as file:
                file.write(make(count).encode())
            start = time.perf_counter()
            subprocess.run([program, "scan", "-f", "jsonl", file.name], stdout=subprocess.DEVNULL,
                           stderr=subprocess.DEVNULL, check=False)
            cells.append(f"{time.perf_counter() - start:.2f} ({os.path.getsize(file.name) / 1e6:.1f})")
            os.unlink(file.name)
        print(f"{kind:32}  {'  '.join(cells)}", flush=True)


if __name__ == "__main__":
    main()
