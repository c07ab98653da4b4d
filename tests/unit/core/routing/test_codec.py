"""Policies as text: every one reads back, and a mistake is named with what to write."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import pod_names
from devenv.core.routing.codec import MAX_WEIGHT, POLICIES, parse_policy

PODS = pod_names(2)
ARGUMENTS = {"weighted": "a=3,b=1", "pinned": "b", "cohort": "a=off,b=on,new=on"}


@pytest.mark.parametrize("name", POLICIES)
def test_a_policy_s_text_reads_back(name: str) -> None:
    policy = parse_policy(f"{name}:{ARGUMENTS[name]}" if name in ARGUMENTS else name, PODS)
    again = parse_policy(policy.text, PODS)
    assert type(again) is type(policy)
    assert (again.text, again.pin) == (policy.text, policy.pin)
    assert policy.text.partition(":")[0] == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fastest", "unknown policy 'fastest'"),
        ("random:a", "policy random takes no argument, got 'random:a'"),
        ("pinned", "policy pinned needs a pod"),
        ("pinned:c", "unknown pod 'c'"),
        ("weighted", "policy weighted needs weights"),
        ("weighted:a", "weight 'a' is not POD=WHOLE NUMBER"),
        ("weighted:a=-1", "weight 'a=-1' is not POD=WHOLE NUMBER"),
        ("weighted:a=1,captcha-api-a=2", "pod captcha-api-a has two weights"),
        (f"weighted:a={MAX_WEIGHT + 1}", f"weight {MAX_WEIGHT + 1} of captcha-api-a is above {MAX_WEIGHT}"),
        ("weighted:a=0,b=0", "at least one pod needs a weight above 0"),
        ("cohort:a=off", "policy cohort names no group for captcha-api-b"),
        ("cohort:a=off,b=on,new=x", "no pod is in the group 'x', which would get new sessions"),
        ("cohort:a=off,b=on,a=on", "pod captcha-api-a has two groups"),
        ("cohort:a=,b=on", "cohort 'a=' is not POD=GROUP"),
    ],
)
def test_mistakes(text: str, message: str) -> None:
    with pytest.raises(UsageProblem) as problem:
        parse_policy(text, PODS)
    assert problem.value.message == message
    assert problem.value.hint
