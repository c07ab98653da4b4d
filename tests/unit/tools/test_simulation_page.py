"""docs/simulation.md is what was measured, and every prediction in it holds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devenv.core.model.errors import Inconclusive
from devenv.core.simulation.run import Effort, predict
from devenv.core.simulation.setting import Setting
from devenv.harness.client.session_load import Played
from devenv.verbs.simulate.calibrate import Calibration, calibration
from devenv.verbs.simulate.fields import setting_of
from devenv.verbs.simulate.randomness import Seeded
from devenv.verbs.simulate.real_setting import playable
from tests.support import ROOT
from tools.simulation_page import measuring
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


class Machine:
    """Stands for calibrations: the latenesses of the attempts, one after the other."""

    def __init__(self, latenesses: list[float]) -> None:
        self._latenesses = iter(latenesses)
        self._prediction = predict(Setting(policy="random"), Seeded(1), Effort(5000))

    def __call__(self, *_: object) -> Calibration:
        played = Played(2000, 1000, {"": 1000, "not_found": 1000}, 9.0, next(self._latenesses), 0.01)
        return calibration(self._prediction, played, "here")


def test_a_row_of_late_sessions_is_played_again_and_never_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name, kept, lines = SETTINGS[0].name, list[object](), list[str]()
    monkeypatch.setattr(measuring, "calibrate", Machine([1.5, 0.2]))
    data = measuring.measure_all(tmp_path, lines.append, name, DATA, kept.append)
    assert data["settings"][0]["measured"] == 0.5
    assert data["settings"][1:] == DATA["settings"][1:]
    assert kept == [data]
    assert "too busy" in lines[0]
    monkeypatch.setattr(measuring, "calibrate", Machine([1.5] * measuring.ATTEMPTS))
    kept.clear()
    with pytest.raises(Inconclusive, match=rf"too busy .*: {name}$"):
        measuring.measure_all(tmp_path, lines.append, name, DATA, kept.append)
    assert kept == []
