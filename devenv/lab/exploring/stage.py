"""The session that everything is tried on, and the requests to it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from devenv.captcha_api.catalogue import Catalogue
from devenv.core.captcha_http import CHALLENGE_FIELD, VERIFY_PATHS
from devenv.core.topology import StackStatus
from devenv.core.vocabulary import Answer, CaptchaType
from devenv.explore.behaviour import RESTART
from devenv.explore.expression import Participant
from devenv.lab.client import CaptchaClient, Challenge, Submission
from devenv.lab.exploring.jobs import CID, Call, EventCall
from devenv.lab.keys import DEFAULT_PREFIX
from devenv.lab.seeding import as_created, new_document


@dataclass(frozen=True, slots=True)
class Stage:
    """A challenge of type ``kind`` as the service keeps it, with ``CID`` for its id, in database ``db``.

    ``submissions`` is what is sent for each answer.
    """

    kind: CaptchaType
    key: str
    document: Mapping[str, Any]
    submissions: Mapping[Answer, Submission]
    ttl_ms: int
    pods: tuple[str, ...]
    db: int = 0

    def call(self, request: Participant, pod: str) -> Call:
        """The verify of one participant."""
        assert request.answer is not None
        body = {CHALLENGE_FIELD: CID, **self.submissions[request.answer]}
        return Call(request.name, pod, VERIFY_PATHS[self.kind], body)

    def calls(self, cast: Sequence[Participant]) -> tuple[Call, ...]:
        """The verifies of all participants, each on its pod."""
        return tuple(self.call(it, self.pods[it.pod]) for it in cast if it.answer is not None)

    def events(self, cast: Sequence[Participant]) -> tuple[EventCall, ...]:
        """The events of a cast, as jobs name them."""
        return tuple(
            EventCall(it.event, it.target, self.pods[it.pod] if it.event == RESTART else None)
            for it in cast
            if it.event is not None
        )


async def build_stage(
    status: StackStatus, pods: Sequence[str], kind: CaptchaType, seed: int, created_at: float
) -> Stage:
    """A fresh challenge from the mock ML service's pictures; it knows the right answers."""
    settings = next(pod.settings for pod in status.pods if pod.name == pods[0])
    assets = (settings.get("ASSET_BASE_URL") or status.endpoints.ml).rstrip("/")
    async with CaptchaClient(status.endpoints, seed=seed) as client:
        catalogue = Catalogue.from_json(dict(await client.catalogue()))
        document = new_document(kind, CID, catalogue, assets, Random(seed), created_at)
        challenge = Challenge(CID, kind, as_created(document), None, "")
        submissions = {answer: await client.answer(challenge, answer) for answer in Answer}
    key = f"{settings.get('REDIS_PREFIX', DEFAULT_PREFIX)}{kind}:{CID}"
    ttl_ms, db = 1000 * int(settings.get("CAPTCHA_TTL") or 60), int(settings.get("REDIS_DB") or 0)
    return Stage(kind, key, document, submissions, ttl_ms, tuple(pods), db)
