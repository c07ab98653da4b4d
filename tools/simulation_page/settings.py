"""The settings that are predicted and measured."""

from __future__ import annotations

from dataclasses import dataclass

SESSIONS = 2000
"""Sessions of each measurement."""
POINTS = 2.0
"""This many percentage points may lie between prediction and measurement."""


@dataclass(frozen=True, slots=True)
class Measured:
    """One setting of the page."""

    name: str
    """What the page calls it."""
    fields: dict[str, str]
    """The options of ``simulate``."""


COMMON = {"rate": "40", "think": "uniform:0.2s-1.5s", "ttl": "60s"}
"""What all settings share: people who answer quickly, so that 2,000 sessions take 50 seconds."""


def _setting(name: str, **given: str) -> Measured:
    fields = {key.replace("_", "-"): value for key, value in given.items()}
    return Measured(name, {**COMMON, **fields})


SETTINGS = (
    _setting("2 pods, round-robin, memory", pods="2", policy="round-robin"),
    _setting("3 pods, random, memory", pods="3", policy="random"),
    _setting("5 pods, random, memory", pods="5", policy="random"),
    _setting(
        "2 pods, a pod per connection, new connections", pods="2", policy="per-connection", keep_alive="0",
    ),
    _setting(
        "3 pods, cookie-sticky, rolling restart", pods="3", policy="cookie-sticky",
        rolling="start=10s,step=12s,down=1500ms",
    ),
    _setting("3 pods, random, 1 of 3 on Redis", pods="3", policy="random", redis_pods="1"),
    _setting("5 pods, round-robin, 3 of 5 on Redis", pods="5", policy="round-robin", redis_pods="3"),
    _setting("2 pods, random, all on Redis", pods="2", policy="random", redis_pods="all"),
    _setting(
        "2 pods × 4 workers behind nginx, new connections",
        pods="2", policy="nginx", workers="4", upstream="new",
    ),
    _setting("4 pods, random, 2 of 4 on Redis", pods="4", policy="random", redis_pods="2"),
    _setting("3 pods behind nginx", pods="3", policy="nginx"),
    _setting("5 pods behind Envoy, 2 on Redis", pods="5", policy="envoy", redis_pods="2"),
)  # fmt: skip
