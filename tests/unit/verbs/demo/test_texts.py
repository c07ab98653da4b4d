from __future__ import annotations

from dataclasses import fields
from string import Formatter

import pytest

from devenv.core.scenario import find
from devenv.verbs.demo.race import SCENARIO
from devenv.verbs.demo.texts import ENGLISH, KOREAN, prose


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


@pytest.mark.parametrize("field", [field.name for field in fields(ENGLISH)])
def test_both_languages_say_every_text_with_the_same_numbers(field: str) -> None:
    english, korean = getattr(ENGLISH, field), getattr(KOREAN, field)
    assert type(english) is type(korean)
    if isinstance(english, str):
        assert korean
        assert placeholders(english) == placeholders(korean)
    elif field == "diagnoses":  # what is not there explain says itself, in English
        assert english == {}
        assert all(all(sentences) for sentences in korean.values())
    elif isinstance(english, dict):
        assert english.keys() == korean.keys()
        assert all(korean.values())
    elif field == "by_hand":
        assert [command for command, _ in english] == [command for command, _ in korean]


def test_the_demos_race_is_diagnosed_in_korean_too() -> None:
    assert find(SCENARIO).cause in KOREAN.diagnoses


def test_by_language() -> None:
    assert prose("ko") is KOREAN
    assert prose("en") is ENGLISH
