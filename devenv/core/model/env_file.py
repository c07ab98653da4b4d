"""``.env`` files, as python-dotenv reads them, with the line of every variable."""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO

from dotenv import dotenv_values
from dotenv.parser import Binding, parse_stream
from dotenv.variables import Literal, Variable, parse_variables

from devenv.core.model.errors import UsageProblem

MOST_CHARACTERS = 64 * 1024
"""Of a .env file; python-dotenv takes about a second for this many."""
MOST_PUT_IN = 1_000_000
"""Characters of all values once ``${OTHER}`` is replaced: 40 short lines that double can give 10^12."""


def read_env(text: str, name: str, *, interpolate: bool = True) -> dict[str, tuple[str, int]]:
    """Each variable's value and line (from 1); of one that stands twice the later line counts.

    A name without ``=`` has the value "". ``name`` is the file's, for errors. ``interpolate``: ``${OTHER}``
    is replaced, as python-dotenv does, also from this process's environment. Raises UsageProblem that names
    the line that cannot be read, or with which the values become longer than ``MOST_PUT_IN``.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageProblem(f"{name}: it has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    lines: dict[str, int] = {}
    bindings = list(parse_stream(StringIO(text)))
    for binding in bindings:
        line = _line(binding)
        if binding.error:
            raise UsageProblem(
                f"{name}:{line}: this line cannot be read", hint="each line is NAME=value, or starts with #"
            )
        if binding.key is not None:
            lines[binding.key] = line
    if interpolate and "${" in text:
        _check_put_in(bindings, name)
    values = dotenv_values(stream=StringIO(text), interpolate=interpolate)
    return {key: (values.get(key) or "", line) for key, line in lines.items()}


def _line(binding: Binding) -> int:
    """Where the variable stands; what was read for it begins with the blank lines before it."""
    raw = binding.original.string
    return binding.original.line + raw[: len(raw) - len(raw.lstrip())].count("\n")


def _check_put_in(bindings: Iterable[Binding], name: str) -> None:
    """Raise UsageProblem where the values get too long, counted without making them."""
    lengths: dict[str, int] = {}
    total = 0
    for binding in bindings:
        if binding.key is None:
            continue
        length = 0
        for atom in parse_variables(binding.value or ""):
            if isinstance(atom, Variable):
                length += lengths.get(atom.name, len(atom.default or ""))
            elif isinstance(atom, Literal):
                length += len(atom.value)
        lengths[binding.key] = length
        total += length
        if total > MOST_PUT_IN:
            raise UsageProblem(f"{name}:{_line(binding)}: its ${{…}} give more than {MOST_PUT_IN} characters")
