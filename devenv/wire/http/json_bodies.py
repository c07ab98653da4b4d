"""The bodies that are kept with the recent exchanges: JSON, forms, streams of JSON events, short texts.

They are bounded, and cheap for the usual small ones.
"""

from __future__ import annotations

import json
import string
from typing import Any

from devenv.core.model.bodies import answered_fields, form_fields, form_text

MAX_COLLECTED = 65536
"""Bytes of a body up to which it is collected at all."""
MAX_KEPT = 2048
"""Bytes of a body that is kept as it is; in longer ones strings are shortened, as of pictures in base64."""
MAX_STRING = 200
"""Characters that are left of a string then."""
_FIRST = frozenset(b"{[ \t\r\n:%_" + string.ascii_letters.encode() + string.digits.encode())
"""How JSON, a form's first name, or the first line of an event stream may begin."""


def collect(held: bytes | None, piece: bytes) -> bytes | None:
    """``held``, what was collected of a body so far (first b""), and its next piece.

    None when it is neither JSON, form nor event stream, or too long; from then on it stays None.
    """
    if held:
        return held + piece if len(held) + len(piece) <= MAX_COLLECTED else None
    if held is None or not piece:
        return held
    return piece if piece[0] in _FIRST and len(piece) <= MAX_COLLECTED else None


def bounded(body: bytes | None) -> bytes | str | None:
    """What to keep of a collected body; None for nothing.

    At most ``MAX_KEPT`` bytes as they are (not parsed: that is left to ``as_text``), or, of a longer body,
    the text of the shortened one.
    """
    if not body:
        return None
    if len(body) <= MAX_KEPT:
        return body
    try:
        short = _short_text(body.decode())
        return short if 0 < len(short.encode()) <= 2 * MAX_KEPT else None
    except (ValueError, RecursionError):
        return None


def as_text(kept: bytes | str | None) -> str | None:
    """What ``bounded`` kept, as text, if it is JSON, a form, or a stream of JSON events."""
    if kept is None or isinstance(kept, str):
        return kept
    try:
        text = kept.decode()
    except ValueError:
        return None
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return text if answered_fields(text) or form_fields(text) else None
    return text


def plain_text(kept: bytes | str | None) -> str | None:
    """What ``bounded`` kept, where that is a short text of any sort ("no such session"); else None."""
    if not isinstance(kept, bytes) or len(kept) > MAX_STRING:
        return None
    try:
        text = kept.decode()
    except ValueError:
        return None
    return text if text.replace("\n", "").replace("\r", "").isprintable() else None


def _short_text(text: str) -> str:
    """A body with its long strings shortened: as JSON, of an event stream its last event, or as a form."""
    if text[:1] in "{[ \t\r\n":
        return json.dumps(_shortened(json.loads(text)), ensure_ascii=False)
    if event := answered_fields(text):
        return f"data: {json.dumps(_shortened(event), ensure_ascii=False)}\n\n"
    return form_text(_shortened(form_fields(text)))


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_STRING:
        return f"{value[:MAX_STRING]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [_shortened(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _shortened(one) for key, one in value.items()}
    return value
