"""What the real stack can play, and when a measurement contradicts a prediction."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.core.simulation.run import Effort, predict
from devenv.core.simulation.setting import Setting
from devenv.harness.client.session_load import NOT_OPENED, Played
from devenv.verbs.simulate.calibrate import calibration, playable, script, spec_of
from devenv.verbs.simulate.fields import setting_of
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


def test_a_stack_that_opens_nothing_proves_nothing() -> None:
    with pytest.raises(Inconclusive, match="none of 5"):
        calibration(HALF, Played(5, 5, {NOT_OPENED: 5}, 0.0, 0.0), "here")


@pytest.mark.parametrize(
    ("name", "text"),
    [("policy", "nginx"), ("pods", "30"), ("rule", "mark"), ("ttl", "1500ms"), ("lookups", "3"),
     ("crash-every", "1m"), ("resize", "pods=3"), ("retries", "1"), ("double-clicks", "1%"),
     ("types", "imagegrid=1"), ("keep-alive", "1s"), ("new-connections", "1%"), ("outage", "forgets=all")],
)  # fmt: skip
def test_what_cannot_be_played_is_refused_with_the_field(name: str, text: str) -> None:
    with pytest.raises(UsageProblem, match=f"--against-real: {name}"):
        playable(setting_of({name: text}))


def test_the_stack_has_the_settings_flags_and_ttl() -> None:
    spec = spec_of(setting_of({"pods": "3", "redis-pods": "2", "ttl": "20s", "workers": "4"}))
    flags = [spec.settings_of(pod)["USE_REDIS"] for pod in spec.pod_names]
    assert flags == ["true", "true", "false"]
    assert spec.settings_of(spec.pod_names[0])["CAPTCHA_TTL"] == "20"
    assert spec.workers == 4


def test_a_script_has_the_settings_rate_and_thinking_times() -> None:
    setting = setting_of({"rate": "50", "think": "uniform:1s-3s", "lookups": "2"})
    sessions = script(setting, 5000, 1)
    assert sessions[-1].opens == pytest.approx(100, rel=0.1)
    assert all(len(session.pauses) == 2 and min(session.pauses) >= 1 for session in sessions)
    assert sessions == script(setting, 5000, 1)
