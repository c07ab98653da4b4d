"""The words that the project gave up: none of them comes back in code, help, errors or docs.

Every row is a word of the left column of the table "Names" (docs/glossary.md has the words that replaced
them). A use that is right is listed below with its reason; a listed use that is gone fails, too.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support import ROOT

PROSE = (
    r"nobody (?:is|was|knows|can)", r"of nobody", r"somebody's", r"whoever",
    r"lets? us in", r"arenas?", r"befall(?:en|s)?", r"befell", r"janitors?", r"doors?", r"on a leash",
    r"twins?", r"scratch", r"keepers?",
)  # fmt: skip
"""Banned in every line of code and pages, whatever its letters' case."""
NAMES = (
    "it", "told", "said", "wish", "wishes", "arena", "janitor", "befallen", "doors", "cid", "CID",
    "Wish", "ServiceWish", "StackWish", "Doors", "Room", "Crowded", "LetGo", "Met", "Suspect", "Befalling",
    "Happening", "Told", "Rest", "NoRest", "Finding", "Violation",
)  # fmt: skip
"""Banned as the name of a variable, parameter, field, function or class; also with underscores before it."""
EMPTY_NAMES = ("found", "own", "at")
"""Banned as the name of a variable, parameter or field, as it stands: each has a noun that says more."""

FOLDERS = ("devenv", "mock_ml", "scripts", "benchmarks", "tools", "docs")
NAMED_FOLDERS = ("tests",)
"""Only the names that a module gives are banned here: a test's texts may quote anything."""
PAGES = ("README.md", "CONTRIBUTING.md", "findings/README.md")
SUFFIXES = {".py", ".md", ".yaml", ".yml", ".html", ".js", ".lua", ".toml"}

ALLOWED: dict[tuple[str, str], str] = {
    ("devenv/core/checker/history.py", "told"): "the former name of a field, for invariants in users' files",
    ("devenv/core/diagnosis/steps.py", "at"): "the moment of a step, beside its other times",
    ("devenv/verbs/explain/explanation.py", "at"): "a field of the report in JSON",
    ("mock_ml/strokes.py", "at"): "the place of the pen on the sheet",
}
"""(file, word as it is matched, in small letters): why it stays."""


def files() -> Iterator[Path]:
    for folder in FOLDERS:
        for path in sorted(ROOT.joinpath(folder).rglob("*")):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                yield path
    yield from (ROOT / page for page in PAGES)


def banned_words(text: str) -> Iterator[tuple[int, str]]:
    """(line, word) for each word of ``PROSE`` in a text."""
    pattern = re.compile(rf"(?<![\w/.-])(?:{'|'.join(PROSE)})(?![\w-])", re.IGNORECASE)
    for number, line in enumerate(text.splitlines(), start=1):
        for match in pattern.finditer(line):
            yield number, match[0].lower()


def banned_names(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) for each name of ``NAMES`` and ``EMPTY_NAMES`` that a module gives to something."""
    for node in ast.walk(ast.parse(source)):
        names: list[str] = []
        match node:
            case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                names = [name]
            case ast.Attribute(attr=name, ctx=ast.Store()):
                names = [name]
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names = [name]
            case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                names = [name]
        banned = (name for name in names if name.lstrip("_") in NAMES or name in EMPTY_NAMES)
        yield from ((getattr(node, "lineno", 0), name) for name in banned)


@cache
def uses() -> tuple[tuple[str, int, str], ...]:
    """(file, line, word) of every use in the tree."""
    return tuple(_uses())


def _uses() -> Iterator[tuple[str, int, str]]:
    for path in files():
        name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
        banned = [*banned_words(text), *(banned_names(text) if path.suffix == ".py" else ())]
        yield from ((name, line, word) for line, word in banned)
    for folder in NAMED_FOLDERS:
        for path in sorted(ROOT.joinpath(folder).rglob("*.py")):
            name = path.relative_to(ROOT).as_posix()
            names = [*banned_names(path.read_text(encoding="utf-8"))]
            yield from ((name, line, word) for line, word in names)


def test_no_word_that_was_given_up_is_used() -> None:
    bad = [f"{name}:{line}: {word}" for name, line, word in uses() if (name, word) not in ALLOWED]
    assert bad == [], "say it in the words of docs/glossary.md"


def test_every_exception_is_still_needed() -> None:
    assert ALLOWED.keys() - {(name, word) for name, _, word in uses()} == set()
    assert all(ALLOWED.values())


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("x = 1  # Nobody was asked\n", ["nobody was"]),
        ("def f(it: int) -> None:\n    _told = it\n", ["it", "_told"]),
        ("for at, own in x:\n    found = _found(at)\n", ["at", "own", "found"]),
        ("class Told:\n    guard: int = 1\n", ["Told"]),
        ("for said in ():\n    self.doors = said\n", ["said", "doors"]),
        ("'''A sentence about the answer that a user got.'''\nuntold = item = 1\n", []),
    ],
)
def test_the_search_meets_them(source: str, words: list[str]) -> None:
    met = [word for _, word in (*banned_words(source), *banned_names(source))]
    assert met == words


def test_a_page_is_searched_as_well() -> None:
    assert [*banned_words("The janitor cleans up.\n\nIn-doors, doors.\n")] == [(1, "janitor"), (3, "doors")]
