"""``devenv simulate --against-real`` on a real stack: a prediction holds, and a wrong one does not."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

from devenv.core.simulation.run import Effort, predict
from devenv.core.simulation.setting import Setting
from devenv.core.simulation.thinking import Thinking
from devenv.harness.client.session_load import play_sessions
from devenv.verbs.operate.select import fresh_stack
from devenv.verbs.simulate.calibrate import calibrate, calibration
from devenv.verbs.simulate.fields import setting_of
from devenv.verbs.simulate.randomness import Seeded
from devenv.verbs.simulate.real_setting import script, spec_of

MIXED = Setting(policy="random", redis_pods=1, rate=60, thinking=Thinking.parse("uniform:0.1s-0.6s"))


def test_mixed_flags_lose_what_is_predicted_and_not_what_another_policy_would(tmp_path: Path) -> None:
    with fresh_stack("embedded", tmp_path, spec_of(MIXED), lambda text: None) as stack:
        sessions = script(MIXED, 400, 2)
        played = asyncio.run(play_sessions(stack.endpoints().traffic, sessions, keep_alive=True))
    assert played.sessions == 400
    assert set(played.endings) == {"", "not_found"}
    prediction = predict(MIXED, Seeded(2), Effort(20_000))
    assert calibration(prediction, played, "the stack").exit_code == 0
    sticky = predict(replace(MIXED, policy="cookie-sticky"), Seeded(2), Effort(20_000))
    assert calibration(sticky, played, "the stack").exit_code == 1


def test_pods_in_a_migration_behind_a_real_nginx_lose_what_is_predicted(tmp_path: Path) -> None:
    fields = {"pods": "3", "policy": "nginx", "redis-pods": "1", "rule": "mark", "rate": "60"}
    setting = setting_of({**fields, "think": "uniform:0.1s-0.6s", "types": "abstract=0.5,imagegrid=0.5"})
    done = calibrate(setting, 300, 3, "embedded", tmp_path, lambda text: None)
    assert done.exit_code == 0, done.to_json()
    assert set(done.played.endings) == {"", "not_found"}
    assert 0.3 < done.measured.value < 0.6, "births of two of three pods are in memory: 4 of 9 are lost"
    assert done.where == "the embedded stack behind nginx:round_robin,max_fails=0"


def test_pods_that_are_added_lose_what_is_predicted(tmp_path: Path) -> None:
    fields = {"policy": "random", "resize": "at=2s,pods=4", "rate": "60", "think": "uniform:0.1s-0.6s"}
    done = calibrate(setting_of(fields), 400, 3, "embedded", tmp_path, lambda text: None)
    assert done.exit_code == 0, done.to_json()
    resize = done.prediction.setting.resize
    assert resize is not None
    assert resize.moment > 2, "when the pods served, not when they were asked for"


def test_pods_that_crash_are_predicted_at_the_moments_at_which_they_did(tmp_path: Path) -> None:
    fields = {"policy": "cookie-sticky", "crash-every": "3s", "rate": "20", "think": "uniform:0.1s-0.6s"}
    done = calibrate(setting_of(fields), 120, 3, "embedded", tmp_path, lambda text: None)
    restarts = done.prediction.setting.restarts
    assert restarts
    assert all(restart.start < restart.back for restart in restarts)
    assert done.prediction.setting.crash_every == 0
    assert done.played.endings["not_found"] > 0


def test_workers_behind_a_balancer_are_predicted_with_the_connections_that_each_accepted(
    tmp_path: Path,
) -> None:
    fields = {"pods": "1", "policy": "nginx", "workers": "3", "upstream": "new", "rate": "60"}
    done = calibrate(
        setting_of({**fields, "think": "uniform:0.1s-0.4s"}), 400, 3, "embedded", tmp_path, print
    )
    shares = done.prediction.setting.worker_shares
    assert len(done.prediction.setting.accepts) == 3, "all processes were seen"
    assert list(shares) == sorted(shares, reverse=True)
    assert done.exit_code == 0, done.to_json()
    assert abs(done.measured.value - (1 - sum(share**2 for share in shares))) < 0.1
