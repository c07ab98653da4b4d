"""What a command costs before and around its work: this checkout against another, in pairs.

    python -m benchmarks.start --against FOLDER [--pairs N] [--only NAME] [--json]

FOLDER is another checkout with a .venv of its own (`git worktree add FOLDER COMMIT`). Each pair measures
both, one after the other, in turn first; the medians are shown, and the median of the pairs' ratios. Exit 1
where a ratio is over its goal, 3 where the ratios of the pairs differ so much that they say nothing.

"first run" is measured where it is named only: `scripts/demo.py` in a clone of what each checkout has
committed, without an environment. It installs packages as pip is configured here.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
PORTS = {f"DEVENV_{name}_PORT": "0" for name in ("TRAFFIC", "CONTROL", "ML", "REDIS", "GATE")}
NOT_TAKEN_OVER = ("DEVENV_", "REDIS_", "VIRTUAL_", "PYTHONDONTWRITEBYTECODE")
"""How names of environment variables begin that would change what is measured."""
MOST_SPREAD = 0.35
"""Half of the pairs' ratios must lie within this share of their median."""
STACK = """
import json, sys, time
from pathlib import Path
from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR
import resource
def cpu():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
stack, restarts = EmbeddedStack(Path(sys.argv[1]), SUPERVISOR), int(sys.argv[2])
began = time.perf_counter()
stack.start(StackSpec(ports=Ports.free()), lambda line: None)
started = time.perf_counter() - began
seconds = []
for number in range(restarts):
    began = time.perf_counter()
    both = {pod: {"USE_REDIS": "true" if number % 2 == 0 else "false"} for pod in ("a", "b")}
    stack.restart_pods(both, lambda line: None)
    seconds.append(time.perf_counter() - began)
began = time.perf_counter()
stack.stop()
print(json.dumps({"start": started, "restart": seconds, "stop": time.perf_counter() - began, "cpu": cpu()}))
"""
RESTARTS = 6
Measure = Callable[[Path], Mapping[str, float]]


@dataclass(frozen=True)
class Row:
    """One figure: the medians of both checkouts in seconds, and of the pairs' ratios."""

    name: str
    other: float
    this: float
    ratio: float
    spread: float
    """Of the ratios: the middle half's width, over their median."""
    goal: float | None

    @property
    def verdict(self) -> str:
        """holds, fails or noisy; "" without a goal."""
        if self.goal is None:
            return ""
        if self.spread > MOST_SPREAD:
            return "noisy"
        return "holds" if self.ratio <= self.goal else "fails"


def run(checkout: Path, words: Sequence[str], folder: Path, more: Mapping[str, str] | None = None) -> str:
    """What the checkout's Python prints, run with ``words`` in ``folder``; a failure ends the benchmark."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith(NOT_TAKEN_OVER)}
    python = checkout / (".venv/Scripts/python.exe" if os.name == "nt" else ".venv/bin/python")
    env = {**kept, **PORTS, **(more or {})}
    done = subprocess.run([str(python), *words], cwd=folder, env=env, capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{checkout}: {words}: exit {done.returncode}: {done.stderr.decode()[-2000:]}")
    return done.stdout.decode()


def timed(call: Callable[[], object]) -> tuple[float, float]:
    """Seconds and CPU seconds of a call that runs processes to their end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    call()
    seconds, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def stack(checkout: Path) -> dict[str, float]:
    """Two pods: their start, restarts of both (the median), the end; CPU of one more pod start."""
    with tempfile.TemporaryDirectory() as folder:
        few = json.loads(run(checkout, ["-c", STACK, f"{folder}/few", "0"], Path(folder)))
        many = json.loads(run(checkout, ["-c", STACK, f"{folder}/many", str(RESTARTS)], Path(folder)))
    return {
        "stack: start": many["start"],
        "stack: restart of two pods": statistics.median(many["restart"]),
        "stack: end": many["stop"],
        "stack: start and end, CPU": few["cpu"],
        "pod start and end, CPU": (many["cpu"] - few["cpu"]) / (2 * RESTARTS),
    }


def demo(checkout: Path) -> dict[str, float]:
    """From the command to the verdict."""
    with tempfile.TemporaryDirectory() as folder:
        seconds, cpu = timed(lambda: run(checkout, ["-m", "devenv", "demo"], Path(folder)))
    return {"demo": seconds, "demo, CPU": cpu}


def first_run(checkout: Path) -> dict[str, float]:
    """From a clone with nothing installed to the demo's verdict."""
    with tempfile.TemporaryDirectory() as name:
        subprocess.run(["git", "clone", "-q", str(checkout), name], check=True)
        command = [sys.executable, f"{name}/scripts/demo.py"]
        kept = {key: text for key, text in os.environ.items() if not key.startswith(NOT_TAKEN_OVER)}
        seconds, cpu = timed(
            partial(subprocess.run, command, cwd=name, env=kept, capture_output=True, check=True)
        )
    return {"first run": seconds, "first run, CPU": cpu}


