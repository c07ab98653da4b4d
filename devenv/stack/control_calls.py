"""One call of the control API: its answer's JSON, or an error of ours. What is below `wire` needs no more."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem, UsageProblem, error_from_answer

_PARTS = {"stack": "stack", "explore": "executor", "policy": "proxy", "pods": "proxy", "exchanges": "proxy"}


def part_of(path: str) -> str:
    """Which part of the stack serves this path of the control API: stack, executor, proxy or gate."""
    return _PARTS.get(path.lstrip("/").partition("/")[0], "gate")


@contextmanager
def control_errors(
    control: str, path: str, hint: str = "see `devenv status` and `devenv logs`"
) -> Iterator[None]:
    """Errors of one request to ``path`` of the control API at URL ``control`` become errors of ours.

    EnvironmentProblem where nothing answers, UsageProblem where what is sent is not text in UTF-8.
    """
    try:
        yield
    except httpx.HTTPError as error:
        raise EnvironmentProblem(
            f"the control API at {control} does not answer: {type(error).__name__}", hint=hint
        ) from error
    except UnicodeEncodeError as error:
        raise UsageProblem(
            f"the {part_of(path)} refuses: what was given is no text in UTF-8", hint="see `devenv --help`"
        ) from error


def json_of(control: str, path: str, response: httpx.Response) -> Any:
    """The JSON of an answer; raises the error that the control API answered (``error_from_answer``)."""
    if response.is_error:
        raise error_from_answer(part_of(path), response.status_code, response.content)
    try:
        return response.json()
    except (ValueError, RecursionError) as error:
        raise EnvironmentProblem(
            f"the control API at {control} answers {path} without JSON",
            hint="does another program listen on this port? See `devenv status`",
        ) from error
