"""The whole story with one command: ``python3 scripts/demo.py``. Needs Python 3.11 or newer, nothing else.

Makes ``.venv`` from requirements.lock where it is missing, then runs ``devenv demo`` with the given options.
"""

from __future__ import annotations

import sys

from _bootstrap import run_module

if __name__ == "__main__":
    sys.exit(run_module("devenv", ["demo", *sys.argv[1:]]))
