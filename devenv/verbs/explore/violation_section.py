"""What the reports of both explorations show of a violation, and the commands that play it again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from devenv.core.render.document import Cell, Command, Section, Table
from devenv.core.render.sequence import SequenceMessage

RESTS_ON = "What this rests on"
SHOWS = "plays this order again"


class ShownViolation(Protocol):
    """A violation that was found, and how often it was seen again on real pods."""

    @property
    def kind(self) -> str:
        """Its name."""

    @property
    def sentence(self) -> str:
        """What went wrong."""

    @property
    def confirmed(self) -> bool:
        """Whether real pods showed it again."""

    @property
    def replayed(self) -> int:
        """How many of ``replays`` runs went the same way."""

    @property
    def replays(self) -> int:
        """How many runs there were."""

    @property
    def why(self) -> str | None:
        """Why it is not confirmed."""

    @property
    def reproduce(self) -> str | None:
        """The command that plays its order again."""


def section(
    violation: ShownViolation,
    seen: Sequence[tuple[str, str]],
    again: str,
    order: str,
    picture: Iterable[SequenceMessage],
) -> Section:
    """A violation with its counts, its picture and its order.

    ``seen``: pairs of a column's heading and its text; ``again``: the heading of the column that says
    whether real pods showed it again.
    """
    confirmed = (
        f"{violation.replayed} of {violation.replays} times the same"
        if violation.confirmed
        else f"not confirmed: {violation.why}"
    )
    cells = *(Cell(text) for _, text in seen), Cell(confirmed, "good" if violation.confirmed else "bad")
    return Section(
        title=violation.kind,
        label="violation",
        note=violation.sentence,
        good=False,
        tables=(Table((*(heading for heading, _ in seen), again), (cells,)),),
        picture=tuple(picture),
        picture_title="Its shortest order",
        explanation_title="The order",
        explanation=(order,),
    )


def commands(violations: Iterable[ShownViolation]) -> tuple[Command, ...]:
    """For each violation that has one, the command that plays it again."""
    return tuple(
        Command(violation.reproduce, f"{violation.kind}: {SHOWS}")
        for violation in violations
        if violation.reproduce
    )
