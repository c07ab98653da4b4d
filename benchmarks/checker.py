"""How fast histories are judged: many operations at once on one challenge, and many challenges in one file.

Each history is judged with memory of met configurations and the two rules that narrow the
search (devenv/core/checker/linearizability.py); the steps are the configurations visited, the seconds
the best of rounds.

    python benchmarks/checker.py [--rounds N] [--json]
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from devenv.core.checker.history import parse_history
from devenv.core.checker.judge import judge
from devenv.core.checker.linearizability import Budget

KEY = "abstract:0123456789abcdef"
TIME_LIMIT_S = 10.0


@dataclass(frozen=True)
class Measured:
    """One history: its verdict, and what it cost."""

    name: str
    operations: int
    verdict: str
    steps: int
    parse_s: float
    judge_s: float


def line(process: int, kind: str, f: str, moment: float, value: dict[str, Any], key: str = KEY) -> str:
    """One event."""
    event = {"process": process, "type": kind, "f": f, "value": value, "time": moment, "key": key}
    return json.dumps(event)


def created(key: str = KEY, moment: float = 0.0) -> list[str]:
    """A create that took 10 ms."""
    return [line(0, "invoke", "create", moment, {}, key), line(0, "ok", "create", moment + 0.01, {}, key)]


def at_once(answers: list[tuple[str, str, int | None]], lost: float = 0.0, seed: int = 1) -> str:
    """All verifies overlap; in a share of ``lost`` the reply never comes."""
    chance = random.Random(seed)
    lines = created()
    for number, (answer, _, _) in enumerate(answers, start=1):
        lines.append(line(number, "invoke", "verify", 1 + number / 1e6, {"answer": answer}))
    for number, (_, outcome, attempts) in enumerate(answers, start=1):
        if chance.random() < lost:
            lines.append(line(number, "info", "verify", 2 + number / 1e6, {"status": 503}))
        else:
            value = {"outcome": outcome, "attempts": attempts}
            lines.append(line(number, "ok", "verify", 2 + number / 1e6, value))
    return "\n".join(lines)


def many_challenges(count: int) -> str:
    """Create, wrong, right, one after the other, on challenges of their own."""
    lines: list[str] = []
    for number in range(count):
        key, moment = f"abstract:{number:032x}", float(number)
        lines += created(key, moment)
        answers = (("wrong", "wrong", 1), ("right", "success", 2))
        for place, (answer, outcome, attempts) in enumerate(answers, start=1):
            lines.append(line(0, "invoke", "verify", moment + place / 10, {"answer": answer}, key))
            value = {"outcome": outcome, "attempts": attempts}
            lines.append(line(0, "ok", "verify", moment + place / 10 + 0.01, value, key))
    return "\n".join(lines)


def histories() -> dict[str, Callable[[], str]]:
    """What is judged."""
    gone = ("wrong", "not_found", None)
    first, second = ("wrong", "wrong", 1), ("wrong", "wrong", 2)
    success, solved = ("right", "success", 1), ("right", "already_solved", None)
    return {
        "1,000 at once, one success": lambda: at_once([success] + [solved] * 999),
        "1,000 at once, two wrong": lambda: at_once([*[gone] * 998, second, first]),
        "1,000 at once, a third lost": lambda: at_once([success] + [solved] * 999, lost=0.33),
        "1,000 at once, all counted as attempt 1": lambda: at_once([first] * 1000),
        "1,000 at once, two successes": lambda: at_once([success] * 2 + [gone] * 998),
        "1,000 at once, nothing but not found": lambda: at_once([gone] * 1000),
        "10,000 at once, one success": lambda: at_once([success] + [solved] * 9999),
        "10,000 challenges of 3 operations": lambda: many_challenges(10_000),
    }


def measure(name: str, text: str, rounds: int) -> Measured:
    """Parse and judge; the best of ``rounds``."""
    parsing, judging = [], []
    for _ in range(rounds):
        began = time.perf_counter()
        history = parse_history(text, name)
        parsed = time.perf_counter()
        report = judge(history, budget=Budget(until=parsed + TIME_LIMIT_S, clock=time.perf_counter))
        parsing.append(parsed - began)
        judging.append(time.perf_counter() - parsed)
    return Measured(
        name, len(history.operations), str(report.verdict), report.steps, min(parsing), min(judging)
    )


def main() -> None:
    """Measure all and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    results = [measure(name, make(), options.rounds) for name, make in histories().items()]
    if options.json:
        print(json.dumps([asdict(item) for item in results]))
        return
    print(f"{'history':<42}{'verdict':<12}{'steps':>8}{'parse':>10}{'judge':>10}")
    for item in results:
        print(f"{item.name:<42}{item.verdict:<12}{item.steps:>8}{item.parse_s:>9.3f}s{item.judge_s:>9.3f}s")


if __name__ == "__main__":
    main()
