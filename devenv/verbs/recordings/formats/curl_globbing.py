"""curl's URL patterns: ``{one,two}`` and ``[1-10]``. After curl(1), URL: GLOBBING."""

from __future__ import annotations

import re
from itertools import product
from math import prod

from devenv.core.model.errors import UsageProblem

_PATTERN = re.compile(r"(?<!\\)(?:\{([^{}]*)\}|\[(\d{1,9}|[A-Za-z])-(\d{1,9}|[A-Za-z])(?::(\d{1,9}))?\])")
_BRACKET = re.compile(r"[\[\]{}]")
_ADDRESS = re.compile(r"(?<=//)(?:[^/@]*@)?\[[0-9a-fA-F:.%]+\]")
"""An IPv6 address is no pattern."""
_LONGEST_SHOWN = 200
MOST = 1000
"""This many URLs one pattern may stand for; of a number, nine digits are read."""
MOST_CHARACTERS = 10_000_000
"""All these URLs may have together."""


def shown(address: str) -> str:
    """An address as a message has it: in one line, and not all of a long one."""
    line = " ".join(address.split())
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]}…"


def urls_of(pattern: str, where: str) -> tuple[str, ...]:
    """All URLs that the pattern stands for, in curl's order.

    Raises UsageProblem, its message begun with ``where``, for a bracket that is no pattern.
    """
    if _BRACKET.search(pattern) is None:
        return (pattern,)
    address = _ADDRESS.search(pattern)
    begin = address.end() if address is not None else 0
    patterns = list(_PATTERN.finditer(pattern, begin))
    count = prod(map(_count, patterns))
    if count > MOST:
        raise UsageProblem(f"{where}{shown(pattern)} stands for {count} URLs; at most {MOST} are taken over")
    if count * len(pattern) > MOST_CHARACTERS:
        long = f"{count} URLs of {len(pattern)} characters"
        raise UsageProblem(
            f"{where}{shown(pattern)} stands for {long}; at most {MOST_CHARACTERS} are taken over"
        )
    choices: list[list[str]] = [[pattern[:begin]]]
    for match in patterns:
        choices += [[_literal(pattern[begin : match.start()], pattern, where)], _values(match)]
        begin = match.end()
    choices.append([_literal(pattern[begin:], pattern, where)])
    return tuple("".join(parts) for parts in product(*choices))


def _literal(text: str, pattern: str, where: str) -> str:
    if bracket := re.search(r"(?<!\\)[\[\]{}]", text):
        raise UsageProblem(
            f"{where}{shown(bracket[0])} in {shown(pattern)} is no pattern that curl knows",
            hint="with -g curl takes brackets as they are",
        )
    return re.sub(r"\\([\[\]{}])", r"\1", text)


def _count(match: re.Match[str]) -> int:
    """For how many values one pattern stands, without making them."""
    return match[1].count(",") + 1 if match[1] is not None else len(_range(match))


def _range(match: re.Match[str]) -> range:
    """The numbers, or the codes of the letters, of ``[first-last:step]``."""
    first, last, step = match[2], match[3], int(match[4] or 1) or 1
    if first.isdigit() and last.isdigit():
        return range(int(first), int(last) + 1, step)
    return range(ord(first[0]), ord(last[0]) + 1, step)


def _values(match: re.Match[str]) -> list[str]:
    """What one pattern stands for."""
    if match[1] is not None:
        return match[1].split(",")
    if match[2].isdigit() and match[3].isdigit():
        return [str(value).zfill(len(match[2])) for value in _range(match)]
    return [chr(code) for code in _range(match)]
