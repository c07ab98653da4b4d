"""Switch USE_REDIS of the running stack, embedded or compose: ``python3 scripts/toggle_redis.py on``.

The same as ``devenv toggle``, which ``--help`` describes.
"""

from __future__ import annotations

import sys

from _bootstrap import run_module

if __name__ == "__main__":
    sys.exit(run_module("devenv", ["toggle", *sys.argv[1:]]))
