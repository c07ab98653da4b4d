"""A scenario written back as YAML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import yaml

from devenv.core.scenario.data import scenario_data
from devenv.core.scenario.model import Scenario
from devenv.core.scenario.step_texts import LINE_WIDTH, StepTexts, dumped

STEPS = "steps:\n"
"""What stands before the texts of the steps."""


def reads_back(text: str, data: Mapping[str, Any]) -> bool:
    """Whether a file that was written says what it is to say."""
    return bool(read_plain(text) == data)


def read_plain(text: str) -> Any:
    """The data of a file that was written here, read fast and without the places of what is in it."""
    return yaml.load(text, Loader=yaml.CSafeLoader) if yaml.__with_libyaml__ else yaml.safe_load(text)


def scenario_yaml(data: Mapping[str, Any]) -> str:
    """A scenario's data as its file, in which every character is visible."""
    steps = data.get("steps")
    if not isinstance(steps, list) or not steps or list(data)[-1] != "steps":
        return dumped(dict(data))
    return "".join([scenario_head(data), *map(StepTexts().text, steps)])


def scenario_head(data: Mapping[str, Any]) -> str:
    """A scenario's file up to its steps, which follow as ``StepTexts`` writes them."""
    return dumped({**data, "steps": []}).removesuffix("steps: []\n") + STEPS


def session_lines(kinds: Iterable[tuple[str, str]]) -> Iterator[str]:
    """The sessions of a scenario, as pairs of name and kind, piece by piece; at least one.

    Names and kinds are such as YAML writes without quotes. A line is broken as YAML's writers break it: where
    it is longer than ``LINE_WIDTH`` after a comma.
    """
    text, column = "sessions: {", len("sessions: {")
    for number, (name, kind) in enumerate(kinds):
        if number:
            text += ","
            column += 1
            if column > LINE_WIDTH:
                yield f"{text}\n"
                text, column = " ", 1
            text += " "
            column += 1
        pair = f"{name}: {kind}"
        text += pair
        column += len(pair)
    yield f"{text}}}\n"


def write_scenario(scenario: Scenario) -> str:
    """A scenario as the text of its file; ``parse`` reads it back, whatever ``source`` it has."""
    return scenario_yaml(scenario_data(scenario))
