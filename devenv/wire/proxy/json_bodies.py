"""The JSON bodies that are kept with the recent exchanges: bounded, and cheap for the usual small ones."""

from __future__ import annotations

import json
from typing import Any

MAX_COLLECTED = 65536
"""Bytes of a body up to which it is collected at all."""
MAX_KEPT = 2048
"""Bytes of a body that is kept as it is; in longer ones strings are shortened, as of pictures in base64."""
MAX_STRING = 200
"""Characters that are left of a string then."""


def collect(held: bytes | None, piece: bytes) -> bytes | None:
    """``held``, what was collected of a body so far (first b""), and its next piece.

    None when it is no JSON object or list, or too long; from then on it stays None.
    """
    if held is None or len(held) + len(piece) > MAX_COLLECTED:
        return None
    if not held and piece and piece[0] not in b"{[ \t\r\n":
        return None
    return held + piece


def bounded(body: bytes | None) -> bytes | None:
    """What to keep of a collected body: at most ``MAX_KEPT`` bytes or the shortened JSON; None for none."""
    if not body:
        return None
    if len(body) <= MAX_KEPT:
        return body
    try:
        short = json.dumps(_shortened(json.loads(body)), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return None
    return short if len(short) <= 2 * MAX_KEPT else None


def as_text(body: bytes | None) -> str | None:
    """A kept body as text, if it is JSON."""
    if body is None:
        return None
    try:
        json.loads(body)
        return body.decode()
    except (ValueError, RecursionError):
        return None


def _shortened(value: Any) -> Any:
    if isinstance(value, str) and len(value) > MAX_STRING:
        return f"{value[:MAX_STRING]}… ({len(value)} characters)"
    if isinstance(value, list):
        return [_shortened(one) for one in value]
    if isinstance(value, dict):
        return {key: _shortened(one) for key, one in value.items()}
    return value
