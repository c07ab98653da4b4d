"""The parts of a cast that can play alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from devenv.core.search.behaviour import RESTART
from devenv.core.search.expression import Participant, restart_of
from devenv.core.search.shortest import smaller_selections


@dataclass(frozen=True, slots=True)
class Selection:
    """A part of a cast."""

    positions: tuple[int, ...]
    """The positions of its participants in the cast."""
    part: tuple[Participant, ...]
    """The participants, named anew."""


def selections(cast: Sequence[Participant]) -> list[tuple[Participant, ...]]:
    """The participants of every part, as ``chosen`` has them."""
    return [selection.part for selection in chosen(cast)]


def chosen(cast: Sequence[Participant]) -> list[Selection]:
    """Every part of a cast that can play alone, small ones first; requests are V1, V2, … on pods A, B, …"""
    restarts = any(item.event == RESTART for item in cast)
    # Where a pod restarts it matters which requests share one; else requests of one kind are all the same.
    names = [
        (item.letter, item.target, item.pod if restarts and item.event in (None, RESTART) else None)
        for item in cast
    ]
    parts = []
    for selection in smaller_selections(names):
        part = [(index, cast[index]) for index in selection]
        place = {index: number for number, (index, item) in enumerate(part) if item.answer is not None}
        pods = dict.fromkeys(item.pod for _, item in part if item.answer is not None)
        pod = {old: new for new, old in enumerate(pods)}
        alone = all(
            item.target in place if item.target is not None else item.event != RESTART or item.pod in pod
            for _, item in part
        )
        if place and alone:
            renamed = tuple(_renamed(item, number, place, pod) for number, (_, item) in enumerate(part))
            parts.append(Selection(selection, renamed))
    return parts


def _renamed(
    participant: Participant, number: int, place: dict[int, int], pod: dict[int, int]
) -> Participant:
    if participant.answer is not None:
        return Participant(
            participant.letter, f"V{number + 1}", answer=participant.answer, pod=pod[participant.pod]
        )
    if participant.target is not None:
        target = place[participant.target]
        return Participant(participant.letter, f"lost:V{target + 1}", event=participant.event, target=target)
    return restart_of(pod[participant.pod]) if participant.event == RESTART else participant
