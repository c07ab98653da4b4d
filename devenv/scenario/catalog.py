"""The scenarios that are shipped, in ``devenv/scenarios/catalog``."""

from __future__ import annotations

from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from devenv.core.errors import UsageProblem
from devenv.scenario.model import Scenario
from devenv.scenario.parse import parse


@cache
def catalogue() -> tuple[Scenario, ...]:
    """Every shipped scenario, by id."""
    folder = files("devenv").joinpath("scenarios", "catalog")
    texts = {
        item.name: item.read_text(encoding="utf-8")
        for item in folder.iterdir()
        if item.name.endswith(".yaml")
    }
    return tuple(sorted((parse(text, name) for name, text in texts.items()), key=lambda it: it.id))


def find(name: str) -> Scenario:
    """The shipped scenario called ``name``; UsageProblem with the nearest names where there is none."""
    for scenario in catalogue():
        if scenario.id == name:
            return scenario
    ids = [scenario.id for scenario in catalogue()]
    near = get_close_matches(name, ids, n=3, cutoff=0.5)
    hint = f"did you mean {' or '.join(near)}?" if near else "'devenv scenarios' lists them"
    raise UsageProblem(f"no scenario {name!r}", hint=hint)
