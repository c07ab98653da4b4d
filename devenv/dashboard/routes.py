"""What the page asks for and what it changes, below ``/dashboard``: each route is one verb's use case.

The handlers run in threads of the server's pool: use cases block, and reach the stack through the control API
of this very process, so that its loop must stay free. Verbs are imported where they are used: a stack that
is not looked at pays nothing for the page.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import httpx
from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive, UsageProblem
from devenv.core.model.vocabulary import Answer, CaptchaType, Strategy
from devenv.dashboard import jobs, outbox, pages, recorded
from devenv.dashboard.surroundings import Surroundings
from devenv.stack.loopback import local_async_client, local_client

SETTABLE = ("CAPTCHA_TTL", "REDIS_TIMEOUT_MS")
"""Variables of a pod that the page sets, besides the store."""

MOST_EVENTS = 100
"""This many of the latest things that were done to the stack come with its overview."""


class PodsBody(BaseModel):
    """``POST /dashboard/pods``: restart pods (none named: all) with another store or other settings."""

    model_config = ConfigDict(extra="forbid")
    pods: list[str] = Field(default=[], max_length=26)
    use_redis: bool | None = None
    strategy: Strategy | None = None
    settings: dict[str, str] = {}


class ScaleBody(BaseModel):
    """``PUT /dashboard/pods``: how many pods there are to be, or which is added or removed."""

    model_config = ConfigDict(extra="forbid")
    change: str = Field(pattern=r"^[+-]?[\w-]{1,63}$")
    """As ``devenv scale`` takes it: ``3``, ``+1`` or ``-c``."""


class MlBody(BaseModel):
    """``PUT /dashboard/ml``: how the mock ML service misbehaves."""

    model_config = ConfigDict(extra="forbid")
    latency_ms: float = Field(default=0, ge=0, le=60_000)
    error_rate: float = Field(default=0, ge=0, le=1)


class AnswerBody(BaseModel):
    """``POST /dashboard/answer``: a challenge as the service gave it, and how it is to be answered."""

    model_config = ConfigDict(extra="forbid")
    kind: CaptchaType
    challenge: dict[str, Any]
    answer: Answer


class TraceBody(BaseModel):
    """``POST /dashboard/explain``: lines of a trace.jsonl."""

    model_config = ConfigDict(extra="forbid")
    events: list[dict[str, Any]] = Field(max_length=100_000)


def routers(surroundings: Surroundings) -> Sequence[APIRouter]:
    """Everything that the page needs of the control API, besides what proxy, gate and stream serve."""
    board = jobs.JobBoard(surroundings)
    return (
        pages.router(lambda: asyncio.to_thread(_overview, surroundings)),
        _looking(surroundings),
        _changing(surroundings),
        outbox.router(surroundings),
        recorded.router(surroundings),
        jobs.router(board),
    )


def _overview(surroundings: Surroundings) -> dict[str, Any]:
    from devenv.verbs.operate.status import overview, read_keys

    stack = surroundings.stack()
    return {
        **overview(stack, read_keys).to_json(),
        "restarts": stack.backend == "embedded",
        "runs": surroundings.state_dir is not None,
        "now": time.time(),
        "events": [event.to_json() for event in stack.journal.events()[-MOST_EVENTS:]],
        "ml_faults": _ml(surroundings, lambda client: client.get("/faults"), quiet=True),
    }


def _looking(surroundings: Surroundings) -> APIRouter:
    routes = APIRouter(prefix="/dashboard", tags=["dashboard"])

    @routes.get("/overview")
    def overview_now() -> dict[str, Any]:
        """The stack with its pods, their stores, the policy and the keys; what can be done from here."""
        return _overview(surroundings)

    @routes.get("/keys")
    def keys(
        prefix: Annotated[str, Query(max_length=1000)] = "", db: Annotated[int, Query(ge=0, le=1000)] = 0
    ) -> dict[str, Any]:
        """The keys in the stack's Redis that begin with ``prefix``, in database ``db``."""
        from devenv.verbs.operate.status import read_keys

        return read_keys(surroundings.stack().status(), prefix, db).to_json()

    @routes.get("/explain")
    def explain_live(
        since: Annotated[float, Query(gt=0, le=86_400)] = 120.0, run: str | None = None
    ) -> dict[str, Any]:
        """What went wrong in the last ``since`` seconds of this stack, or in a run."""
        from devenv.verbs.explain.source import explain_word

        stack = surroundings.stack()
        if run is not None:
            folder = recorded.state_folder(surroundings)
            return explain_word(
                run, folder, surroundings.stack, since=None, started=time.time(), now=time.time()
            )[0].to_json()
        return _explained(lambda: _explain_stack(stack, since))

    @routes.post("/explain")
    def explain_events(body: TraceBody) -> dict[str, Any]:
        """What went wrong in these events."""
        from devenv.core.model.events import trace_event
        from devenv.verbs.explain.explanation import explain_trace

        events = [trace_event(item) for item in body.events]
        return _explained(lambda: explain_trace(events, "the selection").to_json())

    return routes


