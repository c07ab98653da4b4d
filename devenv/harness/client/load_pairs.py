"""Create→verify pairs as a load balancer's clients send them: no request is pinned to a pod, the policy
decides.

The share of pairs that end in "Challenge not found" tells how often a session was looked for in the wrong
place: 1 - 1/pods for random routing of pod memory, 0 where every request of a client meets the same pod.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import CaptchaType, Outcome
from devenv.harness.client.http_request import http_request
from devenv.stack.loopback import NO_AUTHORITIES

# A detector of the bug needs no right answer: any other message than "not found" means the session was there.
ANY_SELECTION = [0, 1, 2, 3, 4, 5, 6, 7, 8]
KIND = CAPTCHA.kind(CaptchaType.ABSTRACT)
OTHER = "/health"
"""A request that is about no session."""


@dataclass(frozen=True, slots=True)
class Pairs:
    """What happened to pairs of a create and a verify."""

    total: int
    """All pairs."""
    outcomes: dict[Outcome, int]
    """How often each outcome of a verify came."""
    routes: dict[tuple[str, str], int]
    """Pairs by the pods that served them: (created, verified)."""

    @property
    def not_found_share(self) -> float:
        """The part of all pairs, 0 to 1, whose challenge was not found."""
        return self.outcomes.get(Outcome.NOT_FOUND, 0) / self.total if self.total else 0.0

    @property
    def crossed(self) -> int:
        """Pairs whose verify met another pod than their create."""
        return sum(count for (created, verified), count in self.routes.items() if created != verified)

    def to_json(self) -> dict[str, Any]:
        """A plain dict; routes as a list, since a JSON key is one string."""
        return {
            "total": self.total,
            "not_found_share": self.not_found_share,
            "outcomes": {str(outcome): count for outcome, count in sorted(self.outcomes.items())},
            "routes": [
                {"created": created, "verified": verified, "pairs": count}
                for (created, verified), count in sorted(self.routes.items())
            ],
        }


def run_pairs(
    traffic: str,
    total: int,
    *,
    keep_alive: bool = True,
    in_flight: int = 8,
    between: int = 0,
    progress: Callable[[int], None] = lambda done: None,
) -> Pairs:
    """Send ``total`` abstract create→verify pairs to the proxy at URL ``traffic``.

    Each pair is one client. With ``keep_alive`` both its requests use one TCP connection, as a browser's do;
    without it each opens its own. ``in_flight`` pairs run at a time; ``between`` is the number of other
    requests (GET /health) from create to verify; ``progress`` hears how many are done.
    Raises EnvironmentProblem where the stack does not answer as a captcha-api.
    """
    return asyncio.run(_run(traffic, total, keep_alive, in_flight, between, progress))


async def _run(
    traffic: str,
    total: int,
    keep_alive: bool,
    in_flight: int,
    between: int,
    progress: Callable[[int], None],
) -> Pairs:
    outcomes: Counter[Outcome] = Counter()
    routes: Counter[tuple[str, str]] = Counter()
    waiting = iter(range(total))

    async def client() -> None:
        for _ in waiting:
            outcome, route = await _pair(traffic, keep_alive, between)
            outcomes[outcome] += 1
            routes[route] += 1
            progress(routes.total())

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(in_flight, total)):
                group.create_task(client())
    except* EnvironmentProblem as problems:
        raise problems.exceptions[0] from None
    return Pairs(total, dict(outcomes), dict(routes))


async def _pair(traffic: str, keep_alive: bool, between: int) -> tuple[Outcome, tuple[str, str]]:
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1 if keep_alive else 0)
    transport = httpx.AsyncHTTPTransport(limits=limits, verify=NO_AUTHORITIES)
    async with httpx.AsyncClient(transport=transport, base_url=traffic, timeout=30.0) as http:
        try:
            created = (await http.send(http_request(http, KIND.create.fill(None)))).raise_for_status()
            challenge_id = CAPTCHA.session_of(created.headers, created.json())
            if challenge_id is None:
                raise ValueError("an answer without a challenge id")
            for _ in range(between):
                await http.get(OTHER)
            use = KIND.verify.fill(challenge_id, ANY_SELECTION)
            verified = await http.send(http_request(http, use))
            outcome = CAPTCHA.outcome(verified.status_code, verified.json())
        except (httpx.HTTPError, AttributeError, ValueError) as error:
            raise EnvironmentProblem(
                f"{traffic} does not answer as a captcha-api: {error or type(error).__name__}",
                hint="see `devenv status` and `devenv logs`",
            ) from error
    return outcome, (created.headers.get("X-Served-By", "?"), verified.headers.get("X-Served-By", "?"))
