"""Compare what was expected of a step with what was observed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from devenv.core.model.requests import value_at
from devenv.core.scenario.model import Checks


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
    "says": _contains,
    "requests": _requests,
    "ttl": _ttl,
    "outcomes": lambda wanted, got: _counts(wanted, got, others=False),
    "messages": lambda wanted, got: _counts(wanted, got, others=True),
    "fields": _fields,
    "has": _has,
    "contains": _contains,
}
