"""A diagnosis as JUnit XML: a case per check, a failure per finding; what could not be told is skipped."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from devenv.core.doctor_rules.advice import Advice, Diagnosis


def junit_xml(diagnosis: Diagnosis) -> str:
    """The whole file."""
    states = [check.state for check in diagnosis.checks]
    suite = ET.Element(
        "testsuite", name="devenv doctor", tests=str(len(states)), failures=str(states.count("found")),
        skipped=str(states.count("unknown")), errors="0",
    )  # fmt: skip
    for check in diagnosis.checks:
        case = ET.SubElement(suite, "testcase", classname=f"doctor.{check.check}", name=check.subject)
        for found in check.findings:
            ET.SubElement(case, "failure", type=found.kind, message=_xml(found.sentence)).text = _told(found)
        if check.state == "unknown":
            ET.SubElement(case, "skipped", message=_xml(check.text))
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _told(found: Advice) -> str:
    lines = [found.sentence, *found.evidence, f"{found.cause}: {found.symptom}", str(found.change)]
    return "\n".join(_xml(line) for line in lines)


def _xml(text: str) -> str:
    """Without the control characters that XML 1.0 has no way to write."""
    return "".join(c if c.isprintable() else " " for c in text)
