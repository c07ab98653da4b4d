"""``.env`` files, as python-dotenv reads them, with the line of every variable."""

from __future__ import annotations

from io import StringIO

from dotenv import dotenv_values
from dotenv.parser import parse_stream

from devenv.core.model.errors import UsageProblem

MOST_CHARACTERS = 64 * 1024
"""Of a .env file; python-dotenv takes about a second for this many."""


def read_env(text: str, name: str, *, interpolate: bool = True) -> dict[str, tuple[str, int]]:
    """Each variable's value and line (from 1); of one that stands twice the later line counts.

    A name without ``=`` has the value "". ``name`` is the file's, for errors. ``interpolate``: ``${OTHER}``
    is replaced, as python-dotenv does, also from this process's environment. Raises UsageProblem that names
    the line that cannot be read.
    """
    if len(text) > MOST_CHARACTERS:
        raise UsageProblem(f"{name}: it has {len(text)} characters, at most {MOST_CHARACTERS} are read")
    lines: dict[str, int] = {}
    for binding in parse_stream(StringIO(text)):
        raw = binding.original.string  # begins with the blank lines before it
        line = binding.original.line + raw[: len(raw) - len(raw.lstrip())].count("\n")
        if binding.error:
            raise UsageProblem(
                f"{name}:{line}: this line cannot be read", hint="each line is NAME=value, or starts with #"
            )
        if binding.key is not None:
            lines[binding.key] = line
    values = dotenv_values(stream=StringIO(text), interpolate=interpolate)
    return {key: (values.get(key) or "", line) for key, line in lines.items()}
