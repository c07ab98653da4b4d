"""From a step of an order on, a person releases the commands at the gate; the run writes their order down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from devenv.core.model.schedule import Schedule

HOLD_SECONDS = 290.0
"""A command is held so long at most while a person decides: just below the gate's own limit."""
PATIENT_MS = 120_000
"""How long a pod of the reference service waits for Redis meanwhile, in milliseconds."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Where an order ends and a person goes on, and who is to know how it stands."""

    steps: int
    """This many steps of the order are run before."""
    stands: Callable[[Mapping[str, int], Schedule], None]
    """Called whenever requests wait for a person: the number of the command that is held for each request, by
    the request's name, and the order so far."""
