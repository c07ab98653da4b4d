"""``--sweep``: every combination of the values of some fields."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

from devenv.core.model.errors import UsageProblem
from devenv.verbs.simulate.fields import SWEPT, Texts

MAX_CELLS = 10_000
_RANGE = re.compile(r"(\d+)\.\.(\d+)(?::(\d+))?")


@dataclass(frozen=True, slots=True)
class Axis:
    """One swept field."""

    field: str
    """Its name."""
    values: tuple[str, ...]
    """As they are written."""


def axis_of(text: str) -> Axis:
    """From ``pods=2..32``, ``pods=2..32:10`` (a step) or ``policy=random,round-robin``.

    Raises UsageProblem that names the field.
    """
    name, equals, values = text.partition("=")
    name = name.strip()
    if not equals or name not in SWEPT:
        raise UsageProblem(
            f"--sweep: {text!r} names no field that can be swept", hint="fields: " + ", ".join(SWEPT)
        )
    numbers: list[str] = []
    for value in _split(name, values):
        match = _RANGE.fullmatch(value)
        if match is None:
            numbers.append(value)
            continue
        first, last, step = int(match[1]), int(match[2]), int(match[3] or 1)
        if last < first or step < 1 or (last - first) // step >= MAX_CELLS:
            raise UsageProblem(f"--sweep {name}: {value!r} is not a range from low to high")
        numbers += [str(number) for number in range(first, last + 1, step)]
    if not numbers or "" in numbers:
        raise UsageProblem(f"--sweep {name}: a value is missing", hint=f"write --sweep {name}=A,B")
    return Axis(name, tuple(dict.fromkeys(numbers)))


def _split(name: str, values: str) -> list[str]:
    """At commas; of policies with weights (``weighted:a=3,b=1``) and of balancers with options
    (``nginx,workers=2``) a part ``b=1`` belongs to the one before."""
    parts: list[str] = []
    for part in values.split(","):
        if name in ("policy", "balancer") and parts and re.fullmatch(r"\s*[\w-]+=\w+\s*", part):
            parts[-1] += "," + part
        else:
            parts.append(part.strip())
    return parts


def cells(axes: Sequence[Axis], base: Texts) -> list[dict[str, str]]:
    """The fields of every combination, the last axis changing fastest. Raises UsageProblem for too many."""
    names = [axis.field for axis in axes]
    if len(set(names)) < len(names):
        raise UsageProblem(f"--sweep: {names[-1]} is swept twice")
    count = 1
    for axis in axes:
        count *= len(axis.values)
    if count > MAX_CELLS:
        raise UsageProblem(f"--sweep: {count} settings are more than {MAX_CELLS}")
    if {"policy", "balancer"} <= set(names):
        raise UsageProblem("--sweep: policy and balancer: both say who chooses the pod", hint="sweep one")
    combinations = product(*(axis.values for axis in axes))
    return [{**base, **dict(zip(names, values, strict=True))} for values in combinations]
