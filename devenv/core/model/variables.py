"""What the name and the value of an environment variable may be (POSIX.1-2017, XBD 8.1)."""

from __future__ import annotations

from collections.abc import Mapping

from devenv.core.model.errors import UsageProblem


def problem_of(variables: Mapping[str, str | None]) -> str | None:
    """Why no process can have these variables; None where one can."""
    for name, value in variables.items():
        if not name or "=" in name or "\0" in name:
            return f"{name!r} is no name of a variable: it is empty, or has an equals sign or a NUL"
        if value is not None and "\0" in value:
            return f"the value of {name} has a NUL"
        if not _is_utf8(name + (value or "")):
            return f"the variable {name!r} is no text in UTF-8: it has half of a surrogate pair"
    return None


def check_variables(variables: Mapping[str, str | None]) -> None:
    """Raise UsageProblem where no process can have these variables."""
    if (problem := problem_of(variables)) is not None:
        raise UsageProblem(problem)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
