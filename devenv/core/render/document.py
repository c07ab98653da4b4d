"""The content of a report, without its form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from devenv.core.model.backends import Language
from devenv.core.model.events import TraceEvent
from devenv.core.render.sequence import SequenceMessage

Tone = Literal["plain", "good", "bad", "quiet", "code"]


@dataclass(frozen=True, slots=True)
class Pips:
    """A row of marks, one per trial."""

    good: int
    """Trials that passed."""
    bad: int
    """Trials that did not."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table: text in a tone, with marks before it where there are some."""

    text: str
    tone: Tone = "plain"
    pips: Pips | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a head. Every row has as many cells as the head."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    caption: str = ""
    """Above the table."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of the report: title, tables, a sequence picture, then explanation in paragraphs."""

    title: str
    label: str = ""
    note: str = ""
    good: bool | None = None
    tables: tuple[Table, ...] = ()
    picture: tuple[SequenceMessage, ...] = ()
    picture_title: str = ""
    explanation_title: str = ""
    explanation: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    svg: str = ""
    """A diagram: a complete SVG document that we drew, put into the page as it is."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One line about where and how it ran."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type, and what it does."""

    text: str
    does: str


@dataclass(frozen=True, slots=True)
class Document:
    """A whole report."""

    language: Language
    title: str
    subtitle: str
    holds: bool
    """The colour of the verdict."""
    verdict: str
    sections: tuple[Section, ...]
    facts_title: str
    facts: tuple[Fact, ...]
    commands_title: str
    commands: tuple[Command, ...]
    events: tuple[TraceEvent, ...] = ()
    """What was recorded, in order of time; shown in lanes, step by step."""
