"""``--target``: the smallest change of a setting that brings its losses down to a share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from devenv.core.model.errors import DevenvError
from devenv.core.simulation.run import Effort, Prediction, predict
from devenv.core.simulation.thinking import Thinking
from devenv.core.simulation.vector_routing import unsupported
from devenv.verbs.simulate.fields import Texts, setting_of
from devenv.verbs.simulate.randomness import Seeded

SESSIONS = 200_000
"""Sessions for each change that is tried."""
EVENT_SESSIONS = 20_000
"""As many where the event engine must play."""
MOST_FIELDS = 2
"""No more fields are changed together."""


@dataclass(frozen=True, slots=True)
class Change:
    """Fields with their new values, and what came of it."""

    fields: tuple[tuple[str, str], ...]
    prediction: Prediction

    def reaches(self, target: float) -> bool:
        """Whether the whole interval is at the target or below."""
        return self.prediction.share.high <= target

    @property
    def text(self) -> str:
        """As options."""
        return " ".join(f"--{name} {value}" for name, value in self.fields)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"change": dict(self.fields), "share_lost": self.prediction.share.to_json()}


def candidates(texts: Texts) -> list[tuple[str, str]]:
    """Changes of one field, the smallest first: a setting of the balancer, of a service, then a migration."""
    now = setting_of(texts)
    wanted: list[tuple[str, str]] = []
    for policy in ("cookie-sticky", "source-hash"):
        if now.policy != policy:
            wanted.append(("policy", policy))
    wanted += [("keep-alive", f"{limit}s") for limit in (15, 60, 300) if limit > now.keep_alive]
    wanted += [("retries", str(count)) for count in (1, 3, 10) if now.outages and count > now.retries]
    wanted += [("ttl", f"{now.ttl * factor:g}s") for factor in (2, 5, 10)]
    if now.workers > 1:
        wanted.append(("workers", "1"))
    if 0 < now.redis_pods < now.pods:
        wanted += [("rule", "cohort"), ("rule", "mark")]
    if now.redis_pods < now.pods:
        wanted.append(("redis-pods", "all"))
    if now.pods > 1:
        wanted.append(("pods", "1"))
    return wanted


def smallest_change(
    texts: Texts,
    target: float,
    seed: int,
    thinking: Thinking | None = None,
    progress: Callable[[str], None] = lambda text: None,
) -> tuple[Change | None, Sequence[Change]]:
    """The first change that reaches ``target``, of one field before those of two, and all that were tried.

    What is no valid setting is left out. None where no change of up to ``MOST_FIELDS`` fields reaches it.
    """
    tried: list[Change] = []
    single = candidates(texts)
    for size in range(1, MOST_FIELDS + 1):
        for fields in combinations(single, size):
            if len({name for name, _ in fields}) < size:
                continue
            change = _try({**texts, **dict(fields)}, fields, seed, thinking)
            if change is None:
                continue
            tried.append(change)
            progress(f"{change.text}: {change.prediction.share.value:.2%} lost")
            if change.reaches(target):
                return change, tried
    return None, tried


def _try(
    texts: Texts, fields: tuple[tuple[str, str], ...], seed: int, thinking: Thinking | None
) -> Change | None:
    try:
        setting = setting_of(texts, thinking)
    except DevenvError:
        return None
    sessions = EVENT_SESSIONS if unsupported(setting) else SESSIONS
    return Change(fields, predict(setting, Seeded(seed), Effort(sessions)))
