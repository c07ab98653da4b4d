"""All numbers of a simulation, from one seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from zlib import crc32

import numpy as np


@dataclass(frozen=True, slots=True)
class Seeded:
    """``core.simulation.run.Randomness`` of a seed; small enough to be sent to another machine."""

    seed: int
    """A whole number from 0."""

    def __call__(self, chunk: int, purpose: str) -> np.random.Generator:
        """The generator of a chunk of sessions and a purpose, the same in every setting, on any machine."""
        sequence = np.random.SeedSequence([self.seed, chunk, crc32(purpose.encode())])
        return np.random.Generator(np.random.SFC64(sequence))

    def policy(self, chunk: int) -> Random:
        """The generator of the event engine's policies."""
        return Random(f"{self.seed}/{chunk}")
