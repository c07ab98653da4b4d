"""The same search under two hash seeds: nothing depends on the order of a set."""

from __future__ import annotations

import os
import subprocess
import sys

from devenv.stack.environment import PACKAGE_ROOT

PROGRAM = """
import hashlib
from devenv.core.search.dpor import SourceDpor
from devenv.core.search.shortest import shortest_runs
from tests.unit.core.search.test_learning import learned
system, asked = learned("RWE")
digest = hashlib.sha256()
SourceDpor(system, lambda run, state: digest.update(repr((run, state)).encode())).search()
print(asked, digest.hexdigest(), shortest_runs(system, lambda state: [state[0]], 10**6))
"""


def test_two_hash_seeds() -> None:
    lines = []
    for seed in ("1", "4711"):
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(PACKAGE_ROOT)}
        command = [sys.executable, "-c", PROGRAM]
        lines.append(
            subprocess.run(command, env=env, check=True, capture_output=True, cwd=PACKAGE_ROOT).stdout
        )
    assert lines[0] == lines[1]
    assert lines[0]
