"""Words of the command line that begin with a minus sign and are no options: ``devenv scale -1``, ``-a``."""

from __future__ import annotations

import re
from collections.abc import Sequence

_SIGNED = re.compile(r"-(?:[0-9]+|[a-gi-z]|captcha-api-[a-z])")
"""A number, a pod's name, or its letter; -h is the help."""
_MINUS = "\N{MINUS SIGN}"


def as_words(arguments: Sequence[str]) -> list[str]:
    """``arguments`` with the hyphen of signed words replaced, so that a parser takes them for no options."""
    return [_MINUS + word[1:] if _SIGNED.fullmatch(word) else word for word in arguments]


def plain(words: Sequence[str]) -> list[str]:
    """The inverse of ``as_words``, for what the parser has given."""
    return [word.replace(_MINUS, "-") for word in words]
