"""Many challenges with their answers: through the API, or straight into Redis to the key schema."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any

from devenv.captcha_api.errors import MLUnavailable
from devenv.captcha_api.pictures import Catalogue
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS, REDIS_PREFIX
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.ids import ChallengeId, SessionKey
from devenv.core.model.service import ServiceProfile
from devenv.core.model.topology import PodStatus, StackStatus
from devenv.core.model.vocabulary import Answer, CaptchaType
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import Challenge
from devenv.harness.redis.keys import connected
from devenv.harness.runs.folders import json_lines
from devenv.stack.files import write_atomically
from devenv.stack.protocol import Progress

CHALLENGES = "challenges.jsonl"
IN_FLIGHT = 8
_CHUNK = 500
_PROGRESS_STEPS = 10


@dataclass(frozen=True, slots=True)
class Seeded:
    """One challenge and its answer; a line of challenges.jsonl. Times are seconds since the epoch."""

    type: CaptchaType
    challenge_id: ChallengeId | None
    """None where the service gives none (handwriting in pod memory)."""
    key: SessionKey | None
    """None where the session is not in Redis."""
    created_at: float
    expires_at: float
    answer: dict[str, Any]
    """``{"selections": […]}``, or for handwriting ``{"text": word, "sample": URL of a picture of it}``."""
    pod: str | None
    """None where no pod was asked."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {**asdict(self), "type": str(self.type)}


@dataclass(frozen=True, slots=True)
class Seeding:
    """What was seeded, and into which file."""

    seeded: tuple[Seeded, ...]
    path: Path
    note: str | None = None
    """What a person should know about it; None: nothing."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict with the counts per type."""
        counts = {str(kind): sum(one.type is kind for one in self.seeded) for kind in CaptchaType}
        return {"seeded": len(self.seeded), "types": counts, "file": str(self.path), "note": self.note}


def seed(
    status: StackStatus,
    count: int,
    kind: CaptchaType | None,
    state_dir: Path,
    *,
    direct: bool = False,
    random_seed: int = 0,
    progress: Progress = lambda line: None,
    clock: Callable[[], float] = time.time,
) -> Seeding:
    """Make ``count`` challenges of ``kind``, or of all three types in turn, and write challenges.jsonl.

    ``direct`` writes the documents into Redis itself, with the prefix, database and CAPTCHA_TTL of the first
    pod that has USE_REDIS=true; ``random_seed`` then chooses the same pictures and words again (a grid's
    scene follows from its id, which is always new). The file replaces an earlier one. Raises UsageProblem
    for a count below 1 and for a type that the service has not, EnvironmentProblem where the stack does not
    answer.
    """
    if count < 1:
        raise UsageProblem(f"{count} challenges cannot be seeded; it takes at least 1")
    types = _types(status.spec.profile, kind)
    kinds = [types[index % len(types)] for index in range(count)]

    async def work() -> list[Seeded]:
        async with CaptchaClient(status.endpoints, clock=clock, profile=status.spec.profile) as client:
            if direct:
                return await _directly(client, status, kinds, Random(random_seed), clock, progress)
            return await _through_api(client, status, kinds, clock, progress)

    seeded = asyncio.run(work())
    path = state_dir / CHALLENGES
    write_atomically(path, json_lines(one.to_json() for one in seeded))
    return Seeding(tuple(seeded), path, _note(status, direct))


def _types(profile: ServiceProfile, kind: CaptchaType | None) -> tuple[CaptchaType, ...]:
    """``kind``, else the contract's types that the service has; UsageProblem where it has none such."""
    if kind is not None:
        profile.kind(kind)
        return (kind,)
    known = tuple(item for item in CaptchaType if item in profile.kinds)
    if not known:
        raise UsageProblem(
            f"seed makes {', '.join(CaptchaType)} challenges, and the service has {', '.join(profile.kinds)}",
            hint="devenv replay lost-session opens sessions of any service",
        )
    return known


async def _through_api(
    client: CaptchaClient,
    status: StackStatus,
    kinds: Sequence[CaptchaType],
    clock: Callable[[], float],
    progress: Progress,
) -> list[Seeded]:
    """Bounded concurrency, over the pods as the proxy's policy says; in the order of ``kinds``."""
    room = asyncio.Semaphore(IN_FLIGHT)
    pods = {pod.name: pod for pod in status.pods}
    done = 0

    async def one(kind: CaptchaType) -> Seeded:
        nonlocal done
        async with room:
            created_at = clock()
            challenge = await client.create(kind)
            answer = await _answer(client, challenge)
        done += 1
        _report(progress, done, len(kinds))
        pod = pods.get(challenge.served_by or "")
        key = _key(pod, challenge.session) if pod is not None and challenge.session and _uses(pod) else None
        expires_at = created_at + float(challenge.raw.get("ttl", CAPTCHA_TTL_SECONDS))
        return Seeded(kind, challenge.id, key, created_at, expires_at, answer, challenge.served_by)

    # A TaskGroup, so that one failure ends the others instead of leaving them to run.
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(kind)) for kind in kinds]
    except* EnvironmentProblem as problems:
        raise problems.exceptions[0] from None
    return [task.result() for task in tasks]


