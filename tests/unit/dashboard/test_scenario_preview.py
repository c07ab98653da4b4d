"""The picture of a scenario before it is played: every scenario has one, with what its steps say."""

from __future__ import annotations

import pytest

from devenv.core.scenario import Scenario, catalogue, find
from devenv.dashboard.scenario_preview import sketch

A, B = "captcha-api-a", "captcha-api-b"


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.id)
def test_every_scenario_has_a_picture(scenario: Scenario) -> None:
    messages = sketch(scenario)
    ends = {end for message in messages for end in (message["source"], message["target"])}
    assert messages
    assert ends <= {"client", "proxy", "gate", "redis", *scenario.stack.pod_names}
    assert all(message["label"] for message in messages)


def test_steps_are_shown_where_they_happen() -> None:
    lines = [(m["source"], m["target"], m["label"], m["kind"]) for m in sketch(find("empty-bypass"))]
    assert lines == [
        ("client", A, "create alice", "request"),
        ("client", "client", "2 at the same time", "note"),
        ("client", A, "verify alice: right", "request"),
        ("client", B, "verify alice: wrong", "request"),
        ("client", B, "verify alice: empty", "request"),
    ]
