"""Where errors of devenv become errors of a test that pytest shows."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from devenv.core.model.errors import DevenvError, InternalFault
from devenv.stack.files import problem_of_the_machine


@contextmanager
def explained() -> Iterator[None]:
    """Only errors that a test's author can read leave the block: each is a DevenvError with its next step.

    What no DevenvError is becomes an EnvironmentProblem with the file where the machine is the reason (a full
    disk), else an InternalFault: the test did nothing wrong.
    """
    try:
        yield
    except DevenvError as error:
        if error.hint:
            error.add_note(f"hint: {error.hint}")
        raise
    except Exception as error:
        problem = problem_of_the_machine(error)
        raise problem or InternalFault(f"a fault of devenv: {type(error).__name__}: {error}") from error
