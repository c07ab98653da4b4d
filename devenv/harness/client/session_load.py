"""Sessions as people open and use them: they arrive at given moments and think between their requests.

Unlike ``load_pairs``, which sends the next pair when one is done, the moments do not depend on the answers,
so that the traffic is that of a simulation.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import httpx

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Filled
from devenv.core.model.vocabulary import Answer, CaptchaType, Outcome
from devenv.harness.client.http_request import http_request
from devenv.stack.loopback import NO_AUTHORITIES

KNOWN = (Outcome.SUCCESS, Outcome.WRONG)
"""Answers that show that the session was there."""
FAILED = "no answer"
NOT_OPENED = "not opened"
_TIMEOUT = 30.0
_UNAVAILABLE = 503


@dataclass(frozen=True, slots=True)
class ScriptedSession:
    """One session."""

    opens: float
    """Seconds from the start."""
    pauses: tuple[float, ...]
    """The thinking time before each look-up, in seconds."""
    kind: CaptchaType = CaptchaType.ABSTRACT
    """The type of its challenge; a handwriting is not judged, as it has no id to be found by."""
    client: str = ""
    """The address that it claims to come from (X-Forwarded-For); empty: none."""
    source: str = ""
    """The address of this machine that it comes from, of 127.0.0.0/8; empty: the usual one."""


@dataclass(frozen=True, slots=True)
class Retries:
    """Requests that were answered by 503 are sent again."""

    most: int = 0
    """So often."""
    after: float = 1.0
    """Seconds after the answer."""


NO_RETRIES = Retries()


@dataclass(frozen=True, slots=True)
class Played:
    """What came of the sessions."""

    sessions: int
    lost: int
    """Sessions that were not opened, or with a look-up that did not find them."""
    endings: dict[str, int]
    """Sessions by the answer to the first look-up that failed ("not_found", …); "" where none did."""
    late: float
    """How much later than scripted the latest session was opened, in seconds."""
    mostly_late: float
    """99 % of the sessions were opened no later than this after the scripted moment, in seconds."""
    answer_time: float
    """The mean time until an answer, in seconds."""


async def play_sessions(
    traffic: str,
    sessions: Sequence[ScriptedSession],
    *,
    keep_alive: bool,
    retries: Retries = NO_RETRIES,
    progress: Callable[[int], None] = lambda done: None,
) -> Played:
    """Play the sessions against the proxy or balancer at URL ``traffic``, each on its own client.

    With ``keep_alive`` a session's requests use one TCP connection, else each opens its own. ``progress``
    hears how many sessions are done.
    """
    begun, endings, lates = time.monotonic(), Counter[str](), [0.0]
    times: list[float] = []

    async def one(session: ScriptedSession) -> None:
        await asyncio.sleep(max(0.0, begun + session.opens - time.monotonic()))
        lates.append(time.monotonic() - begun - session.opens)
        endings[await _session(traffic, session, keep_alive, retries, times)] += 1
        progress(endings.total())

    async with asyncio.TaskGroup() as group:
        for session in sessions:
            group.create_task(one(session))
    lates.sort()
    mostly_late = lates[math.ceil(0.99 * len(lates)) - 1]
    lost, answer_time = len(sessions) - endings[""], sum(times) / max(len(times), 1)
    return Played(len(sessions), lost, dict(endings), lates[-1], mostly_late, answer_time)


async def _session(
    traffic: str, session: ScriptedSession, keep_alive: bool, retries: Retries, times: list[float]
) -> str:
    """The answer to the first look-up that failed, "" where none did; ``times`` gets those of answers."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1 if keep_alive else 0)
    transport = httpx.AsyncHTTPTransport(
        limits=limits, verify=NO_AUTHORITIES, local_address=session.source or None
    )
    kind, first = CAPTCHA.kind(session.kind), ""
    headers = {"X-Forwarded-For": session.client} if session.client else {}
    async with httpx.AsyncClient(
        transport=transport, base_url=traffic, timeout=_TIMEOUT, headers=headers
    ) as http:

        async def answer_to(request: Filled) -> httpx.Response:
            for _ in range(retries.most):
                answer = await once(request)
                if answer.status_code != _UNAVAILABLE:
                    return answer
                await asyncio.sleep(retries.after)
            return await once(request)

        async def once(request: Filled) -> httpx.Response:
            sent = time.monotonic()
            answer = await http.send(http_request(http, request))
            times.append(time.monotonic() - sent)
            return answer

        try:
            created = await answer_to(kind.create.fill(None))
            challenge_id = CAPTCHA.session_of(created.headers, created.json()) if created.is_success else None
        except (httpx.HTTPError, ValueError, AttributeError):
            return NOT_OPENED
        if challenge_id is None:
            return NOT_OPENED
        for pause in session.pauses:
            await asyncio.sleep(pause)
            try:
                answer = await answer_to(kind.verify.fill(challenge_id, kind.answers[str(Answer.WRONG)]))
                outcome = CAPTCHA.outcome(answer.status_code, answer.json())
                ending = "" if outcome in KNOWN else str(outcome)
            except (httpx.HTTPError, ValueError, AttributeError):
                ending = FAILED
            first = first or ending
    return first
