"""A diagnosis for JUnit XML: a case per check, a failure per advice; what could not be decided is skipped."""

from __future__ import annotations

from devenv.core.doctor_rules.advice import Advice, Checked, Diagnosis
from devenv.core.render.junit import Case, Problem, Suite


def junit_suite(diagnosis: Diagnosis) -> Suite:
    """A suite of JUnit XML."""
    cases = [Case(check.subject, f"doctor.{check.check}", _problems(check)) for check in diagnosis.checks]
    return Suite("devenv doctor", cases)


def _problems(check: Checked) -> tuple[Problem, ...]:
    failures = [Problem("failure", advice.sentence, _text(advice), advice.kind) for advice in check.findings]
    skipped = [Problem("skipped", check.text)] if check.state == "unknown" else []
    return (*failures, *skipped)


def _text(advice: Advice) -> str:
    lines = (advice.sentence, *advice.evidence, f"{advice.cause}: {advice.symptom}", str(advice.change))
    return "\n".join(lines)
