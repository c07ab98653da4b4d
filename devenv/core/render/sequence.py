"""Sequence pictures: one list of messages, drawn as terminal text, as Mermaid or as SVG.

The drawings need no network and no library. Long lists are shortened in the middle, and say so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import accumulate, pairwise
from typing import Literal

from rich.cells import cell_len

from devenv.core.render.visible import one_line, quoted

MessageKind = Literal["request", "reply", "failed", "note"]


@dataclass(frozen=True, slots=True)
class SequenceMessage:
    """One arrow (or note) of a sequence picture."""

    time: float
    """Seconds since the epoch."""
    source: str
    """A participant: ``client``, ``proxy``, a pod's name, ``gate``, ``redis`` or ``ml``."""
    target: str
    """Another participant; of a note the same."""
    label: str
    kind: MessageKind = "request"
    """``request``: a call or command. ``reply``: its answer. ``failed``: an answer that carries the failure.
    ``note``: something at ``source`` alone (a restart, a deletion)."""
    via: tuple[str, ...] = ()
    """The participants whose lifelines the arrow passes through: they changed nothing."""


MAX_MESSAGES = 80
"""A picture with more messages is shortened in its middle."""

PARTS = frozenset(("client", "proxy", "gate", "redis", "ml"))
"""Participants that are no pods."""
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_LONGEST_QUOTED = 64
_LONGEST_LABEL = 200
_ORDER = ("client", "proxy", "", "gate", "redis", "ml")
_ELLIPSIS = "…"


def participants(messages: Sequence[SequenceMessage]) -> tuple[str, ...]:
    """The participants that occur: client, proxy, the pods by name, gate, Redis, ML service."""
    names = list(
        dict.fromkeys(n for message in messages for n in (message.source, message.target, *message.via))
    )

    def rank(name: str) -> tuple[int, str]:
        return (_ORDER.index(name), "") if name in _ORDER else (_ORDER.index(""), name)

    return tuple(sorted(names, key=rank))


def shorten(messages: Sequence[SequenceMessage], limit: int = MAX_MESSAGES) -> list[SequenceMessage]:
    """At most ``limit`` messages: the first and the last half, with a note between that counts the rest."""
    if len(messages) <= limit:
        return list(messages)
    head, tail = limit // 2, (limit - 1) // 2
    left_out = messages[head : len(messages) - tail]
    who = participants(messages)[0]
    note = SequenceMessage(
        left_out[0].time, who, who, f"{_ELLIPSIS} {len(left_out)} more {_ELLIPSIS}", "note"
    )
    return [*messages[:head], note, *messages[len(messages) - tail :]]


def _prepared(messages: Sequence[SequenceMessage]) -> list[SequenceMessage]:
    """Shortened, each label in one visible line, each participant a plain name or quoted."""
    return [
        replace(
            message,
            label=_label(message.label),
            source=participant_name(message.source),
            target=participant_name(message.target),
            via=tuple(map(participant_name, message.via)),
        )
        for message in shorten(messages)
    ]


def _label(text: str) -> str:
    """``text`` in one line, without characters whose width is not known (unassigned, private use)."""
    return "".join(c if c.isprintable() else " " for c in one_line(text, _LONGEST_LABEL))


def participant_name(name: str) -> str:
    """``name``, as it stands above a lifeline: quoted where it is no name that a pod can have."""
    if _PLAIN_NAME.fullmatch(name):
        return name
    is_quoted = len(name) <= _LONGEST_QUOTED and name[:1] == name[-1:] == '"' and one_line(name) == name
    return name if is_quoted else quoted(name)


def _spread(
    names: Sequence[str],
    messages: Sequence[SequenceMessage],
    measure: Callable[[str], float],
    padding: float,
) -> list[float]:
    """The lifelines' distances from the left edge (last: the right edge), so that every label has room."""
    place = {name: index for index, name in enumerate(names)}
    half = [measure(name) / 2 + padding / 2 for name in names]
    gaps = [half[0], *(a + b for a, b in pairwise(half)), half[-1]]  # gaps[i]: left of lifeline i
    for message in sorted(messages, key=lambda m: abs(place[m.source] - place[m.target])):
        low, high = sorted((place[message.source], place[message.target]))
        room = measure(message.label) + padding
        if low == high:
            gaps[low] = max(gaps[low], room / 2)
            gaps[low + 1] = max(gaps[low + 1], room / 2)
        else:
            gaps[high] += max(0, room - sum(gaps[low + 1 : high + 1]))
    return list(accumulate(gaps))


