"""``--compare``: a setting and a changed one, on the same sessions where the engine can play them so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.simulation.intervals import Share, unpaired_difference
from devenv.core.simulation.run import EngineName, Prediction, compare
from devenv.verbs.simulate.clusters import Cell
from devenv.verbs.simulate.fields import FIELDS
from devenv.verbs.simulate.randomness import Seeded


@dataclass(frozen=True, slots=True)
class Compared:
    """Two settings side by side."""

    first: Prediction
    second: Prediction
    """Of the changed setting."""
    changes: dict[str, str]
    """The fields that differ, with the second setting's values."""
    difference: Share
    """The second's share of lost sessions minus the first's; no width where both are exact."""
    paired: bool
    """Whether both settings were given the same sessions: the interval is narrower then."""

    @property
    def differ(self) -> bool:
        """Whether the interval of the difference leaves out 0."""
        return not self.difference.holds(0.0)

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``--json``."""
        return {
            "first": self.first.to_json(),
            "second": self.second.to_json(),
            "changes": self.changes,
            "difference": self.difference.to_json(),
            "paired": self.paired,
            "differ": self.differ,
        }


def changes_of(texts: Sequence[str]) -> dict[str, str]:
    """The fields of ``--compare F=V``, each given once. Raises UsageProblem that names the field."""
    changes: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        name = name.strip()
        if not equals or name not in FIELDS:
            raise UsageProblem(f"--compare: {text!r} names no field", hint="fields: " + ", ".join(FIELDS))
        if name in changes:
            raise UsageProblem(f"--compare: {name} is given twice", hint="--sweep takes several values")
        changes[name] = value.strip()
    return changes


def compared(cells: tuple[Cell, Cell], predictions: tuple[Prediction, Prediction]) -> Compared:
    """The difference of two cells that were played. ``cells`` have the same seed and effort.

    Exact where both shares are; else on common random numbers, where the vectorised engine plays both; else
    from two independent runs.
    """
    (one, other), (first, second) = cells, predictions
    changes = {name: text for name, text in other.texts.items() if one.texts.get(name) != text}
    if first.share.half_width == 0 and second.share.half_width == 0:
        value = second.share.value - first.share.value
        return Compared(first, second, changes, Share(value, value, value), False)
    if EngineName.EVENTS not in (first.engine, second.engine):
        sessions = max(first.tally.sessions, second.tally.sessions)
        same = compare(first.setting, second.setting, Seeded(one.seed), sessions)
        if same is not None:
            return Compared(first, second, changes, same.difference, True)
    return Compared(first, second, changes, unpaired_difference(first.tally.share, second.tally.share), False)
