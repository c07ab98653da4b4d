"""Foreign text as text: what a service, a file or another person's run says, safe to show anywhere.

A terminal acts on control characters, and a reader is misled by characters that have no picture: ``visible``
writes both as Python escapes them (``\\x1b``, ``\\u202e``). Everything that is shown to a person goes through
this module: the terminal (``devenv.cli.screen``), reports, JUnit, Markdown, Mermaid, pytest's sections. YAML
has the same escapes in double quotes (YAML 1.2 §5.7), so a file of YAML that is shown still says the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from math import isfinite
from typing import Any

LONGEST_LINE = 4_000
"""Characters of a line that is shown; the rest of it is counted."""
LONGEST_TEXT = 100_000
"""Characters of a text of several lines in a report."""

_HIDDEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 without tab and newline, DEL, C1
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # no picture of their own, fillers of scripts
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, line ends, bidirectional controls
    "\u2800\u3164\ufeff\uffa0\ufff0-\ufffb"  # blank braille, Hangul fillers, byte order mark, annotations
    "\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"  # half of a surrogate pair, what is no character
    "\U00013430-\U0001345f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\U000e0000-\U000e0fff"  # tags, variation selectors of the second block
)
"""Unicode's categories Cc, Cf, Cs, Zl and Zp without the visible number signs of Arabic, Syriac and Kaithi;
letters that are drawn as nothing (Default_Ignorable_Code_Point, UAX #44); what is no character."""
_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_SELECTORS = "\ufe00-\ufe0f"


def _invisible(hidden: str) -> re.Pattern[str]:
    """One character that is in ``hidden``, or has no picture where it stands.

    The pattern begins with one class: the engine then skips all other characters quickly.
    """
    return re.compile(
        f"[{hidden}{_SELECTORS}{_MARKS}](?:(?<=[{hidden}])"
        f"|(?<=[{_SELECTORS}])(?<![^\x00-\x7f][{_SELECTORS}])"  # it follows no letter or emoji
        f"|(?<=[{_MARKS}]{{5}}))"  # from the fifth accent on one letter: it covers other lines
    )


_INVISIBLE = _invisible(_HIDDEN)
_INVISIBLE_OR_END = _invisible(f"\n\t{_HIDDEN}")
_MARKDOWN = re.compile(r"[\\`*_\[\]<>|~&]|^[#+=-]|(?<=:)//|(?<=www)\.")
_NUMBERED = re.compile(r"^(\d{1,9})([.)])")
_BACKTICKS = re.compile("`+")


def visible(text: str, limit: int | None = None) -> str:
    """``text`` of any number of lines with every character visible but newline and tab.

    ``limit``: at most this many characters of it; the rest is counted. Linear in the length.
    """
    return _bounded(_INVISIBLE, text, limit)


def one_line(text: str, limit: int = LONGEST_LINE) -> str:
    """``text`` in one line: as ``visible``, newline and tab too, at most ``limit`` characters of it."""
    return _bounded(_INVISIBLE_OR_END, text, limit)


def lines(text: str, limit: int = LONGEST_LINE) -> list[str]:
    """The lines of ``text``, each as ``one_line`` but with its tabs; at least one."""
    return [one_line(line.replace("\t", "    "), limit) for line in text.split("\n")]


def quoted(text: str, limit: int = 24) -> str:
    """``text`` in double quotes, in one line and short: for words that a user chose."""
    shown = text if len(text) <= limit else text[: limit - 1] + "…"
    return '"' + one_line(shown).replace('"', '\\"') + '"'


def json_text(data: Any, indent: int | None = None) -> str:
    """``data`` as JSON whose text is visible: what ``visible`` escapes is written as JSON escapes it.

    A reader of JSON gets the same data as from the characters themselves. NaN and the infinities, which JSON
    does not have, become texts.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError:
        text = json.dumps(_finite(data), ensure_ascii=False, indent=indent)
    return _INVISIBLE.sub(_json_escaped, text)


def _finite(data: Any) -> Any:
    if isinstance(data, float) and not isfinite(data):
        return str(data)
    if isinstance(data, Mapping):
        return {name: _finite(value) for name, value in data.items()}
    return [_finite(item) for item in data] if isinstance(data, list | tuple) else data


def toml_string(text: str) -> str:
    """``text`` as a basic string of TOML, whose escapes are ``\\uXXXX`` and ``\\UXXXXXXXX`` (TOML 1.0)."""
    return _INVISIBLE.sub(_toml_escaped, json.dumps(text, ensure_ascii=False))


def markdown(text: str, limit: int = LONGEST_LINE) -> str:
    """``text`` for the middle of a line of Markdown (CommonMark and GitHub's tables): no markup, no link."""
    shown = _MARKDOWN.sub(lambda match: "\\" + match[0], one_line(text, limit))
    return _NUMBERED.sub(r"\1\\\2", shown)


def markdown_code(text: str, limit: int = LONGEST_LINE) -> str:
    """``text`` as a code span, also in a cell of a table."""
    shown = one_line(text, limit).replace("|", "\\|")
    if "`" not in shown:
        return f"`{shown}`"
    fence = _fence(shown, 1)
    return f"{fence} {shown} {fence}"


def markdown_block(text: str) -> list[str]:
    """The lines of a code block that holds ``text``."""
    shown = lines(text)
    fence = _fence("\n".join(shown), 3)
    return [fence, *shown, fence]


def is_visible(text: str) -> bool:
    """Whether ``visible`` leaves ``text`` as it is."""
    return _INVISIBLE.search(text) is None


def _bounded(pattern: re.Pattern[str], text: str, limit: int | None) -> str:
    if limit is None or len(text) <= limit:
        return pattern.sub(_escaped, text)
    return f"{pattern.sub(_escaped, text[:limit])}… ({len(text) - limit} characters more)"


def _fence(text: str, least: int) -> str:
    """Backticks, more of them than ``text`` has in one run (CommonMark 4.5, 6.1)."""
    longest = max((len(run) for run in _BACKTICKS.findall(text)), default=0)
    return "`" * max(least, longest + 1)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    if match[0] in "\t\n\r":
        return {"\t": "\\t", "\n": "\\n", "\r": "\\r"}[match[0]]
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _toml_escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _json_escaped(match: re.Match[str]) -> str:
    """As ``\\uXXXX``, in two halves above U+FFFF (RFC 8259 §7)."""
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
