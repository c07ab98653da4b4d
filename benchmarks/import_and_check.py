"""What importing a recording and judging a history cost: this checkout against another, and by size.

    python -m benchmarks.import_and_check [--against FOLDER] [--pairs N] [--large] [--json]

FOLDER is another checkout with a .venv of its own (`git worktree add FOLDER COMMIT`). The cost of a line or
operation is the CPU of a large file less that of a small one, over the lines between them: the start of the
process does not count. `--large` imports a log of a million lines and a HAR of 500 MB, and judges a history
of a million operations on 100,000 challenges, once, with seconds and memory. Exit 1 where a figure is over
its goal, 3 where the pairs differ so much that they say nothing.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from benchmarks.start import Row, compare, run, shown, timed

SMALL, LARGE = 2_000, 20_000
MILLION = 1_000_000
CHALLENGES = 100_000
HAR_BYTES = 500_000_000
GOALS = {"import log, CPU a line": 0.03}
"""Against the commit before lines were read one after the other (ef9b2bc)."""
MOST_MB = 200.0
MOST_CHECK_S = 30.0


def log_lines(count: int) -> Iterator[str]:
    """An access log in nginx' form: creates, verifies and a few other requests of many clients."""
    chance, moment = random.Random(1), 1_760_000_000.0
    clients = [f"203.0.{number // 250}.{number % 250 + 1}" for number in range(max(5, count // 20))]
    for _ in range(count):
        moment += chance.random() * 0.3
        when = datetime.fromtimestamp(moment, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
        use = chance.random()
        path = "POST /api/abstract-captcha" if use < 0.4 else "POST /api/abstract-verify"
        path = path if use < 0.95 else "GET /health"
        yield (
            f'{chance.choice(clients)} - - [{when}] "{path} HTTP/1.1" 200 512 "-" '
            f'"Mozilla/5.0 (X11; Linux x86_64)" rt={chance.random() * 0.2:.3f}\n'
        )


def history_lines(operations: int, challenges: int) -> Iterator[str]:
    """A history as several clients make it: challenges are created, answered wrong and right, and overlap."""
    chance = random.Random(1)
    each = operations // challenges
    together = 20
    for first in range(0, challenges, together):
        events: list[tuple[float, int, str]] = []
        for number in range(first, min(first + together, challenges)):
            key = f"abstract:{number:032x}"
            moment = first * 1.0
            for place in range(each):
                moment += 0.01 + chance.random()
                f = "create" if place == 0 else "verify"
                answer, outcome, attempts = ("wrong", "wrong", 1) if place == 1 else ("right", "success", 2)
                asked = {} if place == 0 else {"answer": answer if place < 3 else "right"}
                got: dict[str, object] = (
                    {"outcome": outcome, "attempts": attempts} if place < 3 else {"outcome": "not_found"}
                )
                got = {"ttl": 600} if place == 0 else got
                for kind, value, after in (("invoke", asked, 0.0), ("ok", {**asked, **got}, 0.005)):
                    event = {"process": number % together, "type": kind, "f": f, "value": value}
                    event |= {"time": round(moment + after, 6), "pod": "captcha-api-a", "key": key}
                    events.append((moment + after, number, json.dumps(event)))
        events.sort()
        yield from (f"{line}\n" for _, _, line in events)


def har_text(size: int) -> Iterator[str]:
    """A HAR of about ``size`` bytes: sessions, and pictures with their contents, which are most of it."""
    picture = "iVBORw0KGgo" * 20_000
    entry = (
        '{{"startedDateTime": "{when}", "time": 12.5, "request": {{"method": "{method}", '
        '"url": "http://shop.example{path}", "headers": [{{"name": "Accept", "value": "*/*"}}], '
        '"postData": {post}}}, "response": {{"status": 200, "headers": [{{"name": "Content-Type", '
        '"value": "{kind}"}}], "content": {{"size": 9, "mimeType": "{kind}", "text": {text}{more}}}}}}}'
    )
    yield '{"log": {"version": "1.2", "creator": {"name": "Chrome"}, "pages": [], "entries": [\n'
    written = number = 0
    while written < size:
        moment, number = 1_760_000_000 + number * 3, number + 1
        challenge_id = f"{number:032x}"
        opened = json.dumps(json.dumps({"challenge_id": challenge_id, "ttl": 60}))
        sent = json.dumps({"challenge_id": challenge_id, "selections": [1]})
        post = json.dumps({"mimeType": "application/json", "text": sent})
        wrong = json.dumps(json.dumps({"success": False, "attempts": 1}))
        base64 = ', "encoding": "base64"'
        rows = (
            ("POST", "/api/abstract-captcha", "null", "application/json", opened, ""),
            ("GET", f"/pictures/{number}.png", "null", "image/png", json.dumps(picture), base64),
            ("POST", "/api/abstract-verify", post, "application/json", wrong, ""),
        )
        for place, (method, path, body, kind, text, more) in enumerate(rows):
            when = datetime.fromtimestamp(moment + place, UTC).isoformat()
            line = entry.format(
                when=when, method=method, path=path, post=body, kind=kind, text=text, more=more
            )
            written += len(line)
            yield line if number == 1 and place == 0 else ",\n" + line
    yield "\n]}}\n"


def _write(path: Path, pieces: Iterator[str]) -> Path:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(pieces)
    return path


def _a_line(checkout: Path, folder: Path, words: list[str], files: list[Path]) -> float:
    """CPU seconds of one line more; ``files`` have SMALL and LARGE lines or operations."""
    small, large = (
        timed(partial(run, checkout, ["-m", "devenv", *words, str(file)], folder))[1] for file in files
    )
    return (large - small) / (LARGE - SMALL)


def measured(folder: Path) -> Callable[[Path], dict[str, float]]:
    """What one checkout costs a line and an operation."""
    logs = [_write(folder / f"{count}.log", log_lines(count)) for count in (SMALL, LARGE)]
    histories = [
        _write(folder / f"{count}.jsonl", history_lines(count, count // 10)) for count in (SMALL, LARGE)
    ]

    def measure(checkout: Path) -> dict[str, float]:
        importing = ["import", "log", "--out", str(folder / "made.yaml")]
        return {
            "import log, CPU a line": _a_line(checkout, folder, importing, logs),
            "check, CPU an operation": _a_line(checkout, folder, ["check"], histories),
        }

    return measure


@dataclass(frozen=True)
class Once:
    """A large file, read once."""

    name: str
    seconds: float
    cpu: float
    mb: float
    """The most memory that the process held."""
    holds: bool


_PEAK = """
import resource, subprocess, sys, json, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL)
used = resource.getrusage(resource.RUSAGE_CHILDREN)
cpu = used.ru_utime + used.ru_stime
print(json.dumps([time.perf_counter() - began, cpu, used.ru_maxrss / 1024, done.returncode]))
"""


def large(folder: Path) -> list[Once]:
    """A million lines, 500 MB of HAR, a million operations, each in a process of its own."""
    files = {
        "import log, a million lines": (["import", "log"], _write(folder / "m.log", log_lines(MILLION)), 0.0),
        "import har, 500 MB": (["import", "har"], _write(folder / "m.har", har_text(HAR_BYTES)), 0.0),
        "check, a million operations": (
            ["check"], _write(folder / "m.jsonl", history_lines(MILLION, CHALLENGES)), MOST_CHECK_S,
        ),
    }  # fmt: skip
    rows = []
    for name, (words, file, most_s) in files.items():
        out = ["--out", str(folder / "made.yaml")] if words[0] == "import" else []
        command = [sys.executable, "-m", "devenv", *words, str(file), *out]
        seconds, cpu, mb, code = json.loads(
            subprocess.run([sys.executable, "-c", _PEAK, *command], stdout=subprocess.PIPE, check=True).stdout
        )
        holds = code == 0 and mb <= MOST_MB and (not most_s or seconds <= most_s)
        rows.append(Once(name, seconds, cpu, mb, holds))
        file.unlink()
    return rows


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", type=Path, metavar="FOLDER")
    parser.add_argument("--pairs", type=int, default=5, metavar="N")
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows: list[Row] = []
        if words.against is not None:
            rows = compare(measured(folder), words.against.resolve(), words.pairs, GOALS)
        once = large(folder) if words.large else []
    if words.json:
        data = {"rows": [{**asdict(row), "verdict": row.verdict} for row in rows]}
        print(json.dumps({**data, "large": [asdict(row) for row in once]}))
    else:
        for line in shown(rows, 1e6, "microseconds") if rows else []:
            print(line)
        for row in once:
            verdict = "holds" if row.holds else "fails"
            print(f"{row.name:<32}{row.seconds:>9.1f} s{row.cpu:>9.1f} s of CPU{row.mb:>8.0f} MB  {verdict}")
    verdicts = {row.verdict for row in rows} | {"holds" if row.holds else "fails" for row in once}
    return 1 if "fails" in verdicts else 3 if "noisy" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
