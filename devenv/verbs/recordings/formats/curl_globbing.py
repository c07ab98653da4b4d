"""curl's URL patterns: ``{one,two}`` and ``[1-10]``. After curl(1), URL: GLOBBING."""

from __future__ import annotations

import re
from itertools import product

from devenv.core.model.errors import UsageProblem

_PATTERN = re.compile(r"(?<!\\)(?:\{([^{}]*)\}|\[(\d+|[A-Za-z])-(\d+|[A-Za-z])(?::(\d+))?\])")
_ADDRESS = re.compile(r"(?<=//)(?:[^/@]*@)?\[[0-9a-fA-F:.%]+\]")
"""An IPv6 address is no pattern."""
MOST = 1000
"""So many URLs one pattern may stand for."""


def urls_of(pattern: str, where: str) -> tuple[str, ...]:
    """All URLs that the pattern stands for, in curl's order.

    Raises UsageProblem, its message begun with ``where``, for a bracket that is no pattern.
    """
    address = _ADDRESS.search(pattern)
    begin = address.end() if address is not None else 0
    choices: list[list[str]] = [[pattern[:begin]]]
    for found in _PATTERN.finditer(pattern, begin):
        choices += [[_literal(pattern[begin : found.start()], pattern, where)], _values(found)]
        begin = found.end()
    choices.append([_literal(pattern[begin:], pattern, where)])
    count = 1
    for values in choices:
        count *= len(values)
    if count > MOST:
        raise UsageProblem(f"{where}{pattern} stands for {count} URLs; at most {MOST} are taken over")
    return tuple("".join(parts) for parts in product(*choices))


def _literal(text: str, pattern: str, where: str) -> str:
    if bracket := re.search(r"(?<!\\)[\[\]{}]", text):
        raise UsageProblem(
            f"{where}{bracket[0]} in {pattern} is no pattern that curl knows",
            hint="with -g curl takes brackets as they are",
        )
    return re.sub(r"\\([\[\]{}])", r"\1", text)


def _values(found: re.Match[str]) -> list[str]:
    if found[1] is not None:
        return found[1].split(",")
    first, last, step = found[2], found[3], int(found[4] or 1)
    if first.isdigit() and last.isdigit():
        return [str(value).zfill(len(first)) for value in range(int(first), int(last) + 1, step or 1)]
    return [chr(code) for code in range(ord(first), ord(last) + 1, step or 1)]
