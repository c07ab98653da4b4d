"""README.md and README.ko.md are twins: the same headings, commands, tables and links."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from tests.support import ROOT

CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Page:
    """What the two languages must have in common."""

    headings: list[int]
    """The level of each heading."""
    commands: list[str]
    """Every line of a code block that a reader types, without its comment."""
    tables: list[list[list[str]]]
    """For each table the code words in the first cell of each row."""
    links: list[str]
    """Where links lead, in order."""


def read(name: str) -> Page:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    headings: list[int] = []
    commands: list[str] = []
    tables: list[list[list[str]]] = []
    inside = False
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("```"):
            inside = not inside
        elif inside:
            if re.match(r"(python3?|devenv|docker|curl|export|\.) ", line):
                commands.append(re.split(r"\s+#", line)[0].strip())
        elif line.startswith("#"):
            headings.append(len(line) - len(line.lstrip("#")))
        elif line.startswith("|"):
            if not before.startswith("|"):
                tables.append([])
            tables[-1].append(CODE.findall(line.split("|")[1]))
    links = re.findall(r"\]\(([^)]+)\)", "\n".join(lines))
    return Page(headings, commands, tables, [link for link in links if not link.startswith("README")])


@pytest.fixture(scope="module")
def pages() -> tuple[Page, Page]:
    return read("README.md"), read("README.ko.md")


def test_headings_are_the_same(pages: tuple[Page, Page]) -> None:
    english, korean = pages
    assert len(english.headings) > 5
    assert korean.headings == english.headings


def test_commands_are_the_same(pages: tuple[Page, Page]) -> None:
    english, korean = pages
    assert len(english.commands) > 5
    assert korean.commands == english.commands


def test_tables_have_the_same_rows(pages: tuple[Page, Page]) -> None:
    english, korean = pages
    assert [len(table) for table in english.tables] == [len(table) for table in korean.tables]
    assert english.tables == korean.tables


def test_links_lead_to_the_same_pages_and_these_exist(pages: tuple[Page, Page]) -> None:
    english, korean = pages
    assert sorted(set(korean.links)) == sorted(set(english.links))
    for link in english.links:
        if not link.startswith("http"):
            assert (ROOT / link.partition("#")[0]).exists(), link
