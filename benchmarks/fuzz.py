"""Random texts for each reader of foreign text, for this many seconds each: it may refuse, and nothing else.

    python benchmarks/fuzz.py [--seconds N] [--seed N] [--only READER] [--part I/N] [--keep FOLDER]

Texts are valid examples, pieces of hostile shapes and what an earlier run kept (tests/corpus), cut, repeated,
joined and changed at random. One text in four is read with its lines of code counted: a text that reaches
lines which none before it reached is changed further. `--keep` writes these texts, those that fell first, as
FOLDER/READER.json; tests/unit/test_hostile_corpus.py reads them again. The seed makes the texts the same
again for as long as the readers are the same. Nothing is started.
Exit: 0 nothing fell, 1 a reader raised another error than a refusal, or read one text for over a second of
CPU; the text is printed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from types import FrameType
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import devenv
from devenv.core.model.errors import DevenvError
from tests.hostile import CORPUS, READERS, SHAPES, Reader, corpus_file, kept_texts
from tests.unit.test_wrong_values import HAR, HISTORY, LOGS, SCENARIO, WRONG

CHARACTERS = "\0\t\n\r \"'\\#$%&(){}[]<>*+,-./:;=?@`|~019aAeEnNxé가😀\u2028\ufeff"
PIECE = 300
LONGEST_KEPT = 800
"""Characters of a text that is kept."""
MOST_KEPT = 20
"""Texts of a reader that are kept."""
TRACED = 0.25
"""The share of the texts that are read with their lines counted, which takes several times as long."""
SLOW = 1.0
SLOW_CHARACTER = 100e-6
"""This many CPU seconds for one text, and for each of its characters, count as a fall; YAML costs up to 60 µs
a character on a quiet machine."""
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
    "R1.GET before R2.SET, R1.SETEX before A.DEL",
    "1:a 2:b 1:a",
    "a:b@c.d:6379/1?protocol=3&ssl_cert_reqs=none",
    '--b\r\ncontent-disposition: form-data; name="a"; filename="b"\r\ncontent-type: a/b\r\n\r\nc\r\n--b--',
    'event: a\nid: 1\ndata: {"b": [1, 2.5e3]}\n\n',
    "<a b='c' name=\"password\"><d>e</d><!-- f --><![CDATA[g]]></a>",
    "a=b&password=c%20d&e[0]=%7B%22f%22%3A1%7D",
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec:\n  replicas: 2\n---\nkind: Service\n",
)


@dataclass(slots=True)
class Lines:
    """The lines of the product's code that were run."""

    known: set[tuple[str, int]] = field(default_factory=set)
    new: int = 0
    """How many of the last reading were not known before."""

    def run(self, read: Reader, text: str) -> None:
        """Read, with lines counted."""
        self.new = 0
        root = str(Path(devenv.__file__).parent)

        def line(frame: FrameType, event: str, _argument: Any) -> Any:
            if event == "line" and (place := (frame.f_code.co_filename, frame.f_lineno)) not in self.known:
                self.known.add(place)
                self.new += 1
            return line

        def call(frame: FrameType, _event: str, _argument: Any) -> Any:
            return line if frame.f_code.co_filename.startswith(root) else None

        sys.settrace(call)
        try:
            read(text)
        finally:
            sys.settrace(None)


@dataclass(slots=True)
class Fuzzed:
    """What came of one reader."""

    tried: int = 0
    fallen: dict[str, str] = field(default_factory=dict)
    """By kind of error, the first text."""
    reached: list[str] = field(default_factory=list)
    """Texts that reached new lines, in order."""


def with_other_values(random: Random, text: str) -> str:
    """A JSON text, or lines of it, with some values replaced: what is random as text is seldom JSON."""
    parts = [text] if random.random() < 0.5 else text.splitlines()
    return "\n".join(_line_with_other_values(random, part) for part in parts)


def _line_with_other_values(random: Random, text: str) -> str:
    try:
        data = json.loads(text)
        for _ in range(random.randrange(1, 4)):
            data = _changed(random, data)
        return json.dumps(data)
    except (ValueError, RecursionError):
        return text


