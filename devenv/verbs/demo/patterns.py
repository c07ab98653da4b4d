"""How many sessions a balancer in front of the pods loses, for each way in which clients connect."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from random import Random
from urllib.parse import urlsplit

from devenv.core.balance.measured import PatternResult
from devenv.core.balance.models import Models, models_of_balancer
from devenv.core.balance.patterns import pattern_of
from devenv.core.balancers import parse_balancer
from devenv.core.model.ids import ChallengeId
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Filled
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Outcome
from devenv.core.simulation.intervals import wilson
from devenv.harness.client.load_pairs import ANY_SELECTION, KIND
from devenv.verbs.balance.connection import Answer, Place, Request
from devenv.verbs.balance.measuring_pod import Arrivals
from devenv.verbs.balance.player import Measurement, play

SESSIONS = 40
"""Sessions of each pattern."""
PATTERNS = tuple(map(pattern_of, ("new", "new+image", "kept", "kept+image", "users")))
_OFF = 4.0
"""Standard deviations that a measured share may be off its formula: one in 16,000 is by chance."""


class CaptchaService:
    """The captcha service, as ``devenv.verbs.balance`` speaks to services."""

    page = image = Request("GET", "/ready")

    def create(self) -> Request:
        """Opens a session."""
        return _request(KIND.create.fill(None))

    def session_of(self, answer: Answer) -> str | None:
        """The challenge id of the answer."""
        return (
            CAPTCHA.session_of(dict(answer.headers), json.loads(answer.body))
            if answer.status == 200
            else None
        )

    def verify(self, session: str) -> Request:
        """Sends an answer, right or wrong: it tells whether the session is known."""
        return _request(KIND.verify.fill(ChallengeId(session), ANY_SELECTION))

    def known(self, answer: Answer) -> bool | None:
        """Whether the pod knew the session."""
        if answer.status >= 500:
            return None
        outcome = CAPTCHA.outcome(answer.status, json.loads(answer.body), answer.body.decode())
        return None if outcome is Outcome.ERROR else outcome is not Outcome.NOT_FOUND


def _request(filled: Filled) -> Request:
    body, headers = filled.encoded()
    return Request(filled.method, filled.path, body or b"", tuple(headers.items()))


def play_patterns(status: StackStatus, seed: int) -> tuple[PatternResult, ...]:
    """Play ``SESSIONS`` sessions of each pattern through the balancer of the stack."""
    url = urlsplit(status.endpoints.traffic)
    setting = parse_balancer(status.spec.balancer)
    measurement = Measurement(
        Place(str(url.hostname), url.port or 80),
        CaptchaService(),
        Arrivals(),
        status.spec.pod_names,
        SESSIONS,
        Random(seed),
        models_of_balancer(setting) if status.spec.workers == 1 else Models(),
    )

    async def play_all() -> tuple[PatternResult, ...]:
        return tuple([await play(measurement, pattern) for pattern in PATTERNS])

    return asyncio.run(play_all())


def not_as_expected(results: Sequence[PatternResult], use_redis: bool) -> list[str]:
    """What of the results is not as expected, a sentence each.

    With Redis no session is lost. From pod memory as many are lost as the policy's formula says, where there
    is one; any share may be, where there is none.
    """
    unexpected = []
    for result in results:
        what = f"{result.name}: {result.lost} of {result.sessions} sessions lost"
        if result.failed:
            unexpected.append(f"{result.name}: {result.failed} sessions were not answered")
        if use_redis and result.lost:
            unexpected.append(f"{what}, with Redis")
        exact = None if use_redis else result.exact
        if exact is not None and not _holds(result, exact.value):
            unexpected.append(f"{what}, expected {exact.value:.0%} ({exact.formula})")
    return unexpected


def _holds(result: PatternResult, exact: float) -> bool:
    if result.pattern.sequential and exact in (0.0, 1.0):
        return result.lost == exact * result.sessions
    return wilson(result.lost, result.sessions, _OFF).holds(exact)
