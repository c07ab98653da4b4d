"""How fast orders are explored, on this machine: the pure search, real pods, and a random walk beside them.

    python -m benchmarks.explore [--large] [--frontrun]
    python -m benchmarks.explore --against FOLDER [--pairs N] [--only NAME]
    python -m benchmarks.explore --goals [--pairs N] [--only NAME]

Prints the traces of each scenario, seconds, the CPU seconds of this process and its most memory, and rates.
``--large`` adds up to eight requests with expiry, and sixteen wrong answers. Rates depend on what else the
machine does: the load is printed too. ``--frontrun`` adds frontrun on the same races of the same store.

``--against`` compares this checkout with another one that has a .venv of its own, in pairs, as
``benchmarks.start`` does: exit 1 where a ratio is over its goal, 3 where the pairs differ too much.
"search alone" is without learning: states gone through, or traces run one by one, and ends judged; for the
whole call real pods answer requests, as many in both checkouts.

``--goals`` explores many requests, each time in a new process, and judges the medians of seconds and of the
most memory: exit 1 where one is over its goal, 3 where it is over and the machine was busy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from random import Random

from benchmarks.start import HERE, compare, run, shown
from devenv.core.model.topology import Ports, StackSpec, StackStatus
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.search.expression import parse_meeting
from devenv.core.search.strategies import walk
from devenv.core.spec.learned_scripts import LearnedScripts
from devenv.harness.config.settings import Settings, load
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import build_stage
from devenv.verbs.explore.judged import Judged
from devenv.verbs.explore.learner import Learner
from devenv.verbs.explore.result import Exploration, ExploreOptions, Mode
from devenv.verbs.explore.usecase import explore
from devenv.verbs.operate.select import open_stack
from devenv.wire.executor.known_scripts import known_scripts

EMPTY_BYPASS = "empty-bypass"
LARGE = [
    "R+W+E+X",
    "4 W",
    "4 R",
    "5 W",
    "5 W+X",
    "2 R+2 W+X",
    "6 W",
    "6 W+X",
    "8 R+X",
    "3 R+3 W+2 E+X",
    "16 W",
]
FRONTRUN, REDIS_PY = "frontrun==0.7", "redis==8.1.0"
RACES = ["W+W", "R+R", "R+W+E"]
"""What frontrun is given."""
PROGRAM = Path(__file__).parent / "programs" / "frontrun_guide.py"
EXPLORED = """
import json, sys, tempfile, time
from dataclasses import replace
from pathlib import Path
from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import load
from devenv.verbs.explore.result import ExploreOptions, Mode
from devenv.verbs.explore.usecase import explore
from devenv.verbs.operate.select import open_stack
mode, *scenarios = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    settings = replace(load(Path(folder), {}), state_dir=Path(folder), backend="embedded")
    stack = open_stack("embedded", settings.state_dir)
    env = {"REDIS_TIMEOUT_MS": "20000"}
    spec = StackSpec(pods=3, use_redis=True, strategy=Strategy.GUIDE, env=env, ports=Ports.free())
    stack.start(spec, lambda line: None)
    rows = {}
    try:
        for scenario in scenarios:
            options = ExploreOptions(scenario, Strategy.GUIDE, replays=1, mode=Mode(mode))
            began = time.perf_counter()
            found = explore(options, settings, lambda line: None)
            seconds = time.perf_counter() - began
            if not found.complete:
                raise SystemExit(f"{scenario}: {found.incomplete}")
            stages = found.stages
            alone = stages.get("states", 0.0) + stages["search"] - stages.get("learn", 0.0)
            rows[scenario] = {"seconds": seconds, "search": stages["search"], "alone": alone}
            rows[scenario] |= {"traces": found.traces, "kinds": len(found.violations)}
    finally:
        stack.stop()
if sys.platform != "win32":
    import resource
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows[scenario]["mb"] = used / (1024**2 if sys.platform == "darwin" else 1024)
print(json.dumps(rows))
"""
"""Explores scenarios on a stack of three pods, by whichever checkout's Python runs it."""
WALKS = 5
MAX_STEPS = 100_000


def most_memory_mb() -> str:
    """The most memory that this process had so far; empty where the system does not say."""
    if sys.platform == "win32":
        return ""
    import resource

    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return f"{used // (1024**2 if sys.platform == 'darwin' else 1024)}"


