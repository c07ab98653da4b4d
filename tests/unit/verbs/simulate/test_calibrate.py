"""When a measurement contradicts a prediction."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.errors import Inconclusive
from devenv.core.simulation.intervals import Share
from devenv.core.simulation.run import Effort, predict
from devenv.core.simulation.setting import Setting
from devenv.core.simulation.thinking import Thinking
from devenv.harness.client.session_load import NOT_OPENED, Played
from devenv.verbs.simulate import calibrate
from devenv.verbs.simulate.calibrate import calibration, predicted
from devenv.verbs.simulate.randomness import Seeded

HALF = predict(Setting(policy="random"), Seeded(1), Effort(10_000))


def measured(lost: int, sessions: int) -> Played:
    return Played(sessions, lost, {"": sessions - lost, "not_found": lost}, 0.0, 0.0, 0.01)


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


WORKERS = Setting(workers=4, rate=20, thinking=Thinking.parse("uniform:0.2s-1.5s"), policy="cookie-sticky")


def test_of_kept_connections_to_several_workers_no_more_is_told_than_is_known() -> None:
    """One worker may accept all connections, or each as many: what lies between contradicts nothing."""
    bounds = Share(0.25, 0.24, 0.26), Share(0.6, 0.59, 0.61)
    done = calibration(HALF, measured(700, 2000), "here", bounds)
    assert (done.exit_code, "which worker accepts" in done.reason) == (3, True)
    assert done.to_json()["reason"] == done.reason
    for lost, code in ((1010, 0), (350, 1), (1150, 3), (1300, 1)):
        assert calibration(HALF, measured(lost, 2000), "here", bounds).exit_code == code


def test_a_prediction_of_kept_connections_is_of_runs_as_long_and_their_spread_widens_the_interval(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(calibrate, "EVENT_SESSIONS", 6000)
    played = measured(60, 300)
    prediction = predicted(WORKERS, played, 1, [0.02] * 50 + [0.004] * 550)
    assert {sessions for _, sessions in prediction.tally.batches[:-1]} == {300}
    alone = calibration(HALF, played, "here").measured.half_width
    assert calibration(prediction, played, "here").measured.half_width > 1.2 * alone


def test_a_stack_that_opens_nothing_proves_nothing() -> None:
    with pytest.raises(Inconclusive, match="none of 5"):
        calibration(HALF, Played(5, 5, {NOT_OPENED: 5}, 0.0, 0.0, 0.0), "here")
