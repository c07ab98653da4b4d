"""docs/simulation.md is what was measured, and every prediction in it holds."""

from __future__ import annotations

import json

import pytest

from devenv.verbs.simulate.fields import setting_of
from devenv.verbs.simulate.real_setting import playable
from tests.support import ROOT
from tools.simulation_page.page import PICTURES, command_of, render
from tools.simulation_page.settings import POINTS, SESSIONS, SETTINGS

DATA = json.loads((ROOT / "docs" / "simulation.json").read_text(encoding="utf-8"))


def test_the_page_is_made_of_the_data() -> None:
    assert (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8") == render(DATA)


def test_the_data_are_of_the_settings() -> None:
    assert [(row["name"], row["fields"]) for row in DATA["settings"]] == [
        (each.name, each.fields) for each in SETTINGS
    ]
    assert len(SETTINGS) == 12
    assert DATA["sessions"] == SESSIONS
    for each in SETTINGS:
        playable(setting_of(each.fields))


@pytest.mark.parametrize("row", DATA["settings"], ids=lambda row: row["name"])
def test_a_prediction_is_near_the_measurement(row: dict[str, float]) -> None:
    assert abs(row["predicted"] - row["measured"]) * 100 <= POINTS


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_and_its_command_names_its_file(name: str) -> None:
    assert (ROOT / "docs" / name).read_bytes().startswith(b"<?xml")
    assert command_of(name).endswith(f"--plot {name}")
