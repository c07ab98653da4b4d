"""A scenario with its requests sent elsewhere."""

from __future__ import annotations

from devenv.core.scenario import Create, Verify, find
from devenv.core.scenario.pod_rotation import across, unpinned


def test_no_request_of_an_unpinned_scenario_names_its_pod() -> None:
    pinned = across(find("pod-memory"), 2)
    loose = unpinned(pinned)
    assert {step.pod for step in pinned.steps if isinstance(step, Create | Verify)} == {
        "captcha-api-a",
        "captcha-api-b",
    }
    assert {step.pod for step in loose.steps if isinstance(step, Create | Verify)} == {None}
    assert [type(step) for step in loose.steps] == [type(step) for step in pinned.steps]
