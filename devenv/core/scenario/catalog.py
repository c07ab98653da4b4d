"""The scenarios that are shipped: the failure catalogue, and those for services of other kinds."""

from __future__ import annotations

from dataclasses import replace
from difflib import get_close_matches
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from devenv.core.model.errors import UsageProblem
from devenv.core.scenario.model import Scenario
from devenv.core.scenario.parse import parse

CATALOG, SERVICES = _FOLDERS = ("catalog", "services")
SUFFIX = ".yaml"


@cache
def catalogue() -> tuple[Scenario, ...]:
    """Every scenario of the failure catalogue, by id: they are about the reference service and its stores."""
    return _folder(CATALOG)


@cache
def for_services() -> tuple[Scenario, ...]:
    """Every scenario for a user-provided service, by id: for any service, or for one of another profile."""
    return _folder(SERVICES)


def _folder(name: str) -> tuple[Scenario, ...]:
    return tuple(sorted(map(_shipped, _files(name)), key=lambda scenario: scenario.id))


def _shipped(item: Traversable) -> Scenario:
    return replace(parse(item.read_text(encoding="utf-8"), item.name), shipped=True)


def _files(folder: str) -> list[Traversable]:
    inside = files("devenv").joinpath("scenarios", folder)
    return [item for item in inside.iterdir() if item.name.endswith(SUFFIX)]


def find(name: str) -> Scenario:
    """The shipped scenario called ``name``; UsageProblem with the nearest names where there is none.

    A file is called as its scenario: only that one is read.
    """
    shipped = {item.name.removesuffix(SUFFIX): item for folder in _FOLDERS for item in _files(folder)}
    if name in shipped:
        return _shipped(shipped[name])
    near = get_close_matches(name, sorted(shipped), n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "'devenv scenarios' lists them"
    raise UsageProblem(f"no scenario {name!r}", hint=hint)
