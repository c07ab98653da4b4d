"""The boundary around a reader of foreign text: what such text makes Python raise becomes one refusal.

Python refuses integers of more than 4,300 digits (ValueError), recursion that is too deep (RecursionError),
numbers that no float holds (OverflowError), bytes that are no text (UnicodeError), addresses with an open
bracket (ValueError). No reader can name each of them at each place; a boundary names the place for all.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from devenv.core.model.errors import UsageProblem

MOST_LEVELS = 200
"""Lists and objects inside each other: what reads them afterwards is recursive too."""


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn what the block's text makes it raise into UsageProblem; ``where`` is file and line, or entry."""
    try:
        yield
    except REFUSED as error:
        raise refusal(where, error) from error


REFUSED = (RecursionError, ValueError, ArithmeticError)
"""What foreign text makes Python raise."""


def refusal(where: str, error: Exception) -> UsageProblem:
    """What ``reading`` raises where a text raised one of ``REFUSED``, for a loop over many lines."""
    reason = "nested too deeply" if isinstance(error, RecursionError) else _reason(error)
    return UsageProblem(f"{where}: cannot be read: {reason}")


def read_json(text: str) -> Any:
    """The JSON value in ``text``. ValueError (json.JSONDecodeError with the place) where it is none.

    A value nested deeper than ``MOST_LEVELS`` is none that devenv reads.
    """
    try:
        value = _decoded(text)
    except RecursionError:
        raise ValueError(TOO_DEEP) from None
    check_depth(value, text)
    return value


_DECODER = json.JSONDecoder()


def _decoded(text: str) -> Any:
    """As ``json.loads``, at half its cost for a text without space around the value."""
    try:
        value, end = _DECODER.raw_decode(text)
    except json.JSONDecodeError:  # space before the value, or no value
        return json.loads(text)
    return value if end == len(text) else json.loads(text)


def check_depth(value: Any, text: str) -> None:
    """Raise ValueError where a JSON value is nested deeper than ``MOST_LEVELS``; ``text`` is what says it."""
    if len(text) <= 2 * MOST_LEVELS or text.count("{") + text.count("[") <= MOST_LEVELS:
        return  # a level is at least two characters
    level, depth = [value], 0
    while level := [item for each in level for item in _inside(each)]:
        depth += 1
        if depth > MOST_LEVELS:
            raise ValueError(TOO_DEEP)


TOO_DEEP = f"nested deeper than {MOST_LEVELS} levels"


def _inside(value: Any) -> list[Any]:
    """The lists and objects in a value."""
    if isinstance(value, dict):
        return [item for item in value.values() if isinstance(item, dict | list)]
    return [item for item in value if isinstance(item, dict | list)] if isinstance(value, list) else []


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split())
    if "integer string conversion" in text:
        return "it has an integer of more than 4300 digits"
    return text[:200] or type(error).__name__
