"""Which pods there are after a number, or after one is added or removed."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.pod_numbers import changed_pods, numbered
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import MAX_PODS, pod_names, pod_place


def letters(pods: tuple[str, ...]) -> str:
    return "".join(pod[-1] for pod in pods)


def full(word: str) -> tuple[str, ...]:
    return tuple(f"captcha-api-{letter}" for letter in word)


@pytest.mark.parametrize(
    ("present", "words", "after"),
    [
        ("ab", ["4"], "abcd"),
        ("abcd", ["2"], "ab"),
        ("ab", ["+2"], "abcd"),
        ("abc", ["-1"], "ab"),
        ("ab", ["-a"], "b"),
        ("b", ["+1"], "ab"),
        ("b", ["+D"], "bd"),
        ("ab", ["+captcha-api-z"], "abz"),
        ("abz", ["+1"], "abcz"),
        ("abz", ["-1"], "ab"),
        ("ab", ["+c", "-a"], "bc"),
        ("ab", ["2"], "ab"),
    ],
)
def test_each_word_changes_the_pods(present: str, words: list[str], after: str) -> None:
    assert letters(changed_pods(full(present), words)) == after


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("0", "0 pods: a stack has 1 to 26"),
        ("27", "27 pods: a stack has 1 to 26"),
        ("+25", "27 pods"),
        ("-2", "0 pods"),
        ("+a", "captcha-api-a is there already"),
        ("-c", "captcha-api-c is not there"),
        ("c", "'c' does not say which pods"),
        ("+", "does not say"),
        ("+ä", "does not say"),
        ("two", "does not say"),
        ("²", "does not say"),
        ("", "does not say"),
    ],
)
def test_another_word_is_one_message(word: str, message: str) -> None:
    with pytest.raises(UsageProblem, match=message):
        changed_pods(full("ab"), [word])


def test_the_only_pod_stays() -> None:
    with pytest.raises(UsageProblem, match="captcha-api-b is the only pod"):
        changed_pods(full("b"), ["-b"])


def test_every_number_can_be_reached_and_read_back() -> None:
    for count in range(1, MAX_PODS + 1):
        assert numbered(full("ab"), count) == pod_names(count)
    assert [pod_place(pod) for pod in pod_names(MAX_PODS)] == list(range(MAX_PODS))


@pytest.mark.parametrize("present", ["a", "b", "bz", "acd", "xyz", "abc"])
def test_a_spec_has_any_pods_and_reads_back(present: str) -> None:
    spec = StackSpec(pod_env={"captcha-api-a": {"X": "1"}}).with_pods(full(present))
    assert (letters(spec.pod_names), spec.pods) == (present, len(present))
    assert ("captcha-api-a" in spec.pod_env) == ("a" in present)
    assert StackSpec.from_json(spec.to_json()) == spec
