#!/usr/bin/env python3
"""Makes `table.bin`: how likely source text is to go on with each character.

    python3 make.py --out table.bin FOLDER...     learn from the text files below the folders
    python3 make.py --check table.bin FOLDER...   measure an existing table on them

The table holds costs in sixteenths of a bit, rounded up, so that the probabilities of what can follow
never add up to more than one: the scanner's bound on keys taken for words rests on that.

  * first 40 * 40 * 40 costs: of a character, in lower case, behind two others (`SYMBOLS`),
  * then 5 * 5 costs: of a letter being a capital behind characters of two kinds (`kind`),
  * then as many: of it being a small one.

One word in ten, chosen by its hash, is kept out of the learning; the accuracy is measured on those.
"""

import argparse
import hashlib
import math
import os
import random
import re
from collections import Counter

LETTERS = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
# A character that is none of these is OTHER; START stands before the first.
SYMBOLS = LETTERS + DIGITS + "_-"
OTHER, START, COUNT = 38, 39, 40
# OTHER stands for so many characters: what is printable and not in SYMBOLS or a capital.
OTHERS = 95 - 26 - len(SYMBOLS)
UNIT = 16
LIMIT_BITS = 21
WORD = re.compile(r"[A-Za-z0-9_./+-]{6,80}")
# Hashes and keys in the text must not teach the model what words are.
HEXADECIMAL = re.compile(r"[0-9a-fA-F-]{16,}|.*[0-9a-f]{24,}.*|.*[0-9A-F]{24,}.*")
MOST_OF_A_WORD = 8
MAX_FILE_BYTES = 2_000_000


def symbol(character):
    at = SYMBOLS.find(character.lower())
    return at if at >= 0 else OTHER


def kind(character):
    """0 nothing, 1 small letter, 2 capital, 3 digit, 4 anything else."""
    if character is None:
        return 0
    if character in LETTERS:
        return 1
    if character.lower() in LETTERS:
        return 2
    return 3 if character in DIGITS else 4


def looks_random(word):
    """Tells whether to leave a word out: hexadecimal, or base64 by its many changes of kind."""
    if HEXADECIMAL.fullmatch(word):
        return True
    kinds = [kind(character) for character in word]
    changes = sum(a != b and b != 1 for a, b in zip(kinds, kinds[1:]))
    return len(word) >= 16 and changes > len(word) / 3


def words_below(folders):
    counts = Counter()
    for folder in folders:
        for path, _, names in os.walk(folder):
            for name in names:
                with_path = os.path.join(path, name)
                if os.path.islink(with_path) or os.path.getsize(with_path) > MAX_FILE_BYTES:
                    continue
                with open(with_path, "rb") as file:
                    content = file.read()
                if b"\0" not in content[:4096]:
                    counts.update(WORD.findall(content.decode("utf-8", "replace")))
    return {word: min(n, MOST_OF_A_WORD) for word, n in counts.items() if not looks_random(word)}


def is_held_out(word):
    return hashlib.sha256(word.encode()).digest()[0] < 26


def cost(count, total, outcomes, prior=0.5):
    """Rounded up, so that the costs of all outcomes stand for probabilities of at most one."""
    share = (count + prior) / (total + prior * outcomes)
    return min(255, math.ceil(-math.log2(share) * UNIT))


def learn(words):
    # What follows two characters; where those are rare, what follows the last one fills in.
    three, two = Counter(), Counter()
    cases = Counter()
    for word, count in words.items():
        before = [START, START]
        kinds = [0, 0]
        for character in word:
            now = symbol(character)
            three[before[0], before[1], now] += count
            two[before[1], now] += count
            if now < len(LETTERS):
                cases[kinds[0], kinds[1], kind(character)] += count
            before = [before[1], now]
            kinds = [kinds[1], kind(character)]
    table = bytearray()
    for a in range(COUNT):
        for b in range(COUNT):
            total_two = sum(two[b, c] for c in range(START))
            shares = [(two[b, c] + 0.5) / (total_two + 0.5 * START) for c in range(START)]
            total = sum(three[a, b, c] for c in range(START))
            weight = 4.0
            for c in range(START):
                share = (three[a, b, c] + weight * shares[c]) / (total + weight)
                table.append(min(255, math.ceil(-math.log2(share) * UNIT)))
            table.append(255)
    for wanted in (2, 1):
        for a in range(5):
            for b in range(5):
                total = cases[a, b, 1] + cases[a, b, 2]
                table.append(cost(cases[a, b, wanted], total, 2))
    return bytes(table)


def text_bits(table, word):
    before, kinds, sixteenths = [START, START], [0, 0], 0
    for character in word:
        now, this = symbol(character), kind(character)
        sixteenths += table[(before[0] * COUNT + before[1]) * COUNT + now]
        if now < len(LETTERS):
            base = COUNT**3 + (0 if this == 2 else 25)
            sixteenths += table[base + kinds[0] * 5 + kinds[1]]
        if now == OTHER:
            sixteenths += math.ceil(math.log2(OTHERS) * UNIT)
        before, kinds = [before[1], now], [kinds[1], this]
    return sixteenths / UNIT


# What issuers draw keys from, apart from signs: decimal, hexadecimal, base 32, 36 and 62.
ALPHABETS = [
    DIGITS,
    DIGITS + "abcdef",
    DIGITS + "ABCDEF",
    DIGITS + "abcdefABCDEF",
    LETTERS + "234567",
    LETTERS.upper() + "234567",
    DIGITS + LETTERS,
    DIGITS + LETTERS.upper(),
    DIGITS + LETTERS + LETTERS.upper(),
]


def random_bits(word):
    """Of the smallest alphabet that holds the word: a larger one would make words likelier."""
    others = set(word) - set(ALPHABETS[-1])
    plain = set(word) - others
    # No alphabet with signs has fewer letters and digits than base 36.
    sizes = [len(a) for a in ALPHABETS if plain <= set(a) and (len(a) >= 36 or not others)]
    return len(word) * math.log2(min(sizes) + len(others))


def is_word(table, word):
    return random_bits(word) - text_bits(table, word) >= LIMIT_BITS


def measure(table, held_out):
    for low, high in [(12, 15), (16, 19), (20, 31), (32, 80)]:
        some = [word for word in held_out if low <= len(word) <= high]
        if some:
            share = sum(is_word(table, word) for word in some) / len(some)
            print(f"words of {low:2} to {high:2} characters: {share:7.2%} of {len(some)} known as words")
    rng = random.Random(1)
    # The last three are of no issuer known; they show how far the bound is from being reached.
    alphabets = [*ALPHABETS, ALPHABETS[-1] + "-_", LETTERS, LETTERS + LETTERS.upper(), LETTERS + "-"]
    for alphabet in alphabets:
        keys = ["".join(rng.choices(alphabet, k=rng.randint(16, 64))) for _ in range(5_000)]
        most = max(random_bits(key) - text_bits(table, key) for key in keys)
        print(f"random keys of {len(alphabet):2} characters: {most:6.1f} bits at the most")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out")
    parser.add_argument("--check")
    parser.add_argument("folders", nargs="+")
    arguments = parser.parse_args()
    words = words_below(arguments.folders)
    held_out = [word for word in words if is_held_out(word)]
    if arguments.check:
        with open(arguments.check, "rb") as file:
            table = file.read()
    else:
        table = learn({word: n for word, n in words.items() if not is_held_out(word)})
    print(f"{len(words)} words, {len(held_out)} of them held out, table of {len(table)} bytes")
    measure(table, held_out)
    if arguments.out:
        with open(arguments.out, "wb") as file:
            file.write(table)


if __name__ == "__main__":
    main()
