"""``python -I -S ending_with_parent.py PARENT COMMAND…``: becomes COMMAND, which ends when PARENT does.

PARENT is the id of the process that starts it.

An interrupted test run ends its workers before their fixtures tidy up; the kernel ends what these started
(PR_SET_PDEATHSIG, prctl(2): exec keeps it). Linux; elsewhere COMMAND outlives a parent that was killed.
"""

from __future__ import annotations

import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    parent, *command = sys.argv[1:]
    if sys.platform.startswith("linux"):
        import ctypes

        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != int(parent):  # it ended before we had said so
            sys.exit(1)
    os.execvp(command[0], command)
