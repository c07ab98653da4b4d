"""Readers of foreign text are linear: steps are counted, not seconds, which benchmarks/hostile.py measures.

A step is a call, of Python or of C. What a regular expression does inside one call is not counted: what made
one slow is tried at a length at which it would take hours.
"""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import pytest

from devenv.core.model.errors import DevenvError
from tests.hostile import LIMITED, READERS, SHAPES
from tests.hostile_files import FILES
from tests.support import calls

SHORT = 1000
SHORT_FILE = 15_000
"""Several dozen entries, commands, lines or directives."""
GROWTH = 2.3
"""Twice the length is at most so many times the steps; the rest is what every reading costs."""


def read(reader: str, text: str) -> None:
    """Read, or refuse; any other error is one."""
    with suppress(DevenvError):
        READERS[reader](text)


@pytest.mark.parametrize("reader", [name for name in READERS if name not in LIMITED])
def test_twice_the_text_is_at_most_twice_the_steps(reader: str) -> None:
    for shape, make in SHAPES.items():
        # What is imported the first time is no step. The text is another one, as a reader may remember texts.
        read(reader, make(SHORT // 2))
        short, long = (calls(partial(read, reader, make(size))) for size in (SHORT, 2 * SHORT))
        assert long <= GROWTH * short + 500, f"{shape}: {short} and {long} steps"


@pytest.mark.parametrize("file", FILES)
def test_twice_the_file_is_at_most_twice_the_steps(file: str) -> None:
    def steps(size: int) -> int:
        read, make = FILES[file]
        text = make(size)

        def read_or_refuse() -> None:
            with suppress(DevenvError):
                read(text)

        return calls(read_or_refuse)

    steps(SHORT_FILE // 2)  # what is imported the first time is no step
    short, long = steps(SHORT_FILE), steps(2 * SHORT_FILE)
    assert long <= GROWTH * short + 500, f"{short} and {long} steps"


SLOW_ONCE = (
    ("log", "[a, "),
    ("log, rest", '\\"'),
    ("log, haproxy", " a:1 ["),
    ("log, JSON", "1"),
    ("form", "a"),
    (".env value", "a"),
    ("multipart part", ' name="'),
    ("curl", "$'\\a"),
    ("curl", " name="),
    ("redaction", "{captured:"),
    ("redaction, form", "\\"),
    ("redaction, path", "-"),
)
"""Readers, and what was repeated in a text that cost each minutes or hours for a megabyte."""


@pytest.mark.parametrize(("reader", "unit"), SLOW_ONCE)
def test_a_text_that_took_hours_is_read(reader: str, unit: str) -> None:
    read(reader, unit * (500_000 // len(unit)) + ("<" if reader == "form" else ""))


@pytest.mark.parametrize("reader", LIMITED)
@pytest.mark.parametrize("shape", ["open brackets", "dotted words", "empty lines"])
def test_what_is_longer_than_its_limit_is_refused_at_once(reader: str, shape: str) -> None:
    text = SHAPES[shape](LIMITED[reader] + 1)
    assert calls(partial(read, reader, text)) < 200
