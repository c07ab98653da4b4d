"""Create on one pod, verify on another, on the running stack: ``python3 scripts/replay_cross_pod.py``.

Works on embedded and compose alike; exit code 0 where every right answer passed, 1 where one did not.
"""

from __future__ import annotations

import sys

from _bootstrap import run_module

if __name__ == "__main__":
    sys.exit(run_module("devenv.cli.cross_pod", sys.argv[1:]))
