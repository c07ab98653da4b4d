"""The error tree: every failure a person is told about carries its exit code and the next step."""

from __future__ import annotations

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


_BY_EXIT_CODE: Mapping[int, type[DevenvError]] = {
    kind.exit_code: kind for kind in (ExpectationFailed, UsageProblem, Inconclusive, EnvironmentProblem)
}


def error_from_json(data: Mapping[str, Any]) -> DevenvError:
    """The error behind ``DevenvError.to_json``, of the same class (by exit code).

    ``message`` is understood for ``detail``; a body of any other shape becomes a plain ``DevenvError``.
    """
    kind = _BY_EXIT_CODE.get(data.get("exit_code", 0), DevenvError)
    return kind(str(data.get("detail", data.get("message", data))), hint=data.get("hint"))
