"""The steps of a scenario as pieces that can be left out, and what is left when some are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_REFERENCE = re.compile(r"\{(?:challenge|captured|key):([^}]*)\}")
_OPENS = "create"
_ABOUT_SESSION = ("verify", "redis", "expire", "age", "failover")


@dataclass(frozen=True, slots=True)
class Piece:
    """A step, or with ``part`` one request of a ``together`` (its name, or its place in the list)."""

    step: int
    part: str | int | None = None


def pieces_of(data: Mapping[str, Any]) -> list[Piece]:
    """Everything that can be left out, in order."""
    pieces: list[Piece] = []
    for number, step in enumerate(data["steps"]):
        together = step.get("together")
        if isinstance(together, dict):
            pieces += [Piece(number, name) for name in together]
        elif isinstance(together, list):
            pieces += [Piece(number, at) for at in range(len(together))]
        else:
            pieces.append(Piece(number))
    return pieces


def keep_only(data: Mapping[str, Any], pieces: Sequence[Piece]) -> dict[str, Any] | None:
    """The scenario with only these pieces, less what then speaks of a session or value that is not there.

    None where nothing is left. An order of Redis commands stays only with all requests that it names.
    """
    steps: list[dict[str, Any]] = []
    there: set[str] = set()
    for number, step in enumerate(data["steps"]):
        wanted = [piece for piece in pieces if piece.step == number]
        if not wanted:
            continue
        left = _part(step, [item.part for item in wanted if item.part is not None], there)
        if left is None:
            continue
        if _OPENS in left:
            there.add(left[_OPENS])
        there.update(name for part in _requests(left) for name in part.get("capture", {}))
        steps.append(left)
    if not steps:
        return None
    sessions = {name: kind for name, kind in data.get("sessions", {}).items() if name in there}
    kept = {key: value for key, value in data.items() if key not in ("sessions", "steps")}
    return {**kept, **({"sessions": sessions} if sessions else {}), "steps": steps}


def _part(step: Mapping[str, Any], parts: Sequence[str | int], there: set[str]) -> dict[str, Any] | None:
    together = step.get("together")
    if together is None:
        return dict(step) if _possible(step, there) else None
    if isinstance(together, list):
        chosen = [item for at, item in enumerate(together) if at in parts and _possible(item, there)]
        if len(chosen) == len(together):
            return dict(step)
        # What was expected of all of them together says nothing about some of them.
        return {"together": chosen} if chosen else None
    named = {name: item for name, item in together.items() if name in parts and _possible(item, there)}
    if len(named) == len(together):
        return dict(step)
    if not named:
        return None
    if len(named) == 1:
        [(name, only)] = named.items()
        checks = _requests_checks(step.get("expect", {}), name)
        return {**only, **({"expect": checks} if checks else {})}
    left: dict[str, Any] = {"together": named}
    expected = {name: value for name in named if (value := _requests_checks(step.get("expect", {}), name))}
    return {**left, **({"expect": {"requests": expected}} if expected else {})}


def _requests_checks(expect: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """What is expected of one request, where that is the same for all stores."""
    requests = expect.get("requests", {})
    checks: Mapping[str, Any] = requests.get(name, {}) if isinstance(requests, dict) else {}
    return checks


def _possible(step: Mapping[str, Any], there: set[str]) -> bool:
    """Whether every session and captured value that it speaks of is there."""
    named = [step[key] for key in _ABOUT_SESSION if key in step]
    named += [step["word_differs_from"]] if "word_differs_from" in step else []
    named += _REFERENCE.findall(str({key: value for key, value in step.items() if key != "expect"}))
    return all(name in there for name in named)


def _requests(step: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    together = step.get("together")
    if together is None:
        return [step]
    return list(together.values()) if isinstance(together, dict) else list(together)
