"""Fill the running stack, embedded or compose, with challenges: ``python3 scripts/seed_challenges.py -n 20``.

The same as ``devenv seed``, which ``--help`` describes.
"""

from __future__ import annotations

import sys

from _bootstrap import run_module

if __name__ == "__main__":
    sys.exit(run_module("devenv", ["seed", *sys.argv[1:]]))
