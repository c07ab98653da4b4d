"""The long runs of benchmarks/framing.py and benchmarks/noise.py, in small and with fixed seeds."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.support import ROOT


def run(module: str, *options: str) -> dict[str, Any]:
    command = [sys.executable, "-m", f"benchmarks.{module}", "--json", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert "socket.send() raised exception" not in done.stderr
    return result


@pytest.mark.parametrize("seed", ["1", "2"])
def test_framing_as_hiredis_and_redis_have_it(seed: str) -> None:
    result = run("framing", "--turns", "4", "--examples", "100", "--seed", seed)
    assert result["examples"] == dict.fromkeys(
        ("replies_as_hiredis", "mutated_replies", "commands_as_hiredis", "mutated_commands"), 100
    )


def test_noise_on_both_sides_of_a_gate_leaves_nothing_behind() -> None:
    result = run("noise", "--rounds", "1", "--seed", "1")
    assert result["verdict"] == "holds"
    assert all(one["pods"] == 60 and one["commands"] > 1000 for one in result["runs"])
