"""What a scenario needs of a user-provided service."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ANSWER, ID, Kind, Request
from devenv.core.scenario import find
from devenv.core.scenario.needs import check_paths, check_profile, paths

KIND = Kind(Request("/new"), Request("/use", body={"id": ID, "sum": ANSWER}), answers={"wrong": 1})
PROFILE = replace(CAPTCHA, kinds={"sum": KIND}, oracle="")


def test_what_is_there_is_enough() -> None:
    check_profile(find("lost-session"), PROFILE)
    check_profile(find("pod-memory"), CAPTCHA)


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        ("double-success", "double-success:22 needs an answer to sum that is right, and none is known"),
        ("pod-memory-abstract", "pod-memory-abstract needs sessions of type 'abstract', and the service has"),
    ],
)
def test_what_is_missing_is_named(scenario: str, reason: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        check_profile(find(scenario), PROFILE)
    assert caught.value.message.startswith(reason)


def test_a_use_without_an_answer_is_always_the_same() -> None:
    plain = Kind(Request("/new"), Request("/use", body={"id": ID}))
    with_wrong = replace(PROFILE, kinds={"plain": plain})
    assert (with_wrong.knows(plain, "wrong"), with_wrong.knows(plain, "right")) == (True, False)
    never_wrong = replace(with_wrong, wrong=())
    assert never_wrong.knows(plain, "right")


@pytest.mark.parametrize(
    ("status", "missing"), [(200, False), (503, False), (None, False), (404, True), (405, True)]
)
def test_paths(status: int | None, missing: bool) -> None:
    scenario = find("wrong-password")
    assert paths(scenario) == ("/ready",)
    if not missing:
        check_paths(scenario, {"/ready": status})
        return
    with pytest.raises(UsageProblem, match=rf"wrong-password needs GET /ready, .* answers HTTP {status}"):
        check_paths(scenario, {"/ready": status})
