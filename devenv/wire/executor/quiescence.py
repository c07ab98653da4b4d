"""Whether processes are quiescent: no thread of theirs runs, wants to run, or ran in the last moment.

Source: the scheduler's own counts, ``/proc/<pid>/task/<tid>/schedstat`` (Linux, Documentation/scheduler/
sched-stats.rst): time on a CPU, time waited for one, and how often. On other systems it cannot be observed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

QUIET_SECONDS = 0.012
"""No count may change for so long. Servers' own timers come every 0.1 s; a wake-up takes far less."""
LOOK_SECONDS = 0.002
"""Between two readings of the counts."""
_PROC = Path("/proc")


def observable() -> bool:
    """Whether this machine keeps the counts."""
    try:
        text = Path("/proc/self/schedstat").read_text(encoding="ascii")
    except OSError:
        return False
    return sys.platform.startswith("linux") and text.split()[:1] not in ([], ["0"])


class QuiescenceWatch:
    """Watches the processes that ``pids`` gives (called for each reading), and those that they started."""

    def __init__(self, pids: Callable[[], Sequence[int]]) -> None:
        self._pids = pids
        self.observable = observable()

    async def reached(self, news: Callable[[], bool]) -> bool:
        """Wait until no count has changed for ``QUIET_SECONDS``: True; or until ``news``: False."""
        before, since = self._counts(), asyncio.get_running_loop().time()
        while not news():
            await asyncio.sleep(LOOK_SECONDS)
            now, counts = asyncio.get_running_loop().time(), self._counts()
            if counts is None or counts != before:
                before, since = counts, now
            elif now - since >= QUIET_SECONDS:
                return not news()
        return False

    def _counts(self) -> tuple[str, ...] | None:
        """Every thread's counts; None where one runs or wants to."""
        all_counts: list[str] = []
        waiting = [*self._pids()]
        while waiting:
            try:
                threads = sorted((_PROC / str(waiting.pop()) / "task").iterdir())
            except OSError:
                continue  # it has ended
            for thread in threads:
                counts = _thread(thread)
                if counts is None:
                    return None
                all_counts.append(f"{thread.name} {counts[0]}")
                waiting += counts[1]
        return tuple(all_counts)


def _thread(folder: Path) -> tuple[str, list[int]] | None:
    """Its counts, and the processes that it started; None where it runs."""
    try:
        state = (folder / "stat").read_text(encoding="ascii", errors="replace").rpartition(") ")[2][:1]
        counts = (folder / "schedstat").read_text(encoding="ascii")
    except OSError:
        return "ended", []
    try:
        children = (folder / "children").read_text(encoding="ascii").split()
    except OSError:
        children = []
    return None if state in ("R", "D") else (counts, [*map(int, children)])
