"""When a measurement contradicts a prediction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.errors import Inconclusive
from devenv.core.simulation.run import Effort, predict
from devenv.core.simulation.setting import Setting
from devenv.harness.client.session_load import NOT_OPENED, Played
from devenv.verbs.simulate.calibrate import calibration
from devenv.verbs.simulate.randomness import Seeded

HALF = predict(Setting(policy="random"), Seeded(1), Effort(10_000))


def measured(lost: int, sessions: int) -> Played:
    return Played(sessions, lost, {"": sessions - lost, "not_found": lost}, 0.0, 0.01)


@pytest.mark.parametrize(
    ("lost", "sessions", "code"), [(1010, 2000, 0), (900, 2000, 1), (1120, 2000, 1), (50, 100, 3)]
)
def test_exit_codes(lost: int, sessions: int, code: int) -> None:
    done = calibration(HALF, measured(lost, sessions), "here")
    assert done.exit_code == code
    assert done.to_json()["verdict"] == {0: "holds", 1: "fails", 3: "inconclusive"}[code]


def test_a_busy_machine_contradicts_nothing_and_may_still_agree() -> None:
    for lost, verdict in ((900, "inconclusive"), (1010, "holds")):
        late = replace(measured(lost, 2000), late=1.5)
        assert calibration(HALF, late, "here").to_json()["verdict"] == verdict


def test_a_stack_that_opens_nothing_proves_nothing() -> None:
    with pytest.raises(Inconclusive, match="none of 5"):
        calibration(HALF, Played(5, 5, {NOT_OPENED: 5}, 0.0, 0.0), "here")
