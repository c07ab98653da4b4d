"""A HAR in pieces of any size is the same HAR, and what is wrong with it has the place that json names."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.har_stream import HarText

HAR = """{ "other": [1, {"log": 2}],
 "log": {"version": "1.2", "creator": {"name": "Chrome"}, "pages": [],
  "entries": [{"a": "\\u00e9\\"]}"},
 12.50, null,
   [[], {"b": "한글"}]],
  "comment": -1e3, "browser": {"name": "B"}}, "z": true}
"""


def pieces(text: str, size: int) -> Iterator[str]:
    """The text in pieces of so many characters."""
    return (text[begin : begin + size] for begin in range(0, len(text), size))


def read(text: str, size: int) -> object:
    """The entries and what the log says of itself, or the problem."""
    har = HarText(pieces(text, size), "x.har")
    try:
        return list(har.entries()), har.log
    except UsageProblem as problem:
        return problem.message


@pytest.mark.parametrize("size", [1, 2, 7, 50, 1000])
def test_pieces_of_any_size_are_one_text(size: int) -> None:
    log = json.loads(HAR)["log"]
    assert read(HAR, size) == (log["entries"], {"creator": {"name": "Chrome"}, "browser": {"name": "B"}})
    assert read('{"log": {"entries": []}}', size) == ([], {})


@pytest.mark.parametrize("size", [1, 13, 1000])
def test_a_broken_file_has_the_place_that_json_names(size: int) -> None:
    broken = [HAR[:end] for end in range(1, len(HAR) - 1)]
    broken += [
        HAR[:position] + character + HAR[position + 1 :]
        for position in range(len(HAR))
        for character in '"]x'
    ]
    compared = 0
    for text in broken:
        try:
            json.loads(text)
        except json.JSONDecodeError as error:
            if "trailing comma" in error.msg:
                continue  # Python 3.13 names the comma, and others what stands behind it
            place = f"x.har:{error.lineno}: not readable as JSON: "
            problem = read(text, size)
            assert isinstance(problem, str), text
            if problem == "x.har: this is no HAR file: log.entries is missing":
                continue  # the value before the broken place was no log already
            assert problem.startswith(place) and problem.endswith(f"(column {error.colno})"), (text, problem)
            compared += 1
    assert compared > 500


def test_what_is_no_har() -> None:
    for text in ("[]", "1", "{}", '{"log": 1}', '{"log": {}}', '{"log": {"entries": {}}}', '{"log": []}'):
        assert read(text, 3) == "x.har: this is no HAR file: log.entries is missing"


def test_what_was_read_is_not_kept() -> None:
    entry = json.dumps({"text": "x" * 10_000})
    text = f'{{"log": {{"entries": [{", ".join([entry] * 200)}]}}}}'
    har = HarText(pieces(text, 5000), "x.har")
    assert max(len(har._text) for _ in har.entries()) < 50_000
