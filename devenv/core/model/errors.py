"""The error tree: every failure that is shown to a user has its exit code and the next step."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar


class DevenvError(Exception):
    """Base of all errors that end a command.

    ``message`` is one line that names what is wrong; ``hint`` is the next step, where there is one.
    """

    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def to_json(self) -> dict[str, Any]:
        """``{"detail", "hint", "exit_code"}``: how an error travels between processes."""
        return {"detail": self.message, "hint": self.hint, "exit_code": self.exit_code}


class ExpectationFailed(DevenvError):
    """A violation was found or an expectation did not hold (exit 1)."""

    exit_code = 1


class UsageProblem(DevenvError):
    """The input is wrong: a flag, a setting, a scenario file (exit 2)."""

    exit_code = 2


class Inconclusive(DevenvError):
    """Neither held nor failed; never reported as a pass (exit 3)."""

    exit_code = 3


class EnvironmentProblem(DevenvError):
    """This machine cannot run it as things are; the hint says what to do (exit 4)."""

    exit_code = 4


class InternalFault(DevenvError):
    """A fault of devenv itself (exit 70, EX_SOFTWARE of sysexits.h): it says nothing of what was tried."""

    exit_code = 70


_BY_EXIT_CODE: Mapping[int, type[DevenvError]] = {
    kind.exit_code: kind
    for kind in (ExpectationFailed, UsageProblem, Inconclusive, EnvironmentProblem, InternalFault)
}


def error_from_json(data: Mapping[str, Any]) -> DevenvError:
    """The error behind ``DevenvError.to_json``, of the same class (by exit code).

    ``message`` is understood for ``detail``; a body of any other shape becomes a plain ``DevenvError``.
    """
    kind = _BY_EXIT_CODE.get(data.get("exit_code", 0), DevenvError)
    return kind(str(data.get("detail", data.get("message", data))), hint=data.get("hint"))


class NoGate(EnvironmentProblem):
    """The stack has no gate between its pods and Redis."""


def error_from_answer(part: str, status: int, content: bytes) -> DevenvError:
    """The error behind an answer of the control API that is none of success (HTTP status 400 and above).

    ``part`` names who answered ("gate", "proxy", "stack", "executor"). An error of ours keeps its class.
    Otherwise 400 and 422 are about what was given (UsageProblem), 404 from gate or executor says that the
    stack has no gate (NoGate), and everything else is about this machine (EnvironmentProblem).
    """
    try:
        data = json.loads(content)
    except (ValueError, RecursionError):
        data = None
    fields = data if isinstance(data, dict) else {}
    if fields.get("exit_code") in tuple(_BY_EXIT_CODE):
        return error_from_json(fields)
    if status == 404 and part in ("gate", "executor"):
        return NoGate(
            "this stack has no gate between its pods and Redis", hint="start one that has: `devenv up`"
        )
    reason = _reason(fields.get("detail")) or f"HTTP {status}"
    if status in (400, 422):
        return UsageProblem(f"the {part} refuses: {reason}", hint=f"see `{_HELP.get(part, 'devenv --help')}`")
    return EnvironmentProblem(
        f"the {part} does not answer as it should: {reason}",
        hint="see `devenv status` and `devenv logs`",
    )


_HELP: Mapping[str, str] = {"gate": "devenv gate --help", "proxy": "devenv policy --help"}


def _reason(detail: Any) -> str:
    if isinstance(detail, list):  # FastAPI's own validation: one object for each field
        problems = [item for item in detail if isinstance(item, dict)]
        return "; ".join(f"{'.'.join(map(str, item.get('loc', ())))}: {item.get('msg')}" for item in problems)
    return "" if detail is None else str(detail)
