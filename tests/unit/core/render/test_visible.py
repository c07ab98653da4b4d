"""Foreign text is visible, bounded, one line where one line is meant; and files that hold it say the same."""

from __future__ import annotations

import json
import tomllib
import unicodedata

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.kubernetes import to_yaml
from devenv.core.render.visible import (
    LONGEST_LINE,
    is_visible,
    json_text,
    lines,
    markdown,
    markdown_block,
    markdown_code,
    one_line,
    quoted,
    toml_string,
    visible,
)
from devenv.core.scenario.writer import reads_back, scenario_yaml

NUMBER_SIGNS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Format characters that have a picture (Unicode 15, Prepended_Concatenation_Mark)."""
any_text = st.text(st.characters(), max_size=60)
no_surrogates = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def test_every_character_without_a_picture_is_escaped() -> None:
    hidden = [
        chr(code)
        for code in range(0x110000)
        if unicodedata.category(chr(code)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and chr(code) not in "\n\t" + NUMBER_SIGNS
    ]
    assert [character for character in hidden if is_visible(character)] == []
    assert len(hidden) > 2200


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred\x07", "\\x1b[31mred\\x07"),
        ("a\rb\x7f\x9b2J", "a\\rb\\x7f\\x9b2J"),
        ("\u202etxt.exe\u2069", "\\u202etxt.exe\\u2069"),
        ("ad\u200bmin \u3164", "ad\\u200bmin \\u3164"),
        ("\U000e0041", "\\U000e0041"),
        ("one\n\ttwo", "one\n\ttwo"),
        ("사과 🍎 é ß ⚠️ «x» 한", "사과 🍎 é ß ⚠️ «x» 한"),
        ("a\ufe0f", "a\\ufe0f"),
        ("Z" + "\u0301" * 6, "Z" + "\u0301" * 4 + "\\u0301" * 2),
    ],
)
def test_what_is_not_visible_becomes_so(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_one_line_is_one_and_bounded() -> None:
    assert one_line("a\nb\tc\r") == "a\\nb\\tc\\r"
    assert one_line("x" * (LONGEST_LINE + 7)) == "x" * LONGEST_LINE + "… (7 characters more)"
    assert lines("a\n\x1b\n") == ["a", "\\x1b", ""]
    assert quoted('re"dis\x1b[0m' + "x" * 99) == '"re\\"dis\\x1b[0m' + "x" * 13 + '…"'


@given(any_text)
def test_shown_twice_is_shown_once(text: str) -> None:
    for show in (visible, one_line):
        assert is_visible(show(text))
        assert show(show(text)) == show(text)
    assert "\n" not in one_line(text)
    assert "\n" not in markdown(text)
    assert "\n" not in markdown_code(text)


@given(any_text)
def test_json_says_the_same_and_is_visible(text: str) -> None:
    written = json_text({text: [text]})
    assert is_visible(written)
    # Two halves that stand beside each other are one character to every reader of JSON.
    assert json.loads(written) == json.loads(json.dumps({text: [text]}))


@given(no_surrogates)
def test_toml_and_yaml_say_the_same_and_are_visible(text: str) -> None:
    written = f"a = {toml_string(text)}"
    assert is_visible(written)
    assert tomllib.loads(written) == {"a": text}
    data = {"id": "x", "title": text, "steps": [{text or "k": text}]}
    file = scenario_yaml(data)
    assert is_visible(file)
    assert reads_back(file, data)
    manifest = {"kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"A": text}}
    file = to_yaml([manifest], [text])
    assert is_visible(file)
    assert yaml.safe_load(file) == manifest


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("# a title", "\\# a title"),
        ("- [x](http://evil.example)", "\\- \\[x\\](http:\\//evil.example)"),
        ("<img src=x> | `code`", "\\<img src=x\\> \\| \\`code\\`"),
        ("**b** _i_ &amp; ~~s~~", "\\*\\*b\\*\\* \\_i\\_ \\&amp; \\~\\~s\\~\\~"),
        ("1. item\n# next", "1\\. item\\\\n# next"),
        ("www.evil.example", "www\\.evil.example"),
        ("POST /api/abstract-verify: 200", "POST /api/abstract-verify: 200"),
    ],
)  # fmt: skip
def test_markdown_has_no_markup_of_somebody_else(text: str, escaped: str) -> None:
    assert markdown(text) == escaped


def test_code_cannot_end_its_own_fence() -> None:
    assert markdown_code("a`b``c|d") == "``` a`b``c\\|d ```"
    assert markdown_code("plain") == "`plain`"
    assert markdown_block("x\n````\ny") == ["`````", "x", "````", "y", "`````"]
