"""The boundary of readers: one refusal for whatever foreign text makes Python raise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import MOST_LEVELS, read_json, reading


def _endless(value: int) -> int:
    return _endless(value + 1)


@pytest.mark.parametrize(
    ("work", "reason"),
    [
        (lambda: urlsplit("http://[::1/a"), "Invalid IPv6 URL"),
        (lambda: int("1" * 5000), "an integer of more than 4300 digits"),
        (lambda: float(10**400), "int too large to convert to float"),
        (lambda: _endless(0), "nested too deeply"),
        (lambda: "\ud800".encode(), "surrogates not allowed"),
        (lambda: json.loads("{"), "Expecting property name"),
    ],
)
def test_what_text_makes_python_raise_is_one_refusal_with_its_place(
    work: Callable[[], Any], reason: str
) -> None:
    with pytest.raises(UsageProblem) as caught, reading("a.har: entry 3"):
        work()
    assert caught.value.message.startswith("a.har: entry 3: cannot be read: ")
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


def test_a_fault_of_ours_stays_one() -> None:
    with pytest.raises(KeyError), reading("a.har"):
        _ = dict[str, str]()["a"]


def test_json_is_read_down_to_a_depth() -> None:
    def nested(levels: int) -> str:
        return '{"a": [' * (levels // 2) + "1" + "]}" * (levels // 2)

    assert read_json(nested(MOST_LEVELS)) == json.loads(nested(MOST_LEVELS))
    for levels in (MOST_LEVELS + 2, 900, 100_000):
        with pytest.raises(ValueError, match="nested deeper than"):
            read_json(nested(levels))
