"""Cleans up after its parent: ``python -I -S exit_cleanup.py COMMAND…`` (standard library only).

Reads its standard input. At its end COMMAND is run, unless the parent wrote a word before: a parent that was
killed wrote nothing. This is how containers, which belong to the engine, end with the process that started
them.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys

DISMISS = b"done"


def main(command: list[str]) -> int:
    """Wait, then clean up or not; gives COMMAND's exit code."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    heard = b""
    while chunk := os.read(0, 4096):
        heard += chunk
    if heard.startswith(DISMISS):
        return 0
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
