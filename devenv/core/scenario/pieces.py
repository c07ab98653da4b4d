"""The steps of a scenario as pieces that can be left out, and the scenario that is left when some are."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from devenv.core.scenario.model import (
    Create,
    Expectation,
    KeyEvent,
    Redis,
    Request,
    Scenario,
    Step,
    Together,
    Verify,
)

_REFERENCE = re.compile(r"\{(?:challenge|captured|key):([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Piece:
    """What can be left out of a scenario: a step, or one request of a ``together``."""

    step: int
    """The step's place in the scenario, from 0."""
    request: int | None = None
    """The request's place in the ``together``, from 0; None: the whole step."""


def pieces_of(scenario: Scenario) -> list[Piece]:
    """Everything that can be left out, in order."""
    pieces: list[Piece] = []
    for number, step in enumerate(scenario.steps):
        if isinstance(step, Together):
            pieces += [Piece(number, place) for place in range(len(step.verifies))]
        else:
            pieces.append(Piece(number))
    return pieces


def keep_only(scenario: Scenario, pieces: Sequence[Piece]) -> Scenario | None:
    """The scenario with only these pieces, without what then names a session or value that no step provides.

    None where no step is left. An order of Redis commands stays only where all its requests stay. ``source``
    is still the text of the whole scenario: ``writer.write_scenario`` makes the text of what is left.
    """
    steps: list[Step] = []
    provided: set[str] = set()
    for number, step in enumerate(scenario.steps):
        wanted = [piece for piece in pieces if piece.step == number]
        if not wanted:
            continue
        kept = _kept(step, [piece.request for piece in wanted], provided)
        if kept is None:
            continue
        if isinstance(kept, Create):
            provided.add(kept.session)
        requests = kept.verifies if isinstance(kept, Together) else (kept,)
        provided.update(
            name for request in requests if isinstance(request, Request) for name in request.capture
        )
        steps.append(kept)
    if not steps:
        return None
    sessions = {name: kind for name, kind in scenario.sessions.items() if name in provided}
    return replace(scenario, sessions=sessions, steps=tuple(steps))


def _kept(step: Step, places: Sequence[int | None], provided: set[str]) -> Step | None:
    if not isinstance(step, Together):
        return step if _possible(step, provided) else None
    kept = [
        place for place, part in enumerate(step.verifies) if place in places and _possible(part, provided)
    ]
    if len(kept) == len(step.verifies):
        return step
    if not kept:
        return None
    requests = tuple(step.verifies[place] for place in kept)
    if not step.names:
        # What was expected of all of them together says nothing about some of them.
        return replace(step, verifies=requests, expect={}, order={})
    names = tuple(step.names[place] for place in kept)
    if len(kept) == 1:
        expected = {store: checks[names[0]] for store, checks in _request_checks(step.expect, names).items()}
        return replace(requests[0], expect=expected)
    expected = {store: {"requests": checks} for store, checks in _request_checks(step.expect, names).items()}
    return replace(step, verifies=requests, names=names, expect=expected, order={})


def _request_checks(expect: Expectation, names: Sequence[str]) -> Expectation:
    """By store what is expected of each of these requests alone; a store that expects nothing of them is left
    out."""
    by_store = {
        store: {name: value for name, value in checks.get("requests", {}).items() if name in names}
        for store, checks in expect.items()
    }
    return {store: checks for store, checks in by_store.items() if checks}


def _possible(step: Step, provided: set[str]) -> bool:
    """Whether every session and captured value that the step names is provided by an earlier step."""
    named: list[str] = [step.session] if isinstance(step, Verify | Redis | KeyEvent) else []
    if isinstance(step, Create) and step.word_differs_from is not None:
        named.append(step.word_differs_from)
    named += _REFERENCE.findall(
        str([getattr(step, field.name) for field in fields(step) if field.name != "expect"])
    )
    return all(name in provided for name in named)
