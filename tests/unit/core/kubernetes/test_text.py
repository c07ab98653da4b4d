"""Manifests as text: every reader takes a text for a text, and every character is visible."""

from __future__ import annotations

import pytest
import yaml

from devenv.core.kubernetes.text import HEADER, file_name, to_yaml


@pytest.mark.parametrize(
    "value", ["true", "no", "12e3", "0x1f", "1_000", "null", "~", "1:20", "a: b", " a", "", "é"]
)
def test_a_text_stays_a_text(value: str) -> None:
    text = to_yaml([{"data": {"NAME": value}}])
    assert yaml.safe_load(text) == {"data": {"NAME": value}}
    assert yaml.load(text, Loader=yaml.BaseLoader) == {"data": {"NAME": value}}


def test_numbers_stay_numbers_and_what_is_not_visible_is_escaped() -> None:
    text = to_yaml([{"a": 1, "b": True, "c": "x\u202ey"}])
    assert yaml.safe_load(text) == {"a": 1, "b": True, "c": "x\u202ey"}
    assert "\u202e" not in text


def test_the_header_the_notes_and_the_order() -> None:
    text = to_yaml([{"b": 1, "a": 2}, {"c": 3}], ["one\nline", ""])
    assert text == f"{HEADER}\n# one\\nline\n#\nb: 1\na: 2\n---\nc: 3\n"


def test_the_file_of_an_object() -> None:
    assert (
        file_name({"kind": "Deployment", "metadata": {"name": "captcha-api"}})
        == "deployment-captcha-api.yaml"
    )
