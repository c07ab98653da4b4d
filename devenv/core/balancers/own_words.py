"""What a balancer says of the copy of a team's file, with the team's file and line in place of the copy's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from devenv.core.model.errors import UsageProblem
from devenv.core.model.yaml_lines import Document, Path, read_document

MOST_CHARACTERS = 600
"""Envoy repeats a whole file in one line: no more of it is shown."""
_QUOTED = re.compile(r"""\\?["'`]([^"'`\\\s]+)\\?["'`]|\b(?:node|field): ([\w.@-]+)""")
_PLACE = re.compile(r"@ ([a-z_][a-z_.\[\]\d]*)")
_STEP = re.compile(r"([a-z_]+)|\[(\d+)\]")


def with_lines_of_copy(message: str, copy: str, file_name: str, lines: Sequence[int]) -> str:
    """``message`` with the team's file and line wherever it names a line of the copy.

    ``copy`` and ``file_name`` are the names of the files; ``lines`` has the team's line for each line of the
    copy, 0 for one that the team's file does not have.
    """

    def replaced(match: re.Match[str]) -> str:
        number = int(match[1])
        line = lines[number - 1] if 0 < number <= len(lines) else 0
        return f"{file_name}:{line}" if line else f"line {number} of its copy {copy}"

    return re.sub(rf"(?:\./)?(?<![\w.-]){re.escape(copy)}:(\d+)\b", replaced, message)


def with_line_of_yaml(message: str, file_name: str, text: str) -> str:
    """``message`` with the line of the team's YAML file that has what it names, in front.

    Envoy and Traefik name a field or a value, Envoy also where it is; neither names a line. Without a single
    line that has it, ``message`` stays as it is.
    """
    try:
        document = read_document(text, file_name, "see the documentation of its format")
    except UsageProblem:
        return message
    for words in _QUOTED.findall(message):
        word = str(words[0] or words[1]).partition("@")[0]
        lines = set(_lines_with(document, word, _place(message)))
        if len(lines) == 1:
            return f"{file_name}:{lines.pop()}: {shortened(message)}"
    place = _place(message)
    if place and place in document.value_lines:
        return f"{file_name}:{document.key_lines.get(place, document.line(place))}: {shortened(message)}"
    return shortened(message)


def shortened(message: str) -> str:
    """Without the repeated configuration."""
    return message if len(message) <= MOST_CHARACTERS else message[:MOST_CHARACTERS] + " …"


def _place(message: str) -> Path:
    match = _PLACE.search(message)
    if match is None:
        return ()
    return tuple(int(index) if index else name for name, index in _STEP.findall(match[1]))


def _lines_with(document: Document, word: str, place: Path) -> Iterator[int]:
    """The lines of the keys and values below ``place`` that are ``word``."""
    for path, line in document.key_lines.items():
        if path[: len(place)] == place and path[-1] == word:
            yield line
    for path, line in document.value_lines.items():
        if path[: len(place)] == place and document.plain.get(path, _value(document, path)) == word:
            yield line


def _value(document: Document, path: Path) -> object:
    value = document.data
    for step in path:
        value = value[step]
    return value
