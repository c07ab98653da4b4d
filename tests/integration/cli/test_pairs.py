"""``replay_cross_pod.py --pairs``: what the routing policy loses, as its user reads it."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.integration.cli.conftest import CommandLine
from tests.support import HANG_GUARD_S


def pairs_of(line: CommandLine, *words: str) -> tuple[int, dict[str, Any]]:
    done = subprocess.run(
        [sys.executable, "-m", "devenv.cli.cross_pod", "--pairs", "20", "--json", *words],
        cwd=line.folder,
        env=line.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=HANG_GUARD_S,
    )
    return done.returncode, json.loads(done.stdout)


@pytest.mark.parametrize(
    ("policy", "words", "lost"),
    [
        ("pinned:b", (), 0),
        ("per-connection", (), 0),
        ("weighted:a=1,b=1", ("--new-connections",), None),
    ],
)
def test_pairs_tell_what_a_policy_loses(
    running: CommandLine, policy: str, words: tuple[str, ...], lost: int | None
) -> None:
    running.json("route", policy)
    code, result = pairs_of(running, *words)
    crossed = sum(route["pairs"] for route in result["routes"] if route["created"] != route["verified"])
    assert result["total"] == 20
    assert result["not_found_share"] == crossed / 20
    alone = result["one_at_a_time"]
    shares = [alone[f"{name}_request_between"]["not_found_share"] for name in ("no", "one")]
    assert code == (1 if crossed or any(shares) else 3)  # no pair met two pods: that is no pass
    if lost is None:
        assert shares == [1.0, 0.0]  # strict turns: parity, not a fix
    else:
        assert [crossed, *shares] == [lost, 0.0, 0.0]
