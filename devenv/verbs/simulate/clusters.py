"""Where the settings of a sweep are played: in this process, or on a cluster of Dask or Ray.

A cell is its fields, the seed and the effort, so any machine gives the same numbers for it.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from importlib import import_module
from typing import Any

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.simulation.run import Effort, Prediction, predict
from devenv.core.simulation.tally import Tally
from devenv.core.simulation.thinking import Thinking
from devenv.verbs.simulate.fields import setting_of
from devenv.verbs.simulate.randomness import Seeded

_CONNECT_SECONDS = 10


class ClusterName(StrEnum):
    """The clusters that a sweep can be handed to."""

    DASK = "dask"
    RAY = "ray"


@dataclass(frozen=True, slots=True)
class Cell:
    """One setting of a sweep."""

    texts: dict[str, str]
    """Its fields."""
    thinking: Thinking | None
    """In the place of ``think``, where the times were measured."""
    seed: int
    effort: Effort


def play(cell: Cell, progress: Callable[[Tally], None] = lambda tally: None) -> Prediction:
    """Play one cell; ``progress`` is given the counts after each chunk."""
    return predict(setting_of(cell.texts, cell.thinking), Seeded(cell.seed), cell.effort, progress)


def played_on(name: ClusterName, address: str, cells: Sequence[Cell]) -> Iterator[Prediction]:
    """Play the cells on a cluster that runs at ``address``; results in the order of the cells.

    devenv must be installed on its workers. Raises UsageProblem without an address, EnvironmentProblem where
    the library is missing or the cluster does not answer.
    """
    if not address:
        example = "tcp://HOST:8786" if name is ClusterName.DASK else "HOST:6379"
        raise UsageProblem(f"--engine {name}: --cluster is missing", hint=f"write --cluster {example}")
    return (_on_dask if name is ClusterName.DASK else _on_ray)(address, cells)


def _on_dask(address: str, cells: Sequence[Cell]) -> Iterator[Prediction]:
    distributed = _library("distributed", ClusterName.DASK)
    try:
        client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise _no_answer(ClusterName.DASK, address, error) from error
    with client:
        futures = client.map(play, cells, pure=False)
        for future in futures:
            yield future.result()


def _on_ray(address: str, cells: Sequence[Cell]) -> Iterator[Prediction]:
    ray = _library("ray", ClusterName.RAY)
    try:
        _connect(address)
        ray.init(address=address, log_to_driver=False, logging_level="ERROR")
    except (ConnectionError, OSError, ValueError) as error:
        raise _no_answer(ClusterName.RAY, address, error) from error
    try:
        remote = ray.remote(play)
        for reference in [remote.remote(cell) for cell in cells]:
            yield ray.get(reference)
    finally:
        ray.shutdown()


def _connect(address: str) -> None:
    """Raise OSError where nothing listens at HOST:PORT: Ray 2.60 itself asks for minutes."""
    host, _, port = address.rpartition(":")
    if port.isdecimal() and "/" not in host:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS):
            pass


def _library(module: str, extra: ClusterName) -> Any:
    try:
        return import_module(module)
    except ImportError as error:
        raise EnvironmentProblem(
            f"--engine {extra} needs the package {module}: {error}", hint=f"pip install 'devenv[{extra}]'"
        ) from error


def _no_answer(name: ClusterName, address: str, error: Exception) -> EnvironmentProblem:
    return EnvironmentProblem(
        f"--engine {name}: no cluster answers at {address}: {error or type(error).__name__}",
        hint="start one (dask scheduler, ray start --head), or leave out --engine",
    )
