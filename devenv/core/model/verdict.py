"""The one source of a pass: nothing else in devenv decides that something holds."""

from __future__ import annotations


def passes(*, checked: int, failures: int, gaps: int = 0) -> bool:
    """Whether something holds: it was checked, nothing failed, and nothing was left out or left open.

    ``checked`` counts what was tried, ``failures`` what did not hold, ``gaps`` what could not be decided.
    Where nothing was checked nothing holds.
    """
    return checked > 0 and failures == 0 and gaps == 0