# --- terminal text ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TextLine:
    """One line of the terminal picture."""

    text: str
    kind: MessageKind | None = None
    """The kind of the message that ``text[start:end]`` belongs to, for its colour; None: no message."""
    start: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Glyphs:
    line: str
    solid: str
    dashed: str
    right: str
    left: str


_UNICODE = _Glyphs("│", "─", "╌", "►", "◄")
_ASCII = _Glyphs("|", "-", ".", ">", "<")
_TEXT_PADDING = 6
_SHORTEST_LABEL = 10


def draw_text(
    messages: Sequence[SequenceMessage], *, width: int = 100, ascii_only: bool = False
) -> list[TextLine]:
    """The picture for a terminal of ``width`` cells; Korean letters count as two cells.

    Labels are cut, with an ellipsis, until the picture fits; below a minimum it may be wider than asked for.
    """
    if not messages:
        return []
    short = _prepared(messages)
    names = participants(short)
    limit = max(cell_len(message.label) for message in short)
    while True:
        cut = [replace(message, label=_cut(message.label, limit)) for message in short]
        edges = [round(x) for x in _spread(names, cut, cell_len, _TEXT_PADDING)]
        if edges[-1] <= width or limit <= _SHORTEST_LABEL:
            break
        limit = max(_SHORTEST_LABEL, min(limit - 1, limit - (edges[-1] - width) // len(names)))
    glyphs = _ASCII if ascii_only else _UNICODE
    lines = [_header(names, edges)]
    lines += [
        _row(
            replace(message, label=_cut(message.label, _room(message, names, edges, limit))),
            names,
            edges,
            glyphs,
        )
        for message in short
    ]
    return [replace(line, text=line.text.replace(_ELLIPSIS, "~")) for line in lines] if ascii_only else lines


def _room(message: SequenceMessage, names: Sequence[str], edges: Sequence[int], limit: int) -> int:
    """How long a label may be: an arrow over several lifelines has more room than ``limit``."""
    between = abs(edges[names.index(message.source)] - edges[names.index(message.target)])
    return max(limit, between - _TEXT_PADDING)


def _cut(label: str, limit: int) -> str:
    if cell_len(label) <= limit:
        return label
    kept = ""
    for character in label:
        if cell_len(kept + character) > limit - 1:
            break
        kept += character
    return kept + _ELLIPSIS


def _header(names: Sequence[str], edges: Sequence[int]) -> TextLine:
    cells = [" "] * edges[-1]
    for name, x in zip(names, edges, strict=False):
        _put(cells, x - cell_len(name) // 2, name)
    return TextLine("".join(cells).rstrip())


def _row(message: SequenceMessage, names: Sequence[str], edges: Sequence[int], glyphs: _Glyphs) -> TextLine:
    cells = [" "] * (edges[-1] + 1)
    for x in edges[: len(names)]:
        cells[x] = glyphs.line
    source, target = edges[names.index(message.source)], edges[names.index(message.target)]
    if source == target:
        text = f"[ {message.label} ]"
        first = max(0, source - cell_len(text) // 2)
        last = first + cell_len(text)
        _put(cells, first, text)
    else:
        low, high = min(source, target), max(source, target)
        first, last = low + 1, high
        dash = glyphs.solid if message.kind == "request" else glyphs.dashed
        cells[first:last] = dash * (last - first)
        cells[last - 1 if target == high else first] = glyphs.right if target == high else glyphs.left
        text = f" {message.label} "
        _put(cells, first + (last - first - cell_len(text) + 1) // 2, text)
    return TextLine(
        "".join(cells).rstrip(), message.kind, len("".join(cells[:first])), len("".join(cells[:last]))
    )


def _put(cells: list[str], start: int, text: str) -> None:
    """Write ``text`` into the cells from ``start``; a wide character takes its cell and empties the next."""
    column = start
    for character in text:
        size = cell_len(character)
        if size == 0:
            cells[column - 1] += character
            continue
        while len(cells) < column + size:
            cells.append(" ")
        cells[column : column + size] = [character, *[""] * (size - 1)]
        column += size


# --- Mermaid ---------------------------------------------------------------------------------------------

_MERMAID_ARROW = {"request": "->>", "reply": "-->>", "failed": "--x"}


def draw_mermaid(messages: Sequence[SequenceMessage]) -> str:
    """The picture as a Mermaid ``sequenceDiagram`` (https://mermaid.js.org/syntax/sequenceDiagram.html)."""
    short = _prepared(messages)
    alias = {name: f"p{index}" for index, name in enumerate(participants(short))}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {alias[name]} as {_mermaid_text(name)}" for name in alias]
    for message in short:
        source, target, text = alias[message.source], alias[message.target], _mermaid_text(message.label)
        if message.kind == "note" or source == target:
            lines.append(f"    Note over {source}: {text}")
        else:
            lines.append(f"    {source}{_MERMAID_ARROW[message.kind]}{target}: {text}")
    return "\n".join(lines) + "\n"


def _mermaid_text(text: str) -> str:
    escaped = "".join(f"#{ord(c)};" if c in "#;<>\\" else c for c in text)
    return " ".join(escaped.split()) or " "


# --- SVG -------------------------------------------------------------------------------------------------

_SVG_ROW = 30
_SVG_HEAD = 34
_SVG_NARROW = 6.9
_SVG_WIDE = 13.0
_SVG_PADDING = 56


def _pixels(text: str) -> float:
    """About how wide ``text`` is at 13 px: a proportional font's mean for Latin, a full em for Hangul."""
    wide = cell_len(text) - len(text)
    return (len(text) - wide) * _SVG_NARROW + wide * _SVG_WIDE


def _spelled(label: str) -> str:
    """Without the sign for what is held: not every browser's font has it, and a page has no legend."""
    return label.replace("⏸ ", "", 1) if label.startswith("⏸ ") else label.replace(" ⏸", ", held")


def draw_svg(messages: Sequence[SequenceMessage], *, title: str, prefix: str) -> str:
    """The picture as one ``<svg>`` element without any external resource.

    Colours are CSS variables of the page (``--line``, ``--ink``, ``--soft``, ``--bad``, ``--good``) with
    fall-backs, so the page's light or dark theme applies. ``prefix`` keeps ids apart on one page.
    """
    if not messages:
        return ""
    short = [replace(message, label=_spelled(message.label)) for message in _prepared(messages)]
    names = participants(short)
    edges = _spread(names, short, _pixels, _SVG_PADDING)
    title = escape(one_line(title))
    height = _SVG_HEAD + _SVG_ROW * len(short) + 14
    parts = [
        f'<svg class="sequence" xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{title}" '
        f'viewBox="0 0 {edges[-1]:.0f} {height}" width="{edges[-1]:.0f}" height="{height}">',
        f"<title>{title}</title><defs>",
    ]
    for kind in ("request", "reply", "failed"):
        parts.append(
            f'<marker id="{escape(prefix)}-{kind}" class="head {kind}" viewBox="0 0 8 8" refX="7" refY="4" '
            'markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" '
            'orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker>'
        )
    parts.append("</defs>")
    for name, x in zip(names, edges, strict=False):
        half = _pixels(name) / 2 + 10
        parts.append(
            f'<line class="life" x1="{x:.1f}" y1="{_SVG_HEAD - 6}" x2="{x:.1f}" y2="{height - 4}"/>'
            f'<rect class="who" x="{x - half:.1f}" y="4" width="{half * 2:.1f}" height="24" rx="6"/>'
            f'<text class="who" x="{x:.1f}" y="20">{escape(name)}</text>'
        )
    parts += [_svg_row(message, names, edges, row, prefix) for row, message in enumerate(short)]
    return "".join([*parts, "</svg>"])


def _svg_row(
    message: SequenceMessage, names: Sequence[str], edges: Sequence[float], row: int, prefix: str
) -> str:
    y = _SVG_HEAD + _SVG_ROW * (row + 1) - 4
    source, target = edges[names.index(message.source)], edges[names.index(message.target)]
    label = escape(message.label)
    if source == target:
        half = _pixels(message.label) / 2 + 9
        return (
            f'<rect class="note" x="{source - half:.1f}" y="{y - 15}" width="{half * 2:.1f}" height="20" '
            'rx="4"/>'
            f'<text class="note" x="{source:.1f}" y="{y}">{label}</text>'
        )
    inward = 3 if source < target else -3
    return (
        f'<line class="arrow {message.kind}" x1="{source:.1f}" y1="{y + 3}" x2="{target - inward:.1f}" '
        f'y2="{y + 3}" marker-end="url(#{escape(prefix)}-{message.kind})"/>'
        f'<text class="{message.kind}" x="{(source + target) / 2:.1f}" y="{y - 2}">{label}</text>'
    )
