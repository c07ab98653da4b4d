"""JUnit XML of all three verbs that write it: well-formed and complete, whatever a server answered."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.doctor_rules.advice import Advice, Change, Checked, Diagnosis
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import Case, Problem, Suite, junit_xml
from devenv.core.render.visible import one_line, visible
from devenv.core.scenario.catalog import find
from devenv.harness.client.recording import Recording
from devenv.verbs.doctor import junit as doctor
from devenv.verbs.explore import result as explore
from devenv.verbs.replay import result as replay
from devenv.verbs.replay.observed import Observed

HOSTILE = "\x00a\x1b[31m\x08\x7f\x9b]\ud800\ufffe\r<&\"'>\n\t사과\U0001f34e"
SHOWN = "\\x00a\\x1b[31m\\x08\\x7f\\x9b]\\ud800\\ufffe\\r<&\"'>\n\t사과\U0001f34e"


def of_replay(text: str) -> Suite:
    step = Observed(1, 1, "create alice", {}, (text,))
    result = replay.ReplayResult(find("double-click"), Strategy.ATOMIC, ((step,),), (0.1,), Recording())
    return replay.junit_suite(result)


def of_explore(text: str) -> Suite:
    violation = explore.ExploredViolation(
        "double-success", text, ("R", "R"), "v1 V1:GET", (), 4, True, 3, 3, "devenv replay x"
    )
    return explore.junit_suite(
        explore.Exploration("R+R", Strategy.GUIDE, "learned", True, 36, 0, (violation,), 20, 0.4, 3)
    )


def of_doctor(text: str) -> Suite:
    advice = Advice("port-closed", "pod", text, (text,), Change(text))
    checks = (
        Checked("port", "pod", text, (advice,)),
        Checked("tls", "pod", text, known=False),
        Checked("ok", text, ""),
    )
    return doctor.junit_suite(Diagnosis(checks))


@pytest.mark.parametrize("suite_of", [of_replay, of_explore, of_doctor])
def test_control_characters_are_visible_and_the_file_is_well_formed(suite_of: object) -> None:
    assert callable(suite_of)
    root = ET.fromstring(junit_xml([suite_of(HOSTILE)]))
    [failure] = root.findall(".//failure")
    assert SHOWN in (failure.text or "")
    for element in root.iter():
        assert not any(
            ord(character) < 32
            for text in element.attrib.values()
            for character in text
            if character not in "\n\t"
        )


def test_the_doctors_counts() -> None:
    [suite] = ET.fromstring(junit_xml([of_doctor("x")]))
    counts = {name: suite.get(name) for name in ("tests", "failures", "errors", "skipped")}
    assert counts == {"tests": "3", "failures": "1", "errors": "0", "skipped": "1"}


def test_each_count_is_of_cases() -> None:
    two = Case("two", "c", (Problem("failure", "a"), Problem("failure", "b", "text", "kind")), 1.0)
    suites = [Suite("s", (two, Case("passes", "c"), Case("odd", "c", (Problem("error", "e"),))), 2.5)]
    [suite] = ET.fromstring(junit_xml(suites))
    assert dict(suite.attrib) == {
        "name": "s",
        "tests": "3",
        "failures": "1",
        "errors": "1",
        "skipped": "0",
        "time": "2.500",
    }
    assert [case.get("time") for case in suite] == ["1.000", None, None]
    assert [(p.get("message"), p.get("type"), p.text) for p in suite[0]] == [
        ("a", None, None),
        ("b", "kind", "text"),
    ]
    assert len(suite[1]) == 0


@given(st.text(st.characters(), max_size=40))
def test_any_text_survives_a_parser(text: str) -> None:
    [suite] = ET.fromstring(junit_xml([Suite(text, (Case(text, text, (Problem("failure", text, text),)),))]))
    assert suite.get("name") == one_line(text)
    assert (suite.find(".//failure").text or "") == visible(text)  # type: ignore[union-attr]
