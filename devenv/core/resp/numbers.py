"""Whole numbers as Redis and hiredis read them (``string2ll``): no spaces, plus sign or leading zero."""

from __future__ import annotations

INT64_MAX = 2**63 - 1


def parse_length(text: bytes) -> int | None:
    """The number that ``text`` is, within 64 bits; None where it is none by ``string2ll``'s rules."""
    if text.isdigit():  # ASCII only, for bytes
        if (text[0] == 0x30 and len(text) > 1) or len(text) > 19:
            return None
        value = int(text)
        return value if value <= INT64_MAX else None
    if text[:1] == b"-" and text[1:].isdigit() and text[1] != 0x30 and len(text) <= 20:
        value = -int(text[1:])
        return value if value >= -INT64_MAX - 1 else None
    return None
