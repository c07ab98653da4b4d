"""CPU of the tests that two checkouts have in common, each with its own code and its own tests.

    python benchmarks/suite.py --against FOLDER [--seconds S] [--json] [PATHS…]

FOLDER is another checkout with a .venv of its own, for example of an older commit. Both sides run the tests
that both have: the same function with the same parameters, in whatever module. PATHS are folders or files of
this checkout's tests (tests/unit, say), without them all; the other side is searched whole. What is counted
is user and system time of pytest and of every process that a test started, also of those that have outlived
their parents. With ``--seconds``, the other side's CPU, that side's tests are collected and not run. Linux
only. Tests that fail on a side are named, and their CPU counts.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CHOSEN = "DEVENV_SUITE_TESTS"
"""The file with what this plugin of pytest keeps: names of tests, a line each."""
SET_CHILD_SUBREAPER = 36
"""prctl(2): processes whose parents have ended become children of this one."""
ONE_PROCESS = ("-p", "no:randomly", "-p", "no:cacheprovider", "-n", "0", "-q", "--no-header")


def name_of(node_id: str) -> str:
    """A test's name without its module: ``TestClass::test_name[parameters]``."""
    return node_id.partition("::")[2]


def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """As a plugin (``-p suite``): keep the chosen tests, each name as often as it was chosen."""
    left = Counter(Path(os.environ[CHOSEN]).read_text(encoding="utf-8").splitlines())
    kept: list[Any] = []
    others: list[Any] = []
    for item in items:
        name = name_of(item.nodeid)
        (kept if left[name] > 0 else others).append(item)
        left[name] -= 1
    config.hook.pytest_deselected(items=others)
    items[:] = kept


def pytest(checkout: Path, words: Iterable[str], environment: dict[str, str]) -> tuple[float, str]:
    """CPU seconds of a pytest run with all its processes, and what it printed."""
    command = [str(checkout / ".venv/bin/python"), "-m", "pytest", *ONE_PROCESS, *words]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryFile() as output:
        actions = [(os.POSIX_SPAWN_DUP2, output.fileno(), descriptor) for descriptor in (1, 2)]
        here = Path.cwd()
        os.chdir(checkout)
        os.posix_spawn(command[0], command, {**os.environ, **environment}, file_actions=actions)
        os.chdir(here)
        while True:
            try:
                os.wait()
            except ChildProcessError:
                break
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, text


def collected(checkout: Path, paths: Sequence[str]) -> Counter[str]:
    """The names of the tests below ``paths``, and how often each is there."""
    _, text = pytest(checkout, ["--collect-only", *(paths or ["tests"])], {})
    if "no tests" in text.rstrip().rpartition("\n")[2]:
        raise SystemExit(f"{checkout}: no tests were collected:\n{text[-2000:]}")
    return Counter(name_of(line.strip()) for line in text.splitlines() if line.count("::") >= 1)


def measured(checkout: Path, names: Path, paths: Sequence[str]) -> dict[str, Any]:
    """The CPU of the tests in the file ``names`` in this checkout, and which failed."""
    plugin = {CHOSEN: str(names), "PYTHONPATH": str(Path(__file__).parent)}
    cpu, text = pytest(checkout, ["-p", "suite", "--durations=0", *(paths or ["tests"])], plugin)
    lines = text.rstrip().splitlines()
    if not lines or "no tests ran" in lines[-1]:
        raise SystemExit(f"{checkout}: no test ran:\n{text[-2000:]}")
    failed = [line for line in lines if line.startswith(("FAILED ", "ERROR "))]
    return {"cpu_seconds": round(cpu, 1), "result": lines[-1] if lines else "", "failed": failed}


def compare(other: Path, paths: Sequence[str], known_s: float | None) -> dict[str, Any]:
    """Collect on both sides, run what both have on both; the figures.

    ``known_s``: the CPU seconds of the other side's tests, which then are not run.
    """
    sides = {"ours": ROOT} if known_s is not None else {"ours": ROOT, "other": other}
    names = {"ours": collected(ROOT, paths), "other": collected(other, ())}
    common = names["ours"] & names["other"]
    result: dict[str, Any] = {
        "tests": common.total(),
        "collected": {side: of_side.total() for side, of_side in names.items()},
        "only_in_the_other": (names["other"] - common).total(),
    }
    if known_s is not None:
        result["other"] = {"cpu_seconds": known_s, "result": "not run: --seconds", "failed": []}
    print(f"{common.total()} tests are in both", file=sys.stderr)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", suffix=".txt") as file:
        file.write("\n".join(common.elements()))
        file.flush()
        for side, checkout in sides.items():
            result[side] = measured(checkout, Path(file.name), paths if side == "ours" else ())
            print(f"{side}: {result[side]}", file=sys.stderr)
    result["ratio"] = round(result["ours"]["cpu_seconds"] / result["other"]["cpu_seconds"], 3)
    return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse, measure, print; 4 where a side cannot be run."""
    parser = argparse.ArgumentParser(description="CPU of the tests that two checkouts have in common.")
    parser.add_argument("--against", type=Path, required=True, metavar="FOLDER", help="the other checkout")
    parser.add_argument(
        "--seconds", type=float, metavar="S", help="the other side's CPU is known to be S: run only ours"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("paths", nargs="*", help="of this checkout's tests")
    given = parser.parse_args(arguments)
    if given.seconds is not None and given.seconds <= 0:
        parser.error("argument --seconds: a figure above 0 is needed")
    other = given.against.resolve()
    for checkout in (ROOT, other):
        if not (checkout / ".venv/bin/python").exists():
            print(f"{checkout}: it needs a .venv with its locked requirements", file=sys.stderr)
            return 4
    if sys.platform != "linux":
        print("this needs Linux: processes that outlive their parents are counted by prctl", file=sys.stderr)
        return 4
    ctypes.CDLL(None).prctl(SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    result = compare(other, given.paths, given.seconds)
    if given.json:
        print(json.dumps(result))
    else:
        ours, theirs = result["ours"]["cpu_seconds"], result["other"]["cpu_seconds"]
        print(f"{result['tests']} tests: {ours} s of CPU, {result['ratio']} x the other's {theirs} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
