"""Measured results, made up for tests of what is concluded from them."""

from __future__ import annotations

from typing import Any

from devenv.core.balance.measured import Balance, PatternResult
from devenv.core.balance.patterns import PATTERNS, pattern_of

BOTH = {"captcha-api-a": 100, "captcha-api-b": 100}
FIRST = {"captcha-api-a": 200, "captcha-api-b": 0}


def result(name: str, lost: int, sessions: int = 100, **fields: Any) -> PatternResult:
    return PatternResult(pattern_of(name), sessions, lost, **{"by_pod": BOTH, "alternation": 0.5, **fields})


def balance(*results: PatternResult, **fields: Any) -> Balance:
    return Balance("nginx", "nginx 1", 2, results, **fields)


def all_patterns(lost: int, **fields: Any) -> list[PatternResult]:
    return [result(pattern.name, lost, **fields) for pattern in PATTERNS]
