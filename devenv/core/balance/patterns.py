"""How clients send a session's requests: their connections, their overlap, what comes between."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from devenv.core.model.errors import UsageProblem


class Connections(StrEnum):
    """Which connection a request uses."""

    NEW = "new"
    """Each request opens one."""
    KEPT = "kept"
    """A session opens one and keeps it."""
    BROWSER = "browser"
    """A session opens several at once, as a browser does for a page's files; the longest idle one is used."""
    SHARED = "shared"
    """All users share a pool of kept connections; the longest idle one is used."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """How clients send the requests of sessions."""

    name: str
    """The word on the command line and in the tables."""
    text: str
    """What it is, in a line."""
    connections: Connections
    users: int = 1
    """The number of sessions that overlap."""
    pause: float = 0.0
    """Between two requests of a user there is a random pause of up to this many seconds."""
    between: int = 0
    """Requests between create and verify: images."""

    @property
    def sequential(self) -> bool:
        """Whether one request is sent after the other."""
        return self.users == 1

    @property
    def before(self) -> int:
        """Requests of a session before its create: the files of the page."""
        return BROWSER_CONNECTIONS if self.connections is Connections.BROWSER else 0

    @property
    def requests(self) -> int:
        """Requests of a session."""
        return self.before + 2 + self.between

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "name": self.name,
            "text": self.text,
            "connections": str(self.connections),
            "users": self.users,
            "pause_seconds": self.pause,
            "requests_between": self.between,
        }


BROWSER_CONNECTIONS = 6
"""Connections that a browser opens to one host at most: https://www.rfc-editor.org/rfc/rfc9112#section-9.4
leaves the number to the client, and Chrome, Firefox and Safari take 6."""
OVERLAPPING_USERS = 8
RANDOM_PAUSE = 0.003
"""Seconds: as long as a few answers take, so that no order of requests lasts."""
IMAGE = "+image"
"""Ends the name of a pattern with one request between create and verify."""

_PLAIN = (
    Pattern("new", "one connection per request, one session after the other", Connections.NEW),
    Pattern("kept", "one kept connection per session, one session after the other", Connections.KEPT),
    Pattern(
        "browser",
        f"a browser: {BROWSER_CONNECTIONS} connections, opened by a page's files; the longest idle is used",
        Connections.BROWSER,
    ),
    Pattern(
        "users",
        f"{OVERLAPPING_USERS} overlapping users with random pauses, on a pool of as many kept connections",
        Connections.SHARED,
        OVERLAPPING_USERS,
        RANDOM_PAUSE,
    ),
    Pattern(
        "load-test",
        f"{OVERLAPPING_USERS} overlapping users without any pause, on a pool of as many kept connections",
        Connections.SHARED,
        OVERLAPPING_USERS,
    ),
)


def with_image(pattern: Pattern) -> Pattern:
    """The same clients, which load an image between create and verify."""
    return replace(
        pattern,
        name=pattern.name + IMAGE,
        text=pattern.text + "; an image between create and verify",
        between=1,
    )


PATTERNS: tuple[Pattern, ...] = tuple(
    variant for pattern in _PLAIN for variant in (pattern, with_image(pattern))
)
"""All patterns, each without and with an image in between."""

WITHOUT_COOKIES = ("new", "kept", "users")
"""Patterns that are also played by clients that keep no cookie, where the balancer sets one."""


def pattern_of(name: str) -> Pattern:
    """The pattern of that name. Raises UsageProblem for an unknown one."""
    for pattern in PATTERNS:
        if pattern.name == name:
            return pattern
    raise UsageProblem(
        f"unknown pattern {name!r}", hint="known: " + ", ".join(each.name for each in PATTERNS)
    )
