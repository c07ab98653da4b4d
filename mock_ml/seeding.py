"""Random streams that depend on words alone: the same in every process, platform and hash seed."""

from __future__ import annotations

import hashlib
from random import Random


def stream(*words: object) -> Random:
    """A generator determined by ``words`` (their ``str``), never by Python's ``hash``."""
    return Random(_number(words))


def fraction(*words: object) -> float:
    """One number in [0, 1) determined by ``words``."""
    return (_number(words) >> 11) / float(1 << 53)


def _number(words: tuple[object, ...]) -> int:
    text = "\x1f".join(str(word) for word in words)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")
