"""Answers of the running stack that only ``explore`` reads: their form changes with the version of devenv."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from devenv.core.model.errors import EnvironmentProblem

_Read = TypeVar("_Read")


def read_answer(read: Callable[[Any], _Read], answer: Any) -> _Read:
    """``answer``, JSON that the control API gave, read by ``read``.

    Raises EnvironmentProblem where it has another form: the stack was started by another devenv than this.
    """
    try:
        return read(answer)
    except (KeyError, TypeError, ValueError) as error:
        raise EnvironmentProblem(
            "the running stack answers in another form than this command reads: another version of devenv "
            f"started it ({type(error).__name__}: {error})",
            hint="end it with `devenv down`, then start it again with `devenv up`",
        ) from error
