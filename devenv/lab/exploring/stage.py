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
from devenv.lab.exploring.jobs import CID, Call, EventCall
from devenv.lab.keys import DEFAULT_PREFIX

KIND = CaptchaType.ABSTRACT


@dataclass(frozen=True, slots=True)
class Stage:
    """An abstract challenge as the service keeps it, with ``CID`` for its id, in database ``db``."""

    key: str
    document: Mapping[str, Any]
    ttl_ms: int
    pods: tuple[str, ...]
    db: int = 0

    def call(self, request: Participant, pod: str) -> Call:
        """The verify of one participant."""
        body = {CHALLENGE_FIELD: CID, "selections": self.selections(request.answer)}
        return Call(request.name, pod, VERIFY_PATHS[KIND], body)

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

    def selections(self, answer: Answer | None) -> list[int]:
        """What is selected: exactly the positives, exactly the others, or nothing."""
        if answer is Answer.EMPTY:
            return []
        wished = answer is Answer.RIGHT
        return [at for at, positive in enumerate(self.document["is_positive"]) if positive == wished]


def build_stage(
    status: StackStatus, pods: Sequence[str], catalogue: Mapping[str, Any], seed: int, created_at: float
) -> Stage:
    """A fresh challenge from the mock ML service's pictures."""
    settings = next(pod.settings for pod in status.pods if pod.name == pods[0])
    assets = (settings.get("ASSET_BASE_URL") or status.endpoints.ml).rstrip("/")
    target, pictures = Catalogue.from_json(dict(catalogue)).nine_pictures(Random(seed))
    document = {
        "type": str(KIND),
        "cid": CID,
        "target_class": target.name,
        "keywords": [target.korean],
        "image_urls": [assets + path for path, _ in pictures],
        "is_positive": [positive for _, positive in pictures],
        "attempts": 0,
        "created_at": created_at,
    }
    key = f"{settings.get('REDIS_PREFIX', DEFAULT_PREFIX)}{KIND}:{CID}"
    return Stage(
        key,
        document,
        1000 * int(settings.get("CAPTCHA_TTL") or 60),
        tuple(pods),
        int(settings.get("REDIS_DB") or 0),
    )