def _explain_stack(stack: Any, since: float) -> dict[str, Any]:
    from devenv.harness.runs.trace import live_trace
    from devenv.verbs.explain.explanation import explain_trace

    now = time.time()
    events = live_trace(stack.status(), stack.journal, now)
    return explain_trace(events, f"the last {since:g} s", since=now - since).to_json()


def _explained(explain: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return explain()
    except Inconclusive as problem:
        return {"findings": [], "messages": [], "verdict": problem.message, "missing": [], "remarks": []}


def _changing(surroundings: Surroundings) -> APIRouter:
    routes = APIRouter(prefix="/dashboard", tags=["dashboard"])

    @routes.post("/pods")
    def change_pods(body: PodsBody) -> dict[str, Any]:
        """Restart pods with another store or other settings, as ``devenv toggle`` does, and wait for them."""
        from devenv.verbs.operate.toggle import toggle

        stack = surroundings.stack()
        lines: list[str] = []
        if unknown := [name for name in body.settings if name not in SETTABLE]:
            raise UsageProblem(f"{unknown[0]} cannot be set here", hint=f"one of {', '.join(SETTABLE)}")
        if body.use_redis is not None:
            toggle(
                stack,
                body.use_redis,
                pods=body.pods,
                strategy=body.strategy,
                progress=lines.append,
                clock=time.monotonic,
            )
        else:
            names = body.pods or [pod.name for pod in stack.status().pods]
            stack.restart_pods(dict.fromkeys(names, body.settings), lines.append)
        return {"progress": lines}

    @routes.put("/pods")
    def scale_pods(body: ScaleBody) -> dict[str, Any]:
        """Add and remove pods, as ``devenv scale`` does, and wait for them."""
        from devenv.verbs.operate.scale import scale

        lines: list[str] = []
        scaled = scale(surroundings.stack(), [body.change], progress=lines.append, clock=time.monotonic)
        return {**scaled.to_json(), "progress": lines}

    @routes.post("/pods/{pod}/{action}")
    def pod_action(pod: str, action: str) -> dict[str, Any]:
        """Kill, pause or resume one pod."""
        from devenv.verbs.operate.pods import signal_pod

        stack = surroundings.stack()
        if stack.backend != "embedded":
            stack.restart_pods({}, lambda line: None)  # says why not from here
        return {"pod": signal_pod(stack, pod, action)}

    @routes.post("/redis/{action}")
    def redis_action(action: str) -> dict[str, Any]:
        """Pause, resume, stop or start Redis."""
        surroundings.stack().redis(action)
        return {"action": action}

    @routes.put("/ml")
    def ml_faults(body: MlBody) -> Any:
        """Let the mock ML service be slow, or fail."""
        return _ml(surroundings, lambda client: client.put("/faults", json=body.model_dump()))

    @routes.post("/answer")
    async def answer(body: AnswerBody) -> dict[str, Any]:
        """The fields of a right, a wrong or an empty answer to a challenge of the reference service."""
        from devenv.core.model.ids import ChallengeId
        from devenv.core.model.presets import CAPTCHA
        from devenv.harness.client.answers import Answers, UnreadableChallenge
        from devenv.harness.client.exchanges import Challenge

        challenge_id = ChallengeId(str(body.challenge.get("challenge_id", "")))
        challenge = Challenge(challenge_id, body.kind, body.challenge, None, "")
        endpoints = await asyncio.to_thread(surroundings.stack().endpoints)
        async with local_async_client(endpoints.ml, 5.0) as ml:
            try:
                return dict(await Answers(CAPTCHA, ml, 0).to(challenge, body.answer))
            except UnreadableChallenge as problem:
                raise UsageProblem(problem.message) from problem

    return routes


def _ml(
    surroundings: Surroundings, call: Callable[[httpx.Client], httpx.Response], quiet: bool = False
) -> Any:
    """One call of the mock ML service; ``quiet``: None in place of an error."""
    try:
        with local_client(surroundings.stack().endpoints().ml, 5.0) as client:
            response = call(client)
            response.raise_for_status()
            return response.json()
    except (httpx.HTTPError, ValueError, DevenvError) as error:
        if quiet:
            return None
        raise EnvironmentProblem(f"the mock ML service does not answer: {type(error).__name__}") from error
