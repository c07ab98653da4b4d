"""Random texts for each reader of foreign text, for so many seconds each: it may refuse, and nothing else.

    python benchmarks/fuzz.py [--seconds N] [--seed N] [--only READER]

Texts are valid examples and pieces of hostile shapes, cut, repeated, joined and changed at random; the seed
makes them the same again. Nothing is started, and nothing is written.
Exit: 0 nothing fell, 1 a reader raised another error than a refusal; the text is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from random import Random

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from devenv.core.model.errors import DevenvError
from tests.hostile import READERS, SHAPES
from tests.unit.test_wrong_values import HAR, HISTORY, LOGS, SCENARIO

CHARACTERS = "\0\t\n\r \"'\\#$%&(){}[]<>*+,-./:;=?@`|~019aAeEnNxé가😀\u2028\ufeff"
PIECE = 300
VALID = (
    json.dumps(HAR),
    *(json.dumps(log) + "\n" for log in LOGS),
    "".join(json.dumps(line) + "\n" for line in HISTORY),
    json.dumps(SCENARIO, indent=1),
    "curl 'http://a/{b,c}/[1-3]?d=e' -H 'x: y' -d \"f=$G\" --next -F 'h=i;type=j' http://k\n",
    '1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "-" rt=0.1\n',
    'haproxy[1]: 1.2.3.4:5 [01/Jan/2026:00:00:00.123] fe be/s1 0/0/1/2/3 200 1 - - ---- "GET /a HTTP/1.1"\n',
    'export A="b${C}"\nD=http://a:b@c.d:1/e\n',
    'preset = "session"\n[service]\ncommand = ["a", "b"]\n[service.env]\nA = "b"\n',
    "*2\r\n$3\r\nGET\r\n$1\r\na\r\n%1\r\n+a\r\n:1\r\n",
    "GET /a HTTP/1.1\r\nHost: a\r\nCookie: b=c; d=e\r\nContent-Length: 1\r\n\r\n",
)


def text_of(random: Random) -> str:
    """One text."""
    sources = [*random.choices(VALID, k=2), random.choice(list(SHAPES.values()))(PIECE)]
    text = random.choice(sources) if random.random() < 0.6 else "".join(random.sample(sources, 2))
    for _ in range(random.randrange(6)):
        begin = random.randrange(len(text) + 1)
        end = min(len(text), begin + random.choice((0, 1, 2, 10, 100)))
        change = random.randrange(4)
        inside = (
            "" if change == 0
            else text[begin:end] * random.choice((2, 3, 50)) if change == 1
            else "".join(random.choices(CHARACTERS, k=random.randrange(1, 8))) if change == 2
            else random.choice(sources)[:PIECE]
        )  # fmt: skip
        text = text[:begin] + inside + text[end:]
    return text


def main() -> int:
    """Fuzz; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="for each reader [default: 300]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="readers with this in their names")
    given = parser.parse_args()
    fallen = 0
    for name, read in READERS.items():
        if given.only not in name:
            continue
        random, tried, end = Random(f"{given.seed} {name}"), 0, time.monotonic() + given.seconds
        kinds: set[str] = set()
        while time.monotonic() < end:
            text = text_of(random)
            tried += 1
            try:
                read(text)
            except DevenvError:
                continue
            except Exception as error:
                if (kind := f"{type(error).__name__}: {error}"[:60]) not in kinds:
                    kinds.add(kind)
                    print(f"{name}: {kind}\n  {text!r:.2000}", flush=True)
        fallen += len(kinds)
        print(f"{name}: {tried} texts, {len(kinds)} kinds of errors", flush=True)
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