def verbs(checkout: Path) -> dict[str, float]:
    """CPU of verbs that only look, beside a running stack, and of a completion."""
    rows: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "history.jsonl").write_text(HISTORY, encoding="utf-8")
        run(checkout, ["-m", "devenv", "up", "-d"], folder)
        completing = {"COMP_WORDS": "devenv route rou", "COMP_CWORD": "2"}
        commands: dict[str, tuple[str, Mapping[str, str]]] = {
            "--help": ("--help", {}),
            "status": ("status", {}),
            "gate list": ("gate list", {}),
            "check": ("check history.jsonl", {}),
            "completion": ("", {"_DEVENV_COMPLETE": "complete_bash", **completing}),
        }
        try:
            for named, (line, more) in commands.items():
                words = ["-m", "devenv", *line.split()]
                rows[f"{named}, CPU"] = timed(partial(run, checkout, words, folder, more))[1]
        finally:
            run(checkout, ["-m", "devenv", "down"], folder)
    return rows


USUAL: Mapping[str, Measure] = {"stack": stack, "demo": demo, "verbs": verbs}
PARTS: Mapping[str, Measure] = {**USUAL, "first-run": first_run}
GOALS = {"demo": 0.5, "first run": 0.6, "stack: restart of two pods": 0.3, "pod start and end, CPU": 0.3}
"""Against the commit before pods were forked."""


def _challenge(number: int) -> str:
    """One challenge of a history, created and solved, as lines."""
    answered = {"outcome": "success", "attempts": 1}
    lines = [
        {"process": 0, "type": "invoke", "f": "create", "value": {}, "time": number},
        {"process": 0, "type": "ok", "f": "create", "value": {"ttl": 60}, "time": number + 0.1},
        {"process": 1, "type": "invoke", "f": "verify", "value": {"answer": "right"}, "time": number + 0.2},
        {"process": 1, "type": "ok", "f": "verify", "value": answered, "time": number + 0.3},
    ]
    return "".join(f"{json.dumps({**line, 'key': f'abstract:{number}'})}\n" for line in lines)


HISTORY = "".join(map(_challenge, range(100)))
"""A hundred challenges, each solved: ``check`` has something to judge."""
VERB_GOALS = {
    "--help, CPU": 0.12,
    **dict.fromkeys(("status, CPU", "gate list, CPU", "check, CPU", "completion, CPU"), 0.3),
}
"""Against the commit before verbs were imported when they are called (ef9b2bc)."""


def compile_all(checkout: Path) -> None:
    """Make the byte code ready, as it is from the second run on."""
    for name in ("devenv", "mock_ml"):
        run(checkout, ["-m", "compileall", "-q", str(checkout / name)], checkout)


def compare(measure: Measure, other: Path, pairs: int, goals: Mapping[str, float]) -> list[Row]:
    """The rows of one part."""
    seen: list[tuple[Mapping[str, float], Mapping[str, float]]] = []
    for number in range(pairs):
        order = (other, HERE) if number % 2 == 0 else (HERE, other)
        measured = {checkout: measure(checkout) for checkout in order}
        seen.append((measured[other], measured[HERE]))
        print(f"pair {number + 1} of {pairs}", file=sys.stderr)
    rows = []
    for name in seen[0][1]:
        ratios = [this[name] / before[name] for before, this in seen]
        middle = statistics.median(ratios)
        low, _, high = statistics.quantiles(ratios, n=4) if pairs > 1 else (middle, middle, middle)
        before, now = (statistics.median(pair[side][name] for pair in seen) for side in (0, 1))
        rows.append(Row(name, before, now, middle, (high - low) / middle, goals.get(name)))
    return rows


def shown(rows: Sequence[Row], scale: float = 1.0, unit: str = "seconds") -> list[str]:
    """The rows as a table, figures times ``scale``."""
    table = [f"{unit:<32}{'other':>9}{'this':>9}{'ratio':>8}{'spread':>8}{'goal':>7}"]
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g}"
        figures = f"{row.other * scale:>9.3f}{row.this * scale:>9.3f}{row.ratio:>8.3f}{row.spread:>8.2f}"
        table.append(f"{row.name:<32}{figures}{goal:>7}  {row.verdict}".rstrip())
    return table


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--against", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--pairs", type=int, default=5, metavar="N")
    parser.add_argument("--only", choices=PARTS, action="append", metavar="NAME", help=", ".join(PARTS))
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    words = parser.parse_args()
    for checkout in (words.against.resolve(), HERE):
        compile_all(checkout)
    rows = [
        row
        for name in words.only or USUAL
        for row in compare(PARTS[name], words.against.resolve(), words.pairs, {**GOALS, **VERB_GOALS})
    ]
    if words.json:
        print(json.dumps([{**asdict(row), "verdict": row.verdict} for row in rows]))
    else:
        print("\n".join(shown(rows)))
    verdicts = {row.verdict for row in rows}
    return 1 if "fails" in verdicts else 3 if "noisy" in verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
