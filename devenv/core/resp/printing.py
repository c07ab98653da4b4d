"""A reply as one short line: ``OK``, ``-ERR …``, ``1``, ``(nil)``, text, ``[a, b]``, ``{k: v}``."""

from __future__ import annotations

from devenv.core.resp.values import AGGREGATES, BULKS, WireValue, parse_value

NIL = "(nil)"
_CUT = "…"
_MAX_DEPTH = 16


def printable(prefix: bytes) -> str:
    """The reply whose first wire bytes are ``prefix``; what is missing at the end is shown as an ellipsis.

    Errors keep their leading ``-``; bytes that are no UTF-8 are shown as \\xNN. Never raises.
    """
    return _shown(parse_value(prefix)[0], 0)


def _shown(value: WireValue, depth: int) -> str:
    if value.kind in AGGREGATES and value.kind:
        return _aggregate(value, depth)
    if value.kind in BULKS and value.kind:
        return _bulk(value)
    if value.cut:
        return _text(value.line if value.kind in b"+:" else value.kind + value.line) + _CUT
    if value.kind == b"_":
        return NIL
    if value.kind == b"#":
        return "true" if value.line == b"t" else "false"
    return ("-" if value.kind == b"-" else "") + _text(value.line)


def _bulk(value: WireValue) -> str:
    if value.bulk is None:
        return _text(value.kind + value.line) + _CUT if value.cut else NIL
    text = _text(value.bulk) + (_CUT if value.cut else "")
    if value.kind == b"=":
        return text[4:]
    return "-" + text if value.kind == b"!" else text


def _aggregate(value: WireValue, depth: int) -> str:
    if value.items is None:
        return _text(value.kind + value.line) + _CUT if value.cut else NIL
    if value.kind == b"|":  # an attribute: the value that it belongs to is shown
        return _CUT if value.cut else _shown(value.items[-1], depth)
    if depth >= _MAX_DEPTH:
        items = [_CUT] if value.items or value.cut else []
    else:
        items = [_shown(item, depth + 1) for item in value.items] + ([_CUT] if value.cut else [])
    if value.kind == b"%":
        pairs = [": ".join(items[index : index + 2]) for index in range(0, len(items), 2)]
        return "{" + ", ".join(pairs) + "}"
    return "[" + ", ".join(items) + "]"


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace").replace("\r", "\\r").replace("\n", "\\n")
