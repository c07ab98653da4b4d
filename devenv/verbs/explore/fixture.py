"""The session that everything is tried on, and the requests to it."""

from __future__ import annotations

import json
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from random import Random

from devenv.captcha_api.pictures import Catalogue
from devenv.core.diagnosis.losses import connection_fault
from devenv.core.diagnosis.stories import Call as TracedCall
from devenv.core.diagnosis.stories import join
from devenv.core.model.captcha_http import CHALLENGE_FIELD, VERIFY_PATHS
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS, REDIS_PREFIX
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.events import RedisCommand
from devenv.core.model.ids import SessionKey
from devenv.core.model.service import ServiceProfile
from devenv.core.model.topology import RedisMode, StackStatus
from devenv.core.model.vocabulary import Answer, CaptchaType
from devenv.core.model.vocabulary import Outcome as ServiceOutcome
from devenv.core.resp.refusals import asks_for_cluster
from devenv.core.search.behaviour import RESTART, Answered
from devenv.core.search.expression import Participant
from devenv.core.search.outcome import NOT_TRIED, Usual, read_answer
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT
from devenv.harness.client.client import CANNOT_CONNECT_S, TIMEOUT_S, CaptchaClient
from devenv.harness.client.exchanges import Challenge, Submission
from devenv.harness.client.seed import as_created, new_document
from devenv.harness.redis.keys import connected, place_of
from devenv.harness.runs.journal import MemoryJournal
from devenv.harness.runs.trace import live_trace
from devenv.wire.executor.jobs import ANY_ID, Call, EventCall

ASK_SESSION = (
    "with [session] in devenv.toml its requests are explored whatever it keeps in Redis: devenv explore a+b, "
    "docs/own-service.md"
)
"""The way to explore a service whose sessions are no text under one key, or are used without an answer."""


@dataclass(frozen=True, slots=True)
class Fixture:
    """A challenge as the service keeps it, with ``ANY_ID`` for its id."""

    kind: str
    """Its type."""
    key: SessionKey
    document: bytes
    """Its value, any bytes."""
    submissions: Mapping[Answer, Submission]
    """What is sent for each answer."""
    ttl_ms: int
    pods: tuple[str, ...]
    db: int = 0
    """The number of the database."""
    profile: ServiceProfile | None = None
    """How it is sent; None: as the contract says."""
    cluster: str | None = None
    """Where Redis is a cluster, the pods' REDIS_CLUSTER, empty without it; None: Redis is none."""
    usual: Usual = NOT_TRIED
    """What the requests leave of the key one after the other; asked of a user-provided service only."""

    @property
    def limit(self) -> int | None:
        """Graded answers that a session takes; 0: any number; None: not known."""
        return ATTEMPTS_LIMIT if self.profile is None else self.profile.limit

    def call(self, request: Participant, pod: str) -> Call:
        """The verify of one participant."""
        assert request.answer is not None
        submission = self.submissions[request.answer]
        if self.profile is None:
            path = VERIFY_PATHS[CaptchaType(self.kind)]
            return Call(request.name, pod, path, {CHALLENGE_FIELD: ANY_ID, **submission})
        kind = self.profile.kind(self.profile.first_kind)
        sent = kind.verify.fill(ANY_ID, next(iter(submission.values())))
        answers = replace(self.profile, kinds={}, headers={})
        headers = {**self.profile.headers, **sent.headers}
        return Call(request.name, pod, sent.path, sent.body, sent.method, headers, answers, sent.as_form)

    def calls(self, cast: Sequence[Participant]) -> tuple[Call, ...]:
        """The verifies of all participants, each on its pod."""
        return tuple(self.call(item, self.pods[item.pod]) for item in cast if item.answer is not None)

    def events(self, cast: Sequence[Participant]) -> tuple[EventCall, ...]:
        """The events of a cast, as jobs name them."""
        return tuple(
            EventCall(item.event, item.target, self.pods[item.pod] if item.event == RESTART else None)
            for item in cast
            if item.event is not None
        )


async def build_stage(
    status: StackStatus, pods: Sequence[str], kind: CaptchaType, seed: int, created_at: float
) -> Fixture:
    """A fresh challenge from the mock ML service's pictures; it knows the right answers."""
    settings = next(pod.settings for pod in status.pods if pod.name == pods[0])
    assets = (settings.get("ASSET_BASE_URL") or status.endpoints.ml).rstrip("/")
    async with CaptchaClient(status.endpoints, seed=seed) as client:
        catalogue = Catalogue.from_json(dict(await client.answers.catalogue()))
        document = new_document(kind, ANY_ID, catalogue, assets, Random(seed), created_at)
        challenge = Challenge(ANY_ID, kind, as_created(document), None, "")
        submissions = {answer: await client.answers.to(challenge, answer) for answer in Answer}
    key = SessionKey(f"{settings.get('REDIS_PREFIX', REDIS_PREFIX)}{kind}:{ANY_ID}")
    ttl_ms, db = (
        1000 * int(settings.get("CAPTCHA_TTL") or CAPTCHA_TTL_SECONDS),
        int(settings.get("REDIS_DB") or 0),
    )
    text = json.dumps(document, ensure_ascii=False).encode()
    cluster = _cluster(status, settings)
    return Fixture(str(kind), key, text, submissions, ttl_ms, tuple(pods), db, cluster=cluster)


