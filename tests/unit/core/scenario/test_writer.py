"""A scenario written back: what is read is what was written, whichever library writes it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.scenario import catalogue
from devenv.core.scenario.step_texts import _Dumper
from devenv.core.scenario.writer import reads_back, scenario_head, scenario_yaml, session_lines

TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=126) | st.just("\n"), max_size=140)
LEAVES = TEXTS | st.integers() | st.booleans() | st.none() | st.floats(0, 1e6)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9 _-]{0,30}", fullmatch=True)
DATA = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4)
)


def slow(data: dict[str, Any]) -> str:
    text: str = yaml.dump(
        data, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    return text


@given(st.dictionaries(NAMES, DATA, max_size=5))
def test_the_fast_writer_writes_the_same(data: dict[str, Any]) -> None:
    text = scenario_yaml(data)
    assert text == slow(data)
    assert reads_back(text, data)


@given(st.dictionaries(st.text(max_size=200), st.text(), max_size=5))
def test_what_is_written_is_what_is_read(data: dict[str, Any]) -> None:
    assert reads_back(scenario_yaml(data), data)


@pytest.mark.parametrize("text", ["a\r\nb: ü", "👋\n", "\x1f", "tab\tbed", "…", "\u2028", " lead\n trail \n"])
def test_any_text_comes_back(text: str) -> None:
    assert yaml.safe_load(scenario_yaml({"about": text, "steps": [{"body": text}]})) == {
        "about": text,
        "steps": [{"body": text}],
    }


def test_the_catalogue_is_written_back() -> None:
    for scenario in catalogue():
        data = yaml.safe_load(scenario.source)
        assert yaml.safe_load(scenario_yaml(data)) == data


@pytest.mark.parametrize("kind", ["any", "abstract", "imagegrid", "handwriting"])
@pytest.mark.parametrize("count", [1, 8, 9, 10, 1100])
def test_sessions_are_written_piece_by_piece_as_whole(kind: str, count: int) -> None:
    sessions = {f"c{number}": kind for number in range(1, count + 1)}
    head = scenario_head({"title": "x", "sessions": sessions})
    assert head == f"title: x\n{''.join(session_lines(sessions.items()))}steps:\n"
