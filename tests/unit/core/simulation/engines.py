"""What the tests of the simulation share: seeded numbers, and both engines on one setting."""

from __future__ import annotations

import math
from random import Random
from zlib import crc32

import numpy as np

from devenv.core.simulation.run import Effort, EngineName, Prediction, predict
from devenv.core.simulation.setting import Setting

Z = 4.0
"""Standard deviations: at a fixed seed a wrong formula is further away, and a right one is not."""


class Seeded:
    """All numbers of one seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def __call__(self, chunk: int, purpose: str) -> np.random.Generator:
        return np.random.default_rng([self._seed, chunk, crc32(purpose.encode())])

    def policy(self, chunk: int) -> Random:
        return Random(f"{self._seed}/{chunk}")


def by_vectors(setting: Setting, sessions: int = 100_000, seed: int = 7) -> Prediction:
    return predict(setting, Seeded(seed), Effort(sessions, engine=EngineName.VECTOR))


def by_events(setting: Setting, sessions: int = 8_000, seed: int = 7) -> Prediction:
    return predict(setting, Seeded(seed), Effort(sessions, engine=EngineName.EVENTS))


def near(expected: float, measured: float, trials: int, effect: float = 1.0) -> bool:
    """Whether a share of ``trials`` is within Z standard deviations of what is expected."""
    deviation = math.sqrt(max(expected * (1 - expected), 1e-6) * effect / trials)
    return abs(expected - measured) <= Z * deviation
