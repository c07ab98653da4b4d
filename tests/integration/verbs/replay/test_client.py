"""The scripted person and the cross-pod trial on real pods."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

import httpx
import pytest

from devenv.core.model.captcha_http import outcome_of
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import Endpoints
from devenv.core.model.vocabulary import Answer, CaptchaType, Outcome
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.cross_pod import Tally, create_with_other_word, run_cross_pod
from devenv.harness.runs.trace import Mark, mark, trace_since
from devenv.stack.embedded.backend import EmbeddedStack

A, B = "captcha-api-a", "captcha-api-b"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"success": True}, Outcome.SUCCESS),
        (200, {"success": False}, Outcome.WRONG),
        (200, {"success": False, "attempts": 2, "message": "Too many", "downshift": True}, Outcome.WRONG),
        (200, {"success": False, "message": "Challenge not found"}, Outcome.NOT_FOUND),
        (200, {"success": False, "message": "Challenge expired", "expired": True}, Outcome.ERROR),
        (200, {"success": False, "message": "Challenge already solved"}, Outcome.ERROR),
        (200, {"Hello": "World"}, Outcome.ERROR),
        (503, {"success": True}, Outcome.ERROR),
        (None, {"error": "ReadTimeout"}, Outcome.ERROR),
    ],
)
def test_outcomes(status: int | None, body: dict[str, Any], outcome: Outcome) -> None:
    assert outcome_of(status, body) is outcome


def test_with_pod_memory_the_other_pod_never_passes_and_the_same_always(stack: EmbeddedStack) -> None:
    async def work() -> None:
        async with CaptchaClient(stack.endpoints()) as client:
            outcome = await run_cross_pod(client, (A, B), tuple(CaptchaType), 3)
        missing = Tally(trials=3, not_found=3)
        assert outcome[CaptchaType.ABSTRACT].cross_pod == missing
        assert outcome[CaptchaType.IMAGEGRID].cross_pod == missing
        assert outcome[CaptchaType.HANDWRITING].cross_pod == Tally(trials=3, wrong=3)
        assert {result.same_pod for result in outcome.values()} == {Tally(trials=3, success=3)}

    asyncio.run(work())


def test_with_redis_every_pod_passes(redis_stack: EmbeddedStack) -> None:
    async def work() -> None:
        async with CaptchaClient(redis_stack.endpoints()) as client:
            outcome = await run_cross_pod(client, (A, B), tuple(CaptchaType), 3, same_pod=False)
        assert {result.cross_pod for result in outcome.values()} == {Tally(trials=3, success=3)}
        assert {result.same_pod for result in outcome.values()} == {None}

    asyncio.run(work())


def test_one_pod_is_not_enough_for_a_cross_pod_trial(stack: EmbeddedStack) -> None:
    async def work() -> None:
        async with CaptchaClient(stack.endpoints()) as client:
            await run_cross_pod(client, (A,), (CaptchaType.ABSTRACT,), 1)

    with pytest.raises(UsageProblem, match="at least two pods"):
        asyncio.run(work())


def test_a_wrong_answer_is_never_right(stack: EmbeddedStack) -> None:
    async def work() -> None:
        async with CaptchaClient(stack.endpoints(), seed=3) as client:
            for kind in CaptchaType:
                for _ in range(10):
                    challenge = await client.create(kind, A)
                    wrong = await client.answers.to(challenge, Answer.WRONG)
                    assert (await client.verify(challenge, wrong, A)).outcome is Outcome.WRONG

    asyncio.run(work())


def test_a_wrong_word_is_wrong_for_whichever_word_the_pod_has(stack: EmbeddedStack) -> None:
    async def work() -> None:
        async with CaptchaClient(stack.endpoints()) as client:
            for _ in range(5):
                alice = await client.create(CaptchaType.HANDWRITING, A)
                bob = await create_with_other_word(client, B, alice)
                assert await client.answers.word(alice) != await client.answers.word(bob)
                wrong = await client.answers.to(alice, Answer.WRONG)
                assert (await client.verify(alice, wrong, A)).outcome is Outcome.WRONG
                assert (await client.verify(alice, wrong, B)).outcome is Outcome.WRONG

    asyncio.run(work())


def test_the_same_seed_gives_the_same_wrong_answer(stack: EmbeddedStack) -> None:
    async def work() -> None:
        async with CaptchaClient(stack.endpoints(), seed=5) as client:
            for kind in CaptchaType:
                challenge = await client.create(kind, A)
                wrong = await client.answers.to(challenge, Answer.WRONG)
                async with CaptchaClient(stack.endpoints(), seed=5) as other:
                    other.answers._words.update(client.answers._words)
                    assert await other.answers.to(challenge, Answer.WRONG) == wrong

    asyncio.run(work())


def test_what_happens_is_recorded_and_found_again_at_the_proxy(stack: EmbeddedStack) -> None:
    control = stack.endpoints().control
    before = mark(control)

    async def work() -> CaptchaClient:
        async with CaptchaClient(stack.endpoints()) as client:
            challenge = await client.create(CaptchaType.ABSTRACT, A)
            await client.get("/health", A)
            await client.verify(challenge, {"selections": [0]}, B, answer="[0]", process=4)
            return client

    client = asyncio.run(work())
    recording = client.recording
    kinds = [(event.process, event.type, event.f, event.pod) for event in recording.history]
    assert kinds == [
        (0, "invoke", "create", A),
        (0, "ok", "create", A),
        (4, "invoke", "verify", B),
        (4, "ok", "verify", B),
    ]
    assert recording.history[-1].value["outcome"] == "not_found"
    assert recording.history[-1].key == recording.history[1].key
    assert [(m.source, m.target, m.kind) for m in recording.messages] == [
        ("client", A, "request"),
        (A, "client", "reply"),
        ("client", A, "request"),
        (A, "client", "reply"),
        ("client", B, "request"),
        (B, "client", "failed"),
    ]
    matches = [one for one in trace_since(control, before) if one["kind"] == "exchange"]
    assert [(one["path"], one["pod"]) for one in matches] == [
        ("/api/abstract-captcha", A),
        ("/health", A),
        ("/api/abstract-verify", B),
    ]
    assert mark(control).exchange == before.exchange + 3
    assert trace_since(control, mark(control)) == []
    [only] = trace_since(control, Mark(), recording.request_ids[1:2])[-1:]
    assert only == matches[1]


def test_commands_of_the_pods_are_in_the_trace(redis_stack: EmbeddedStack) -> None:
    before = mark(redis_stack.endpoints().control)

    async def work() -> str:
        async with CaptchaClient(redis_stack.endpoints()) as client:
            challenge = await client.create(CaptchaType.ABSTRACT, A)
            await client.verify(challenge, {"selections": [0]}, B)
            return f"rcaptcha:{challenge.session}"

    key = asyncio.run(work())
    trace = trace_since(redis_stack.endpoints().control, before)
    assert {one["pod"] for one in trace if one["kind"] == "redis" and one["key"] == key} == {A, B}
    exchanges = [position for position, one in enumerate(trace) if one["kind"] == "exchange"]
    assert exchanges[0] == 0
    assert len(exchanges) == 2


def _raised(work: Coroutine[Any, Any, Any]) -> Exception:
    with pytest.raises((EnvironmentProblem, UsageProblem)) as caught:
        asyncio.run(work)
    return caught.value


def test_no_stack_is_one_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    endpoints = Endpoints(traffic=nobody, control=nobody, ml=nobody, redis_host="127.0.0.1", redis_port=1)

    async def create(at_stack: Endpoints = endpoints) -> None:
        async with CaptchaClient(at_stack) as client:
            await client.create(CaptchaType.ABSTRACT)

    async def ask() -> None:
        async with CaptchaClient(endpoints) as client:
            await client.answers.catalogue()

    assert str(_raised(create())) == f"no stack answers at {nobody}"
    behind = replace(endpoints, proxy="http://127.0.0.1:1")
    assert f"nothing listens at {nobody}: the load balancer there has ended" in str(_raised(create(behind)))
    assert "mock ML service" in str(_raised(ask()))
    with pytest.raises(
        EnvironmentProblem, match=f"the control API at {nobody} does not answer: ConnectionRefusedError"
    ):
        trace_since(nobody, Mark())


def test_an_unknown_pod_is_told_by_the_proxy(stack: EmbeddedStack) -> None:
    async def create() -> None:
        async with CaptchaClient(stack.endpoints()) as client:
            await client.create(CaptchaType.ABSTRACT, "captcha-api-z")

    assert "captcha-api-z" in str(_raised(create()))


def test_a_lost_answer_is_an_outcome(stack: EmbeddedStack) -> None:
    """A server that accepts and closes: what became of the attempt, nobody knows."""

    async def work() -> None:
        async def close(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        server = await asyncio.start_server(close, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        endpoints = stack.endpoints()
        broken = Endpoints(
            f"http://127.0.0.1:{port}",
            endpoints.control,
            endpoints.ml,
            endpoints.redis_host,
            endpoints.redis_port,
        )
        async with server, CaptchaClient(endpoints) as client, CaptchaClient(broken) as lost:
            challenge = await client.create(CaptchaType.ABSTRACT, A)
            result = await lost.verify(challenge, {"selections": [0]}, A)
            assert (result.outcome, result.status) == (Outcome.ERROR, None)
            assert lost.recording.history[-1].type == "info"

    asyncio.run(work())


def test_a_proxy_in_the_environment_is_not_used(
    stack: EmbeddedStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert httpx.get(stack.endpoints().traffic, trust_env=False).status_code == 200

    async def work() -> None:
        async with CaptchaClient(stack.endpoints()) as client:
            await client.create(CaptchaType.ABSTRACT)

    asyncio.run(work())
