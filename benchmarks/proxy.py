"""Our proxy beside nginx and haproxy, in one run, on the same two pods.

    python benchmarks/proxy.py [--quick] [--json] [--only trivial|pods] [--rounds N] [--seconds S]
                               [--against FOLDER]

With --against our proxy is compared with that of another checkout (which has a .venv of its own) instead of
nginx and haproxy.

Everything is started here on free ports and ended afterwards. Rounds are interleaved and begin with another
target each time. A ratio compares the medians over all rounds: one lucky or disturbed round decides nothing.
The best rounds are shown beside them, and the CPU time of a proxy's processes per request. Requests that
failed are counted in the target's row, and the connection goes on or is made again; ours must have none.
Exit: 0 the required ratios hold, 1 one does not, 4 something is missing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.proxy_roles import (
    GET_REQUEST,
    VERIFY_REQUEST,
    load_ports,
    run_on_loop,
    serve_ours,
    serve_trivial,
)
from benchmarks.proxy_targets import find_program, load, missing, start_builds, start_pods, start_proxies

CONNECTIONS = (1, 32)
REQUIRED = {"pods": 0.95, "trivial": 0.7}
"""Our requests per second over each rival's, at 32 connections."""
AIMED = {"pods": 1.0, "trivial": 0.9}
NOT_SLOWER = 0.95
"""Our requests per second over those of another checkout; the rest is noise."""
RIVALS = ("nginx", "haproxy")


def measure(
    kind: str, rounds: int, seconds: float, folder: Path, other: Path | None = None
) -> list[dict[str, Any]]:
    """Every target at every number of connections."""
    rows: list[dict[str, Any]] = []
    rivals = RIVALS if other is None else ("other",)
    with ExitStack() as stack:
        pods = start_pods(kind, folder, stack)
        if other is None:
            targets = start_proxies(pods, folder, stack)
        else:
            targets = start_builds(other, pods, folder, stack)
        for connections in CONNECTIONS:
            for target in targets:
                target.rounds.clear()
            for number in range(rounds):
                print(f"{kind}, {connections} connections, round {number + 1}/{rounds}", file=sys.stderr)
                first = number % len(targets)
                for target in targets[first:] + targets[:first]:
                    load(kind, target, connections, seconds)
            typical = {target.name: target.median_of("rps") for target in targets}
            for target in targets:
                row: dict[str, Any] = {"upstream": kind, "connections": connections, "target": target.name}
                row["best_rps"], row["errors"] = round(target.best(), 1), target.errors()
                row |= {name: target.median_of(name) for name in ("rps", "p50_ms", "p99_ms", "cpu_us")}
                row |= {f"over_{rival}": round(typical[target.name] / typical[rival], 3) for rival in rivals}
                rows.append(row)
    return rows