def row(exploration: Exploration, cpu: float) -> str:
    """One line of the table; ``cpu``: seconds that this process computed for it."""
    search = exploration.stages["search"]
    traces, rate = (
        ("", "")
        if exploration.traces is None
        else (str(exploration.traces), f"{exploration.traces / search:.0f}")
    )
    return (
        f"{exploration.scenario:18} {exploration.strategy:7} {exploration.mode:8} {traces:>18} "
        f"{exploration.outcomes or '':>8} "
        f"{exploration.requests:8} {exploration.seconds:8.2f} {cpu:8.2f} {most_memory_mb():>5} {rate:>18}  "
        f"{len(exploration.violations)}"
    )


async def first_bypass(status: StackStatus, expression: str) -> list[int]:
    """This many random walks it took until an empty selection passed, ``WALKS`` times."""
    names = [pod.name for pod in status.pods]
    stage = await build_stage(status, names, CaptchaType.ABSTRACT, 0, time.time())
    remote = Remote(status.endpoints.control, 12)
    learned = await Learner(stage, remote, LearnedScripts(known_scripts())).learn(
        parse_meeting(expression).cast()[0]
    )
    await remote.aclose()
    judged = Judged(learned)
    needed = []
    for seed in range(WALKS):
        random = Random(seed)
        tried = 1
        while EMPTY_BYPASS not in judged.kinds(walk(learned.system, random)[1]) and tried < MAX_STEPS:
            tried += 1
        needed.append(tried)
    return needed


def learned(checkout: Path) -> dict[str, float]:
    """Four equal requests, learned. The other checkout's 4 R may not end: its 4 W stands for it."""
    scenarios = ["4 W", "4 R"] if checkout == HERE else ["4 W"]
    explored = _explored(checkout, Mode.LEARNED, scenarios)
    rows = {}
    for name, scenario in ("4 W", "4 W"), ("4 R (other: 4 W)", scenarios[-1]):
        rows[f"{name}, search alone"] = explored[scenario]["alone"]
        rows[f"{name}, whole call"] = explored[scenario]["seconds"]
    return rows


def direct(checkout: Path) -> dict[str, float]:
    """Seconds for 1000 orders of R+W+E on real pods."""
    explored = _explored(checkout, Mode.DIRECT, ["R+W+E"])["R+W+E"]
    return {"R+W+E, direct, for 1000 orders": explored["search"] / explored["traces"] * 1000}


def _explored(checkout: Path, mode: Mode, scenarios: list[str]) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        explored: dict[str, dict[str, float]] = json.loads(
            run(checkout, ["-c", EXPLORED, str(mode), *scenarios], Path(folder))
        )
    return explored


PARTS: Mapping[str, Callable[[Path], Mapping[str, float]]] = {"learned": learned, "direct": direct}
GOALS = {
    "4 W, search alone": 1 / 40,
    "4 R (other: 4 W), search alone": 1 / 40,
    "R+W+E, direct, for 1000 orders": 0.5,
}
"""Against the commit before product states were searched (e042215)."""
EIGHT = ("3 R+3 W+2 E+X",)
MIXES = (
    "8 R+X",
    "8 W+X",
    "8 E+X",
    "4 R+4 W+X",
    "R+7 W+X",
    "7 W+E+X",
    "4 W+4 E+X",
    "2 R+3 W+3 E+X",
    "6 R+W+E+X",
)
LARGEST = {"eight": (EIGHT, 10.0, 300.0), "mixes": (MIXES, 10.0, 300.0), "sixteen": (("16 W",), 60.0, None)}
"""Expressions with the most seconds and megabytes that exploring each of them may take."""
QUIET = 0.5
"""So many processes for each core may be running or waiting, in the minute before a measurement."""


def pairs(other: Path, number: int, parts: list[str]) -> int:
    """Compare with another checkout; the exit code."""
    rows = [row for part in parts for row in compare(PARTS[part], other.resolve(), number, GOALS)]
    print("\n".join(shown(rows)))
    verdicts = {row.verdict for row in rows}
    return 1 if "fails" in verdicts else 3 if "noisy" in verdicts else 0


def goals(number: int, names: list[str]) -> int:
    """Explore the largest expressions ``number`` times each; the exit code."""
    codes: set[int] = set()
    for name in names:
        scenarios, most_seconds, most_mb = LARGEST[name]
        codes.update(_goal(number, scenario, most_seconds, most_mb) for scenario in scenarios)
    return 1 if 1 in codes else max(codes)


