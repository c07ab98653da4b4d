"""Results as JUnit XML, as CI systems read it. Texts may hold what servers answered: any character at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from devenv.core.render.visible import LONGEST_TEXT, one_line, visible

ProblemKind = Literal["failure", "error", "skipped"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a case did not pass."""

    kind: ProblemKind
    """A failure was found; an error kept from deciding; skipped: the case could not be tried."""
    message: str
    """One line."""
    text: str = ""
    """Everything there is to say."""
    type: str = ""
    """A word for problems of this sort; "": none."""


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that was checked."""

    name: str
    classname: str
    problems: Sequence[Problem] = ()
    """Without one the case passed."""
    seconds: float | None = None
    """How long it took; None: not measured."""

    def has(self, kind: ProblemKind) -> bool:
        """Whether it has a problem of this kind."""
        return any(problem.kind == kind for problem in self.problems)


@dataclass(frozen=True, slots=True)
class Suite:
    """Cases that belong together."""

    name: str
    cases: Sequence[Case]
    seconds: float | None = None
    """How long all took; None: not measured."""


def junit_xml(suites: Iterable[Suite]) -> str:
    """The whole file. A character that XML cannot hold (XML 1.0 §2.2) is made visible: ``\\x1b``."""
    root = ET.Element("testsuites")
    for suite in suites:
        element = ET.SubElement(root, "testsuite", _attributes(name=suite.name))
        element.set("tests", str(len(suite.cases)))
        kinds: tuple[tuple[ProblemKind, str], ...] = (
            ("failure", "failures"),
            ("error", "errors"),
            ("skipped", "skipped"),
        )
        for kind, attribute in kinds:
            element.set(attribute, str(sum(case.has(kind) for case in suite.cases)))
        _set_time(element, suite.seconds)
        for case in suite.cases:
            _add_case(element, case)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _add_case(suite: ET.Element, case: Case) -> None:
    element = ET.SubElement(suite, "testcase", _attributes(classname=case.classname, name=case.name))
    _set_time(element, case.seconds)
    for problem in case.problems:
        attributes = {"message": problem.message} | ({"type": problem.type} if problem.type else {})
        ET.SubElement(element, problem.kind, _attributes(**attributes)).text = (
            visible(problem.text, LONGEST_TEXT) or None
        )


def _attributes(**texts: str) -> dict[str, str]:
    return {name: one_line(text) for name, text in texts.items()}


def _set_time(element: ET.Element, seconds: float | None) -> None:
    if seconds is not None:
        element.set("time", f"{seconds:.3f}")
