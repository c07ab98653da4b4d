"""Compare what was expected of a step with what was observed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from devenv.core.model.requests import value_at
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario.model import Checks, Create, Expectation, Restart, Scenario, Step

CONNECTIONS = "connections"
"""The check of how many connections to Redis were opened for an answer."""
NOT_COUNTED = "not counted"
"""In place of that number on a Redis Cluster: clients open connections there to learn which node has what."""


def for_every_store(expectation: Expectation) -> Checks:
    """The checks that hold for every store: the one set that all stores have; {} where they differ."""
    return alike(expectation, tuple(Strategy)) or {}


def alike(by_store: Mapping[Strategy, Any], every: Sequence[Strategy]) -> Any:
    """The one value that each of ``every`` store has; None where they differ or one has none."""
    first = next(iter(by_store.values()), None)
    same = set(by_store) == set(every) and all(value == first for value in by_store.values())
    return first if same else None


def expected_of(step: Step, strategy: Strategy, scenario: Scenario, *, measured: bool = True) -> Checks:
    """What the step should show: ``written_for``, and that creates and restarts work unless it says else."""
    needed = needed_of(step, strategy, scenario, measured=measured)
    return {**needed, **written_for(step, strategy, scenario, measured=measured)}


def written_for(step: Step, strategy: Strategy, scenario: Scenario, *, measured: bool = True) -> Checks:
    """What the scenario's file expects of the step with this store: nothing where it does not name the store.

    ``measured`` False: the sessions are in a store that the file cannot name (a user-provided service's own,
    or several). Then it is what the file expects of every store. A shipped scenario has none of that: it is
    written for the stores that it names.
    """
    expectation: Expectation = getattr(step, "expect", {})
    if measured:
        return {} if scenario.note(strategy) is None else expectation.get(strategy, {})
    return {} if scenario.shipped else for_every_store(expectation)


def needed_of(step: Step, strategy: Strategy, scenario: Scenario, *, measured: bool = True) -> Checks:
    """What must work so that the steps after it say something, where the file does not expect it otherwise.

    Nothing where the play is measured against a store that the scenario says nothing about.
    """
    if measured and scenario.note(strategy) is None:
        return {}
    needed = {"status": 200} if isinstance(step, Create) else {"starts": True}
    if not isinstance(step, Create | Restart):
        return {}
    written = written_for(step, strategy, scenario, measured=measured)
    return {name: value for name, value in needed.items() if name not in written}


def violations(checks: Checks, observed: Mapping[str, Any]) -> list[str]:
    """What does not hold, one sentence each; empty where everything does.

    ``observed`` has a value for every name that the step's kind may check; ``fields`` is the whole document
    (None where there is none), ``outcomes`` and ``messages`` are counts, ``contains`` and ``says`` are texts,
    ``requests`` has what was observed of each request by its name.
    """
    failures = []
    for name, wanted in checks.items():
        complaint = _COMPARE.get(name, _equal)(wanted, observed.get(name))
        if complaint is not None:
            failures.append(f"{name}: {complaint}")
    return failures


def _equal(wanted: Any, got: Any) -> str | None:
    same = type(wanted) is type(got) and wanted == got
    return None if same else f"expected {_text(wanted)}, got {_text(got)}"


def _outcome(wanted: Any, got: Any) -> str | None:
    allowed = wanted if isinstance(wanted, list) else [wanted]
    return None if got in allowed else f"expected {' or '.join(allowed)}, got {_text(got)}"


def _one_of(wanted: Any, got: Any) -> str | None:
    if not isinstance(wanted, list):
        return _equal(wanted, got)
    allowed = [_text(one) for one in wanted]
    return (
        None
        if any(_equal(one, got) is None for one in wanted)
        else (f"expected {' or '.join(allowed)}, got {_text(got)}")
    )


def _seconds(wanted: Mapping[str, Any], got: Any) -> str | None:
    if got is not None and _in_range(wanted, got):
        return None
    return f"expected {_range_text(wanted)}, got {'no answer' if got is None else f'{got:.2f}'}"


def _connections(wanted: Any, got: Any) -> str | None:
    if got == NOT_COUNTED:
        return None
    if got is not None and _in_range(wanted, got):
        return None
    return f"expected {_range_text(wanted)}, got {'no answer' if got is None else got}"


def _requests(wanted: Mapping[str, Checks], got: Any) -> str | None:
    each: Mapping[str, Mapping[str, Any]] = got or {}
    wrong = [
        f"{name}: {violation}"
        for name, checks in wanted.items()
        for violation in violations(checks, each.get(name, {}))
    ]
    return "; ".join(wrong) or None


def _ttl(wanted: Any, got: Any) -> str | None:
    if wanted is None:
        return None if got is None else f"expected no TTL, got {_text(got)}"
    if got is not None and _in_range(wanted, got):
        return None
    return f"expected {_range_text(wanted)} seconds, got {'no TTL' if got is None else got}"


def _counts(wanted: Mapping[str, Any], got: Any, *, others: bool) -> str | None:
    counted: Mapping[str, int] = got or {}
    wrong = []
    for name, count in wanted.items():
        if not _in_range(count, counted.get(name, 0)):
            wrong.append(f"{counted.get(name, 0)} × {name} instead of {_range_text(count)}")
    if not others:
        wrong += [f"{n} × {name} instead of none" for name, n in counted.items() if n and name not in wanted]
    return "; ".join(wrong) or None


def _fields(wanted: Mapping[str, Any], got: Any) -> str | None:
    """``got``: a JSON object, None where there is nothing, or in words what there is in its place."""
    if not isinstance(got, Mapping):
        return f"expected a JSON document, there is {got or 'none'}"
    wrong = []
    for name, value in wanted.items():
        answered = got[name] if name in got else value_at(got, name)
        if answered is None and name not in got:
            wrong.append(f"{name} is missing")
        elif (complaint := _equal(value, answered)) is not None:
            wrong.append(f"{name}: {complaint}")
    return "; ".join(wrong) or None


def _has(wanted: list[str], got: Any) -> str | None:
    missing = [name for name in wanted if name not in (got or ())]
    return f"missing {', '.join(missing)}" if missing else None


def _contains(wanted: str, got: Any) -> str | None:
    return None if wanted in (got or "") else f"expected {_text(wanted)} in it"


def _in_range(wanted: Any, got: float) -> bool:
    if isinstance(wanted, Mapping):
        low, high = wanted.get("min"), wanted.get("max")
        return (low is None or got >= low) and (high is None or got <= high)
    return bool(got == wanted)


def _range_text(wanted: Any) -> str:
    if not isinstance(wanted, Mapping):
        return str(wanted)
    if "min" in wanted and "max" in wanted:
        return f"{wanted['min']} to {wanted['max']}"
    return f"at least {wanted['min']}" if "min" in wanted else f"at most {wanted['max']}"


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


_COMPARE = {
    "outcome": _outcome,
    "message": _one_of,
    "attempts": _one_of,
    "status": _one_of,
    "seconds": _seconds,
    CONNECTIONS: _connections,
    "says": _contains,
    "requests": _requests,
    "ttl": _ttl,
    "outcomes": lambda wanted, got: _counts(wanted, got, others=False),
    "messages": lambda wanted, got: _counts(wanted, got, others=True),
    "fields": _fields,
    "has": _has,
    "contains": _contains,
}
