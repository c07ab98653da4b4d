"""What a scenario needs of a user-provided service: its kinds of sessions, answers that are known, paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceProfile
from devenv.core.model.vocabulary import Answer
from devenv.core.scenario.model import ANY_KIND, Get, Scenario, Step, Together, Verify

MISSING = (404, 405, 501)
"""HTTP statuses that say that a service has no such path."""


def check_profile(scenario: Scenario, profile: ServiceProfile) -> None:
    """Raise UsageProblem for a kind of session, or an answer, that the service's profile does not have."""
    known = ", ".join(profile.kinds)
    kinds: dict[str, str] = {}
    for session, name in scenario.sessions.items():
        kinds[session] = profile.first_kind if name == ANY_KIND else str(name)
        if kinds[session] not in profile.kinds:
            raise UsageProblem(
                f"{scenario.id} needs sessions of type {kinds[session]!r}, and the service has none",
                hint=f"it has {known}; `sessions: {{{session}: any}}` takes the first of them",
            )
    for step in _verifies(scenario.steps):
        name = kinds[step.session]
        if isinstance(step.answer, Answer) and not profile.knows(profile.kinds[name], step.answer):
            answers = ", ".join(profile.kinds[name].answers) or "none"
            raise UsageProblem(
                f"{scenario.id}:{step.line} needs an answer to {name} that is {step.answer}, "
                "and none is known",
                hint=f"known: {answers}; add profile.kinds.{name}.answers to devenv.toml",
            )


def paths(scenario: Scenario) -> tuple[str, ...]:
    """The paths that the scenario asks for by GET, each once."""
    return tuple(dict.fromkeys(step.path for step in scenario.steps if isinstance(step, Get)))


def check_paths(scenario: Scenario, statuses: Mapping[str, int | None]) -> None:
    """Raise UsageProblem for a path that the service does not have, by the ``statuses`` of its answers."""
    for path, status in statuses.items():
        if status in MISSING:
            raise UsageProblem(
                f"{scenario.id} needs GET {path.partition('?')[0]}, and the service answers HTTP {status}",
                hint="add such a path to the service, or play another scenario: `devenv scenarios`",
            )


def _verifies(steps: tuple[Step, ...]) -> Iterator[Verify]:
    for step in steps:
        for part in step.verifies if isinstance(step, Together) else (step,):
            if isinstance(part, Verify):
                yield part
