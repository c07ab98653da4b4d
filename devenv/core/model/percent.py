"""Percent-encoded text as ``urllib.parse`` reads it, in time and memory that grow as the text does.

``urllib.parse.unquote`` makes two objects for each percent sign: a megabyte of ``%41`` takes 60 MB with it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_OCTETS = re.compile(r"(?:%[0-9A-Fa-f]{2})++")


def decoded(text: str) -> str:
    """``text`` with its percent-encoded octets read as UTF-8; what is no UTF-8 becomes U+FFFD."""
    return text if "%" not in text else _OCTETS.sub(_as_text, text)


def form_pairs(text: str) -> Iterator[tuple[str, str]]:
    """The names and values of a query or an urlencoded form, decoded, in order (WHATWG URL, 5.1).

    A name without ``=`` has an empty value; nothing between two ``&`` is no pair.
    """
    for pair in text.split("&"):
        if pair:
            name, _, value = pair.replace("+", " ").partition("=")
            yield decoded(name), decoded(value)


def _as_text(octets: re.Match[str]) -> str:
    return bytes.fromhex(octets[0].replace("%", "")).decode("utf-8", "replace")
