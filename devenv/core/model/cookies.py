"""Cookies in headers: what an answer sets, and what a browser then sends beside the session's own cookie."""

from __future__ import annotations

import re
from collections.abc import Mapping

from devenv.core.model.http_name import HTTP_NAME

_SET = re.compile(rf"(?:^|,)\s*({HTTP_NAME})=([^;,\s]+)")
"""A cookie that is set; several Set-Cookie headers may be joined by commas, and a date has one too."""
SIGNATURE = ".sig"
"""How the cookie is called, after the name of the one that it signs (the ``cookies`` package of Koa)."""


def cookies_set(header: str) -> dict[str, str]:
    """The cookies of one or several ``Set-Cookie`` headers, joined by commas; those without a value are not
    set but deleted."""
    return dict(_SET.findall(header))


def with_others(headers: Mapping[str, str], others: Mapping[str, str]) -> dict[str, str]:
    """``headers``, with ``others`` behind the cookies of their ``Cookie``; without that as they are."""
    merged = dict(headers)
    for name, value in headers.items():
        if name.lower() == "cookie":
            named = {word.partition("=")[0].strip() for word in value.split(";")}
            more = [f"{other}={text}" for other, text in others.items() if other not in named]
            merged[name] = "; ".join((value, *more))
    return merged