def _goal(number: int, scenario: str, most_seconds: float, most_mb: float | None) -> int:
    load = os.getloadavg()[0] / (os.cpu_count() or 1) if hasattr(os, "getloadavg") else 0.0
    explored = [_explored(HERE, Mode.LEARNED, [scenario])[scenario] for _ in range(number)]
    seconds = statistics.median(run["seconds"] for run in explored)
    mb = statistics.median(run.get("mb", 0.0) for run in explored)
    over = seconds > most_seconds or (most_mb is not None and mb > most_mb)
    noisy = over and load > QUIET
    memory = f"{mb:.0f} MB" + ("" if most_mb is None else f" (goal {most_mb:.0f})")
    print(
        f"{scenario:16} {seconds:6.1f} s (goal {most_seconds:.0f}), {memory}, "
        f"{explored[0]['kinds']} kinds, "
        f"load {load:.1f} for each core  {'noisy' if noisy else 'fails' if over else 'holds'}",
        flush=True,
    )
    return 3 if noisy else 1 if over else 0


def by_frontrun(folder: Path, redis_port: int) -> None:
    """What frontrun makes of the same races: installed in ``folder``, on the stack's Redis."""
    subprocess.run([sys.executable, "-m", "venv", str(folder / "frontrun")], check=True)
    python = folder / "frontrun" / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    install = [str(python), "-m", "pip", "install", "--quiet", FRONTRUN, REDIS_PY]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{FRONTRUN} cannot be installed: {done.stderr[-300:]}")
    for scenario in RACES:
        words = [str(python.with_name("frontrun")), str(python), str(PROGRAM), str(redis_port), scenario]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"frontrun, {scenario}: exit {done.returncode}: {done.stderr[-2000:]}")
        print(f"{scenario:18} frontrun: {done.stdout.splitlines()[-1]}", flush=True)


def measure(settings: Settings, large: bool) -> None:
    """Everything, on the stack that runs in ``settings.state_dir``."""
    status = open_stack("embedded", settings.state_dir).status()
    print(f"{len(status.pods)} pods, {status.redis_engine} {status.redis_version}, {os.cpu_count()} cores")
    print(f"{'scenario':18} {'store':7} {'mode':8} {'traces':>18} {'ends':>8} {'requests':>8} "
          f"{'seconds':>8} {'CPU s':>8} {'MB':>5} {'traces/s':>18}  kinds")  # fmt: skip
    direct_rate = 0.0
    scenarios = ["W+W", "R+R", "R+R+X", "W+W+W", "R+W+E", "R+R+R"]
    for scenario in scenarios + (LARGE if large else []):
        options = ExploreOptions(scenario, Strategy.GUIDE, replays=1)
        began = time.process_time()
        exploration = explore(options, settings, lambda line: None)
        print(row(exploration, time.process_time() - began), flush=True)
        if scenario in ("W+W", "R+R", "R+R+X", "R+W+E"):
            began = time.process_time()
            exploration = explore(replace(options, mode=Mode.DIRECT), settings, lambda line: None)
            print(row(exploration, time.process_time() - began), flush=True)
            direct_rate = (exploration.traces or 0) / exploration.stages["search"]
    for scenario in ("R+W+E", "W+E+X"):
        needed = sorted(asyncio.run(first_bypass(status, scenario)))
        middle = needed[len(needed) // 2]
        print(
            f"random walk, {scenario}: the first {EMPTY_BYPASS} after {', '.join(map(str, needed))} runs; "
            f"at the direct rate above the middle one takes {middle / direct_rate:.1f} s on real pods"
        )
    if hasattr(os, "getloadavg"):
        print("load average:", *(f"{load:.1f}" for load in os.getloadavg()))


def main() -> int:
    """Start a stack of three pods with the guide's store, measure, end it; or compare with a checkout."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--large", action="store_true")
    parser.add_argument("--frontrun", action="store_true", help=f"{FRONTRUN} too, in a temporary folder")
    parser.add_argument("--against", type=Path, metavar="FOLDER")
    parser.add_argument("--pairs", type=int, default=5, metavar="N")
    parser.add_argument("--goals", action="store_true", help="up to 16 requests, against what is asked")
    names = [*PARTS, *LARGEST]
    parser.add_argument("--only", choices=names, action="append", metavar="NAME", help=", ".join(names))
    words = parser.parse_args()
    if words.goals:
        return goals(words.pairs, words.only or [*LARGEST])
    if words.against is not None:
        return pairs(words.against, words.pairs, words.only or [*PARTS])
    with tempfile.TemporaryDirectory() as folder:
        settings = replace(load(Path(folder), {}), state_dir=Path(folder), backend="embedded")
        stack = open_stack("embedded", settings.state_dir)
        env = {"REDIS_TIMEOUT_MS": "20000"}
        spec = StackSpec(pods=3, use_redis=True, strategy=Strategy.GUIDE, env=env, ports=Ports.free())
        stack.start(spec, lambda line: None)
        try:
            if words.frontrun:
                by_frontrun(Path(folder), stack.status().endpoints.redis_port)
            measure(settings, words.large)
        finally:
            stack.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
