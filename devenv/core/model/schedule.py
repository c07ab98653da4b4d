"""The order in which requests' Redis commands run, and its one-line text form.

Text form, version 1: ``v1`` and then the steps, separated by blanks:

- ``V1:GET``       release the pending GET of request V1, up to its next command or its HTTP answer;
- ``V1:write``     the same for whichever command writes the session's key; also ``V1:read``, ``V1:delete``;
- ``V1:start``     send request V1, up to its first command or its answer; without it, it is sent at first;
- ``V1:gives-up``  V1 tries the lock that it waits for again and again, until it does something else;
- ``V1:GET!lost``  the same, but the command's reply never reaches the pod;
- ``@expire:s1``   the key of session s1 expires now; also ``@age`` (0.4 s left to live), ``@flush``
                   (every key is gone) and ``@restart`` (of a pod).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from devenv.core.model.errors import UsageProblem

VERSION = "v1"
EVENTS = ("expire", "age", "flush", "restart")
START, GIVES_UP = "start", "gives-up"

_RELEASE = re.compile(
    r"(?P<request>[A-Za-z][\w-]*):(?P<command>[A-Z][A-Z0-9._-]*|read|write|delete|start|gives-up)"
    r"(?P<lost>!lost)?",
    re.ASCII,
)
_EVENT = re.compile(r"@(?P<event>[a-z]+):(?P<target>[A-Za-z][\w-]*)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Release:
    """Let a request run its pending command."""

    request: str
    command: str
    """Its name or its role; ``START`` or ``GIVES_UP``."""
    lost: bool = False
    """Whether the reply to it is dropped."""

    def __str__(self) -> str:
        return f"{self.request}:{self.command}" + ("!lost" if self.lost else "")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens between two commands: one of ``EVENTS`` to a session or pod."""

    event: str
    target: str

    def __str__(self) -> str:
        return f"@{self.event}:{self.target}"


Step = Release | Event


@dataclass(frozen=True, slots=True)
class Schedule:
    """A total order of steps; ``str`` gives the text form and ``parse`` reads it back."""

    steps: tuple[Step, ...]

    def __str__(self) -> str:
        return " ".join([VERSION, *map(str, self.steps)])

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def switches(self) -> int:
        """How often another request than the last one runs: the shorter of two schedules has fewer."""
        order = [step.request for step in self.steps if isinstance(step, Release)]
        return sum(1 for before, after in pairwise(order) if before != after)

    @classmethod
    def parse(cls, text: str) -> Schedule:
        """Read the text form. Raises UsageProblem that names the step that is wrong."""
        version, *steps = text.split() or [""]
        if version != VERSION:
            raise UsageProblem(
                f"a schedule begins with its version, {VERSION!r}, not {version!r}",
                hint=f"{VERSION} V1:GET V2:GET …",
            )
        return cls(tuple(_step(number, word) for number, word in enumerate(steps, start=1)))


def _step(number: int, word: str) -> Step:
    if match := _RELEASE.fullmatch(word):
        return Release(match["request"], match["command"], lost=match["lost"] is not None)
    if (match := _EVENT.fullmatch(word)) and match["event"] in EVENTS:
        return Event(match["event"], match["target"])
    raise UsageProblem(
        f"step {number} of the schedule, {word!r}, is neither REQUEST:COMMAND nor @EVENT:TARGET",
        hint=f"events are {', '.join(EVENTS)}; commands are in capitals, or read, write, delete, {START}, "
        f"{GIVES_UP}",
    )