def verdicts(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The required ratios against the measured ones."""
    return [
        {
            "upstream": row["upstream"],
            "rival": rival,
            "ratio": row[f"over_{rival}"],
            "required": REQUIRED[row["upstream"]],
            "aimed": AIMED[row["upstream"]],
            "holds": row[f"over_{rival}"] >= REQUIRED[row["upstream"]] and not row["errors"],
        }
        for row in rows
        if row["target"] == "ours" and row["connections"] == 32
        for rival in RIVALS
    ]


def _print(rows: Sequence[dict[str, Any]], judged: Sequence[dict[str, Any]]) -> None:
    header = f"{'upstream':<9}{'conns':>6}  {'target':<8}{'best req/s':>11}{'median':>9}{'p50 ms':>8}"
    print(f"{header}{'p99 ms':>9}{'CPU us':>8}{'/nginx':>8}{'/haproxy':>9}{'errors':>8}")
    for row in rows:
        print(
            f"{row['upstream']:<9}{row['connections']:>6}  {row['target']:<8}{row['best_rps']:>11,.0f}"
            f"{row['rps']:>9,.0f}{row['p50_ms']:>8.3f}{row['p99_ms']:>9.3f}{row['cpu_us']:>8.1f}"
            f"{row['over_nginx']:>8.2f}{row['over_haproxy']:>9.2f}{row['errors']:>8}"
        )
    for one in judged:
        word = "holds" if one["holds"] else "FAILS"
        print(
            f"{word}: {one['upstream']}, 32 connections: ours is {one['ratio']:.2f} x {one['rival']}"
            f" (required {one['required']}, aimed {one['aimed']})"
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, measure, judge."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    parser.add_argument("--quick", action="store_true", help="3 rounds of 0.5 s")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--only", choices=tuple(REQUIRED))
    parser.add_argument(
        "--against", type=Path, metavar="FOLDER", help="compare with another checkout's proxy"
    )
    for hidden in ("--role", "--port", "--kind", "--connections"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    parser.add_argument("--pods", type=int, nargs="*", help=argparse.SUPPRESS)
    words = parser.parse_args(argv)
    if words.role == "trivial":
        run_on_loop(serve_trivial(int(words.port)))
    elif words.role == "ours":
        run_on_loop(serve_ours(int(words.port), words.pods))
    elif words.role == "load":
        request = GET_REQUEST if words.kind == "trivial" else VERIFY_REQUEST
        print(json.dumps(run_on_loop(load_ports(words.pods, int(words.connections), words.seconds, request))))
    else:
        return compare(words)
    return 0


def compare(words: argparse.Namespace) -> int:
    """The whole comparison; the exit code."""
    rounds = words.rounds or (3 if words.quick else 7)
    seconds = words.seconds or (0.5 if words.quick else 1.5)
    if words.against is not None:
        return compare_builds(words, rounds, seconds)
    for rival in RIVALS:
        find_program(rival)
    rows: list[dict[str, Any]] = []
    for kind in (words.only,) if words.only else REQUIRED:
        with tempfile.TemporaryDirectory(prefix="devenv-bench-") as folder:
            rows += measure(kind, rounds, seconds, Path(folder))
    judged = verdicts(rows)
    holds = all(one["holds"] for one in judged)
    if words.json:
        print(
            json.dumps({"rounds": rounds, "seconds": seconds, "rows": rows, "checks": judged, "holds": holds})
        )
    else:
        _print(rows, judged)
    return 0 if holds else 1


def compare_builds(words: argparse.Namespace, rounds: int, seconds: float) -> int:
    """Our proxy beside another checkout's: 1 where it has less than ``NOT_SLOWER`` of the other's rate."""
    other = words.against.resolve()
    if not (other / ".venv/bin/python").exists():
        raise missing(f"{other}/.venv", "the other checkout needs an environment of its own")
    rows: list[dict[str, Any]] = []
    for kind in (words.only,) if words.only else REQUIRED:
        with tempfile.TemporaryDirectory(prefix="devenv-bench-") as folder:
            rows += measure(kind, rounds, seconds, Path(folder), other)
    ours = [row for row in rows if row["target"] == "ours"]
    holds = all(row["over_other"] >= NOT_SLOWER and not row["errors"] for row in ours)
    if words.json:
        print(json.dumps({"rounds": rounds, "seconds": seconds, "rows": rows, "holds": holds}))
    else:
        cpu = {(row["upstream"], row["connections"], row["target"]): row["cpu_us"] for row in rows}
        for row in rows:
            ratio = ""
            if row["target"] == "ours":
                theirs = cpu[row["upstream"], row["connections"], "other"]
                ratio = f", {row['over_other']:.3f} x the other; CPU {row['cpu_us'] / theirs:.3f} x"
            print(
                f"{row['upstream']:<8} {row['connections']:>3} connections  {row['target']:<6}"
                f"{row['rps']:>9,.0f} req/s median{row['cpu_us']:>8.1f} us CPU each{ratio}"
            )
    return 0 if holds else 1


if __name__ == "__main__":
    sys.exit(main())
