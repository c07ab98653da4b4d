"""Moments, durations and addresses in logs."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.log_values import (
    client_of,
    duration_of,
    is_internal,
    moment_of,
    visitor_of,
)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("12ms", 0.012), ("0.5s", 0.5), ("1.5µs", 1.5e-6), ("250us", 250e-6), ("3ns", 3e-9), ("1m2.5s", 62.5),
     ("12", None), ("12 parsecs", None), ("", None), ("ms", None)],
)  # fmt: skip
def test_durations(text: str, seconds: float | None) -> None:
    assert duration_of(text) == (None if seconds is None else pytest.approx(seconds))


@pytest.mark.parametrize(
    "text",
    ["2025-07-01T09:35:00.5Z", "2025/07/01 09:35:00.5", "01/Jul/2025:09:35:00.500",
     "01/Jul/2025:11:35:00.5 +0200",
     1751362500.5, "1751362500500", "1751362500500000", "1751362500500000000"],
)  # fmt: skip
def test_moments(text: str) -> None:
    assert moment_of(text, "") == pytest.approx(1751362500.5)


def test_what_is_no_moment() -> None:
    with pytest.raises(UsageProblem, match="x:1: 'soon' is no time"):
        moment_of("soon", "x:1: ")


def test_addresses() -> None:
    assert [client_of(text) for text in ("1.2.3.4:80", "[::1]:80", "::1", "host", "1.2.3.4")] == [
        "1.2.3.4", "::1", "::1", "host", "1.2.3.4"
    ]  # fmt: skip
    assert [is_internal(text) for text in ("10.0.0.1", "fd00::1", "100.64.1.1", "203.0.113.5", "host")] == [
        True, True, True, False, False
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("forwarded", "visitor"),
    [
        ("203.0.113.5", "203.0.113.5"),
        ("198.51.100.9, 10.0.9.1", "198.51.100.9"),
        ("6.6.6.6, 203.0.113.5, 10.0.9.1", "203.0.113.5"),  # the first may be anything
        ("10.1.2.3, 10.0.9.1", "10.0.9.1"),
        ("-", None),
        ("", None),
    ],
)
def test_the_visitor_behind_balancers(forwarded: str, visitor: str | None) -> None:
    assert visitor_of(forwarded) == visitor
