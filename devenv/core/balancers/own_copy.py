"""The copy of a configuration file while it is changed: what was replaced, line by line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn

from devenv.core.model.errors import UsageProblem


class Change(NamedTuple):
    """Something that is another in the copy."""

    line: int
    """Of the team's file, from 1."""
    before: str
    after: str
    """Empty: it is left out."""
    why: str

    @property
    def text(self) -> str:
        """In a line."""
        return f"line {self.line}: {self.before} → {self.after or '(left out)'} ({self.why})"


@dataclass(frozen=True, slots=True)
class Adapted:
    """A copy that runs on this machine."""

    files: dict[str, str]
    """The text of each file, by its name."""
    changes: tuple[Change, ...]
    """What is another than in the team's file."""
    upstreams: int
    """The most servers that one group of its servers has."""
    lines: tuple[int, ...] = ()
    """For each line of the copy, the team's line; 0 for one that it does not have. Empty for YAML."""


@dataclass(slots=True)
class OwnCopy:
    """The file, and what was changed so far."""

    name: str
    text: str
    pods: int
    """How many pods there are to be its servers."""
    changes: list[Change] = field(default_factory=list)
    upstreams: int = 0
    lines: list[int] = field(default_factory=list)
    """For each line of the copy so far, the team's line."""

    def changed(self, line: int, before: str, after: str, why: str) -> str:
        """Write a change down; gives ``after``."""
        before, shown = " ".join(before.split()), " ".join(after.split())
        if before != shown:
            self.changes.append(Change(line, before, shown, why))
        return after

    def server(self, line: int, number: int, what: str) -> int:
        """The index of the pod that stands for server ``number`` (from 0) of a group."""
        self.upstreams = max(self.upstreams, number + 1)
        if number >= self.pods:
            self.refuse(line, f"{what} is server {number + 1}, and there are {self.pods} pods", "--pods N")
        return number

    def refuse(self, line: int, message: str, hint: str = "") -> NoReturn:
        """It cannot be taken over."""
        raise UsageProblem(
            f"{self.name}:{line}: cannot be taken over: {message}",
            hint=hint or "change it in a copy of the file, or use --balancer NAME:POLICY",
        )