async def _directly(
    client: CaptchaClient,
    status: StackStatus,
    kinds: Sequence[CaptchaType],
    random: Random,
    clock: Callable[[], float],
    progress: Progress,
) -> list[Seeded]:
    pod = _redis_pod(status)
    ttl = int(pod.settings.get("CAPTCHA_TTL") or CAPTCHA_TTL_SECONDS)
    assets = (pod.settings.get("ASSET_BASE_URL") or status.endpoints.ml).rstrip("/")
    try:
        catalogue = Catalogue.from_json(await client.answers.catalogue())
    except MLUnavailable as error:
        raise EnvironmentProblem(error.message) from error
    seeded = []
    with connected(status.endpoints, int(pod.settings.get("REDIS_DB") or 0)) as connection:
        for start in range(0, len(kinds), _CHUNK):
            with connection.pipeline(transaction=False) as pipe:
                for kind in kinds[start : start + _CHUNK]:
                    created_at = clock()
                    challenge_id = ChallengeId(uuid.uuid4().hex)
                    document = new_document(kind, challenge_id, catalogue, assets, random, created_at)
                    challenge = Challenge(challenge_id, kind, as_created(document), None, "")
                    key = _key(pod, f"{kind}:{challenge_id}")
                    pipe.set(key, json.dumps(document, ensure_ascii=False), ex=ttl)
                    answer = await _answer(client, challenge)
                    seeded.append(Seeded(kind, challenge_id, key, created_at, created_at + ttl, answer, None))
                    _report(progress, len(seeded), len(kinds))
                pipe.execute()
    return seeded


def new_document(
    kind: CaptchaType,
    challenge_id: ChallengeId,
    catalogue: Catalogue,
    assets: str,
    random: Random,
    now: float,
) -> dict[str, Any]:
    """A session's document with exactly the contract's fields; ``assets`` is the URL before the pictures'."""
    if kind is CaptchaType.ABSTRACT:
        target, pictures = catalogue.nine_pictures(random)
        fields: dict[str, Any] = {
            "target_class": target.name,
            "keywords": [target.korean],
            "image_urls": [assets + path for path, _ in pictures],
            "is_positive": [positive for _, positive in pictures],
        }
    elif kind is CaptchaType.IMAGEGRID:
        scene = catalogue.scene_for(challenge_id)
        fields = {"image_url": assets + scene.path, "target_label": scene.label}
    else:
        word, samples = catalogue.word(random)
        fields = {"samples": [assets + path for path in samples], "target_class": word.name}
    return {"type": str(kind), "cid": challenge_id, **fields, "attempts": 0, "created_at": now}


def as_created(document: Mapping[str, Any]) -> dict[str, Any]:
    """What the API would have answered when it created this session, as far as answering needs it."""
    images = [{"id": index, "url": url} for index, url in enumerate(document.get("image_urls", ()))]
    return {**document, "images": images, "url": document.get("image_url")}


async def _answer(client: CaptchaClient, challenge: Challenge) -> dict[str, Any]:
    if challenge.type is CaptchaType.HANDWRITING:
        return {"text": await client.answers.word(challenge), "sample": challenge.raw["samples"][0]}
    return dict(await client.answers.to(challenge, Answer.RIGHT))


def _report(progress: Progress, done: int, total: int) -> None:
    if done == total or done % max(1, total // _PROGRESS_STEPS) == 0:
        progress(f"{done} of {total} challenges")


def _uses(pod: PodStatus) -> bool:
    return pod.settings.get("USE_REDIS", "").lower() == "true"


def _redis_pod(status: StackStatus) -> PodStatus:
    """The pod whose key schema counts: the first that has USE_REDIS=true, else the first."""
    return next((pod for pod in status.pods if _uses(pod)), status.pods[0])


def _key(pod: PodStatus, session: str) -> SessionKey:
    return SessionKey(pod.settings.get("REDIS_PREFIX", REDIS_PREFIX) + session)


def _note(status: StackStatus, direct: bool) -> str | None:
    without = [pod.name for pod in status.pods if not _uses(pod)]
    if direct and without:
        return f"{', '.join(without)}: USE_REDIS=false, so these challenges are not found there"
    if not direct and without and len(status.pods) > 1:
        return (
            f"{', '.join(without)}: USE_REDIS=false, so a challenge is found only on the pod that created it"
        )
    return None
