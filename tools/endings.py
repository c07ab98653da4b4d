"""How a tool ends: one line and an exit code for what is wrong, a traceback for a fault of the tool."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable

from devenv.core.model.errors import DevenvError, InternalFault
from devenv.stack.files import problem_of_the_machine

INTERRUPTED = 130


def ended(work: Callable[[], int | None]) -> int:
    """The exit code of ``work``: its own (None: 0), else as ``devenv`` ends.

    2 usage, 3 inconclusive, 4 this machine cannot run it (a full disk, with the file), 70 a fault.
    """
    try:
        return work() or 0
    except DevenvError as error:
        return _problem(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)  # noqa: T201
        return INTERRUPTED
    except Exception as error:
        if (problem := problem_of_the_machine(error)) is not None:
            return _problem(problem)
        traceback.print_exc()
        return InternalFault.exit_code


def _problem(problem: DevenvError) -> int:
    print(f"error: {problem.message}", file=sys.stderr)  # noqa: T201
    return problem.exit_code
