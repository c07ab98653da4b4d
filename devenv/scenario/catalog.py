"""The scenarios that are shipped: the failure catalogue, and those for services of other kinds."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from devenv.core.errors import UsageProblem
from devenv.scenario.model import Scenario
from devenv.scenario.parse import parse


@cache
def catalogue() -> tuple[Scenario, ...]:
    """Every scenario of the failure catalogue, by id: they are about the reference service and its stores."""
    return _folder("catalog")


@cache
def for_services() -> tuple[Scenario, ...]:
    """Every scenario for somebody's own service, by id: they need no right answer, or another profile."""
    return _folder("services")


def _folder(name: str) -> tuple[Scenario, ...]:
    folder = files("devenv").joinpath("scenarios", name)
    texts = {
        item.name: item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".yaml")
    }
    return tuple(sorted((parse(text, name) for name, text in texts.items()), key=lambda it: it.id))


def find(name: str) -> Scenario:
    """The shipped scenario called ``name``; UsageProblem with the nearest names where there is none."""
    shipped = (*for_services(), *catalogue())
    for scenario in shipped:
        if scenario.id == name:
            return scenario
    ids = [scenario.id for scenario in shipped]
    near = get_close_matches(name, ids, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "'devenv scenarios' lists them"
    raise UsageProblem(f"no scenario {name!r}", hint=hint)