def _changed(random: Random, data: Any) -> Any:
    """``data`` with one value in it replaced, left out or repeated."""
    if isinstance(data, dict) and data and random.random() < 0.9:
        key = random.choice(list(data))
        if random.random() < 0.1:
            return {name: value for name, value in data.items() if name != key}
        return {**data, key: _changed(random, data[key])}
    if isinstance(data, list) and data and random.random() < 0.9:
        place = random.randrange(len(data))
        return [*data[:place], _changed(random, data[place]), *data[place : place + random.choice((1, 1, 3))]]
    return random.choice((*WRONG, *VALID, "".join(random.choices(CHARACTERS, k=5)), [data, data]))


def text_of(random: Random, pool: list[str]) -> str:
    """One text; ``pool`` holds those that reached new lines."""
    sources = [*random.choices(VALID, k=2), random.choice(list(SHAPES.values()))(PIECE)]
    if pool and random.random() < 0.5:
        sources[0] = random.choice(pool)
    if random.random() < 0.3:
        return with_other_values(random, sources[0])
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


def fuzz(reader: str, seed: int, seconds: float, tell: Callable[[str], None]) -> Fuzzed:
    """Texts for one reader for ``seconds``."""
    read, random, end = READERS[reader], Random(f"{seed} {reader}"), time.monotonic() + seconds
    fuzzed, lines = Fuzzed(), Lines()
    pool = kept_texts(reader)
    while time.monotonic() < end:
        text = pool[fuzzed.tried] if fuzzed.tried < len(pool) else text_of(random, pool)
        fuzzed.tried += 1
        counted = fuzzed.tried <= len(pool) or random.random() < TRACED
        began, kind = time.process_time(), ""
        try:
            lines.run(read, text) if counted else read(text)
        except DevenvError:
            pass
        except Exception as error:
            kind = f"{type(error).__name__}: {error}"[:60]
        if not counted and time.process_time() - began > SLOW + SLOW_CHARACTER * len(text):
            kind = "too slow"
        if kind and kind not in fuzzed.fallen:
            fuzzed.fallen[kind] = text
            tell(f"{reader}: {kind}\n  {text!r:.2000}")
        if counted and lines.new and len(text) <= LONGEST_KEPT:
            fuzzed.reached.append(text)
            pool.append(text)
    return fuzzed


def keep(reader: str, fuzzed: Fuzzed, folder: Path) -> None:
    """Write the texts that fell, then those that reached the most, as a list."""
    lines: Lines = Lines()
    texts = [text for text in fuzzed.fallen.values() if len(text) <= LONGEST_KEPT]
    gains = []
    for text in sorted(set(fuzzed.reached), key=len):  # short ones first: they are easier to understand
        try:
            lines.run(READERS[reader], text)
        except Exception:
            gains.append((lines.new, text))
            continue
        gains.append((lines.new, text))
    texts += [text for new, text in sorted(gains, key=lambda gain: (-gain[0], len(gain[1]))) if new]
    folder.mkdir(parents=True, exist_ok=True)
    written = json.dumps(list(dict.fromkeys(texts))[:MOST_KEPT], indent=1, ensure_ascii=True) + "\n"
    corpus_file(reader, folder).write_text(written, encoding="utf-8")


def main() -> int:
    """Fuzz; gives the exit code."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=300.0, help="for each reader [default: 300]")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", default="", metavar="TEXT", help="readers with this in their names")
    parser.add_argument(
        "--part", default="1/1", metavar="I/N", help="the I-th of N equal parts of the readers"
    )
    parser.add_argument(
        "--keep", type=Path, metavar="FOLDER", help=f"write what reached new lines, as in {CORPUS.name}"
    )
    given = parser.parse_args()
    part, parts = (int(number) for number in given.part.split("/"))
    fallen = 0
    for name in [name for name in READERS if given.only in name][part - 1 :: parts]:
        fuzzed = fuzz(name, given.seed, given.seconds, lambda line: print(line, flush=True))
        fallen += len(fuzzed.fallen)
        if given.keep:
            keep(name, fuzzed, given.keep)
        print(f"{name}: {fuzzed.tried} texts, {len(fuzzed.fallen)} kinds of errors", flush=True)
    return 1 if fallen else 0


if __name__ == "__main__":
    sys.exit(main())
