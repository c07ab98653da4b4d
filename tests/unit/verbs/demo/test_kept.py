"""Which part of a demo's trace is explained: the acts that did not go as they must, and no other."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from devenv.core.model.events import Exchange, StackEvent, TraceEvent
from devenv.core.model.vocabulary import Strategy
from devenv.harness.client.recording import Recording
from devenv.verbs.demo.acts import Act, Story
from devenv.verbs.demo.kept import explain_surprises

A, B = "captcha-api-a", "captcha-api-b"


def pod(time: float, flag: str) -> list[TraceEvent]:
    return [StackEvent(time, "pod", name, {"USE_REDIS": flag}) for name in (A, B)]


def lost(seq: int, started: float) -> list[TraceEvent]:
    """A challenge made on A that B does not know."""
    challenge_id = f"{seq:032x}"
    made = json.dumps({"challenge_id": challenge_id, "images": []})
    asked = json.dumps({"challenge_id": challenge_id, "selections": [1]})
    body_text = json.dumps({"success": False, "message": "Challenge not found"})
    return [
        Exchange(
            seq, f"r{seq}", "c", "POST", "/api/abstract-captcha", "p", A, 200, started, 5.0, None, None, made
        ),
        Exchange(
            seq + 1, f"r{seq + 1}", "c", "POST", "/api/abstract-verify", "p", B, 200, started + 1.0, 5.0,
            None, asked, body_text,
        ),
    ]  # fmt: skip


TRACE = [*pod(0.0, "false"), *lost(1, 1.0), *pod(10.0, "true"), *lost(3, 11.0), *lost(5, 21.0)]


def story(*surprised: bool) -> Story:
    acts = tuple(
        Act(number > 0, Strategy.GUIDE, {}, (), (), ("surprise",) if bad else (), None, ended)
        for (number, bad), ended in zip(enumerate(surprised), (9.0, 19.0, 29.0), strict=True)
    )
    return Story("embedded", (A, B), 1, 1, acts, "redis", "7", 1.0, 5.0, Recording())


@pytest.mark.parametrize(
    ("surprised", "answers"),
    [
        ((True, False, False), 1),
        ((False, True, False), 1),
        ((False, False, True), 1),
        ((True, False, True), 2),
    ],
)
def test_only_the_acts_with_surprises_are_explained(surprised: Sequence[bool], answers: int) -> None:
    explanation = explain_surprises(story(*surprised), TRACE, "run")
    assert explanation is not None
    assert explanation.summary.startswith(f"{answers} challenge")
    causes = {group.cause for group in explanation.groups}
    assert ("pod-memory" in causes) is surprised[0]  # the later ones happened with Redis


def test_nothing_is_explained_where_all_went_as_it_must() -> None:
    assert explain_surprises(story(False, False, False), TRACE) is None