def _cluster(status: StackStatus, settings: Mapping[str, str]) -> str | None:
    return settings.get("REDIS_CLUSTER", "") if status.spec.redis_mode is RedisMode.CLUSTER else None


def _cannot_connect(status: StackStatus) -> bool:
    """Whether a pod's client has been told that this Redis is no cluster, up to now."""
    events = live_trace(status, MemoryJournal(), time.time())
    return any(isinstance(e, RedisCommand) and asks_for_cluster(e.command, e.reply) for e in events)


def _refused_by_redis(
    status: StackStatus, challenge_id: str | None
) -> tuple[TracedCall | None, EnvironmentProblem | None]:
    """The create of this session (None: the last that opened none), and what Redis refused its pod, if it
    did.
    """
    joined = join(live_trace(status, MemoryJournal(), time.time()))
    creates = (call for call in reversed(joined.calls) if call.kind == "create")
    create = next((call for call in creates if call.challenge == challenge_id), None)
    fault = None if create is None else connection_fault(joined, create)
    if fault is None:
        return create, None
    return create, EnvironmentProblem(f"{fault.cause}: {fault.sentence}", hint=fault.change)


def _no_text(status: StackStatus, challenge_id: str, keys: Sequence[str]) -> EnvironmentProblem:
    """Why a session cannot be explored, with what Redis answered the pod, where that is the reason."""
    create, problem = _refused_by_redis(status, challenge_id)
    if problem is not None and not keys:
        return problem
    message = f"a new session is not one text under one key with its id: {', '.join(keys) or 'no key'}"
    hint = ASK_SESSION if keys else "what the service keeps in Redis: docs/own-service.md"
    written = [] if create is None else [step for step in create.steps if step.is_write and not step.failed]
    if not keys and create is not None and written:
        opening = f"{create.exchange.method} {create.exchange.path.partition('?')[0]}"
        names = ", ".join(dict.fromkeys(f"{step.name} {step.key}" for step in written))
        message = f"no key has the session's id in its name; {opening} sent {names}"
        hint = f"the id may be signed or hashed: {ASK_SESSION}"
    elif not keys and (create is None or not create.steps):
        hint = "is USE_REDIS=true what makes the service use Redis? docs/own-service.md"
    return EnvironmentProblem(message, hint=hint)


async def own_stage(
    status: StackStatus, pods: Sequence[str], answers: Sequence[Answer], seed: int
) -> Fixture:
    """A session of a user-provided service: one is opened; what its pod then keeps in Redis is the pattern.

    ``answers`` are those that will be given. Raises UsageProblem for one that is not known, and
    EnvironmentProblem where the session is not one text under one key that has its id.
    """
    profile = status.spec.profile
    name = profile.first_kind
    settings = next(pod.settings for pod in status.pods if pod.name == pods[0])
    db = int(settings.get("REDIS_DB") or 0)
    timeout = CANNOT_CONNECT_S if _cannot_connect(status) else TIMEOUT_S
    async with CaptchaClient(status.endpoints, seed=seed, profile=profile, timeout=timeout) as client:
        try:
            opened = await client.create(name, pods[0])
        except EnvironmentProblem as failed:
            raise _refused_by_redis(status, None)[1] or failed from None
        submissions = {answer: await client.answers.to(opened, answer) for answer in answers}
    challenge_id = opened.id or ""
    keys, db = place_of(status.endpoints, challenge_id, db) if challenge_id else ([], db)
    with connected(status.endpoints, db) as redis:
        if len(keys) != 1 or redis.type(keys[0]) != b"string":
            raise _no_text(status, challenge_id, keys)
        text = bytes(redis.get(keys[0]) or b"")  # type: ignore[arg-type]
        left = int(redis.pttl(keys[0]))
    ttl_ms = max(1000, round(left / 1000) * 1000) if left > 0 else 60_000
    key, document = (
        SessionKey(keys[0].replace(challenge_id, ANY_ID)),
        text.replace(challenge_id.encode(), ANY_ID.encode()),
    )
    cluster = _cluster(status, settings)
    return Fixture("any", key, document, submissions, ttl_ms, tuple(pods), db, profile, cluster)


def require_gradable(profile: ServiceProfile | None, answers: Collection[Answer], alone: Answered) -> None:
    """Raise UsageProblem where a success is no violation, whichever of ``answers`` it is said to be to.

    A use that carries no answer is neither right nor wrong: where it succeeds ``alone``, two that succeed
    show nothing, unless a session is for one use.
    """
    if profile is None or profile.kind(profile.first_kind).takes_answer:
        return
    one_use = not profile.reusable and set(answers) == {Answer.RIGHT}
    if one_use or read_answer(alone) is not ServiceOutcome.SUCCESS:
        return
    raise UsageProblem(
        f"the use of a session of type {profile.first_kind} succeeds and has no "
        'place for an answer ("{answer}"): it is neither right nor wrong, so R, W and E say nothing of it',
        hint=ASK_SESSION,
    )
