"""The sequential session against the real service: the same requests, one after the other, told the same.

Redis' stores through two pods in turn; the pods' own memory through one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from hypothesis import given, settings
from hypothesis import strategies as st

from devenv.core.checker.history import history_of
from devenv.core.checker.judge import Outcome, judge
from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Answer, CaptchaType, Strategy
from devenv.core.spec.captcha_session import (
    Create,
    Expire,
    Operation,
    Phase,
    Result,
    ResultKind,
    Session,
    Verify,
    step,
)
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.exchanges import Verified
from devenv.harness.client.recording import Recording

VERIFIES = st.sampled_from([Answer.RIGHT, Answer.WRONG, Answer.WRONG, Answer.EMPTY]).map(Verify)
OPERATIONS = st.lists(st.one_of(VERIFIES, VERIFIES, VERIFIES, st.just(Expire())), min_size=1, max_size=5)
KINDS = st.sampled_from([CaptchaType.ABSTRACT, CaptchaType.IMAGEGRID, CaptchaType.HANDWRITING])
MESSAGES = {
    "Challenge not found": ResultKind.NOT_FOUND,
    "Challenge already solved": ResultKind.ALREADY_SOLVED,
    "Challenge expired": ResultKind.EXPIRED,
}
EXPIRE_IF_IT_CAN = "if redis.call('PTTL', KEYS[1]) >= 0 then return redis.call('DEL', KEYS[1]) end return 0"


def heard(result: Verified) -> Result | None:
    """What the caller was told; None where the answer was not graded."""
    assert result.status == 200
    message = result.message
    if message in MESSAGES:
        return Result(MESSAGES[message])
    if message is not None and result.attempts is None:
        return None
    answer = ResultKind.SUCCESS if result.body["success"] else ResultKind.WRONG
    return Result(answer, result.attempts)


class Service:
    """A stack with one store; plays operations on fresh challenges."""

    def __init__(self, stack: Any) -> None:
        self.endpoints = stack.status().endpoints
        self.runner = asyncio.Runner()
        self.recording = Recording()
        self.client = CaptchaClient(self.endpoints, recording=self.recording)
        self.redis = redis.Redis(port=self.endpoints.redis_port)
        self.keys = 0

    def play(self, kind: CaptchaType, operations: list[Operation]) -> list[tuple[Operation, Result | None]]:
        """Create, then the operations; with what was heard of each."""
        return self.runner.run(self._play(kind, operations))

    async def _play(
        self, kind: CaptchaType, operations: list[Operation]
    ) -> list[tuple[Operation, Result | None]]:
        challenge = await self.client.create(kind)
        messages: list[tuple[Operation, Result | None]] = [(Create(), Result(ResultKind.DONE))]
        for operation in operations:
            if isinstance(operation, Verify):
                assert operation.answer is not None
                submission = await self.client.answers.to(challenge, operation.answer)
                result = await self.client.verify(challenge, submission, answer=operation.answer)
                messages.append((operation, heard(result)))
            else:
                with self.recording.event("expire", self.client._clock, challenge.session):
                    self.redis.eval(EXPIRE_IF_IT_CAN, 1, f"rcaptcha:{challenge.session}")
                messages.append((operation, Result(ResultKind.DONE)))
        return messages

    def close(self) -> None:
        self.runner.run(self.client.aclose())
        self.runner.close()


@pytest.fixture(scope="module", params=[Strategy.ATOMIC, Strategy.GUIDE, Strategy.MEMORY])
def service(request: Any, start_stack: Any) -> Iterator[tuple[Strategy, Service]]:
    memory = request.param is Strategy.MEMORY
    spec = StackSpec(
        pods=1 if memory else 2,
        use_redis=not memory,
        strategy=Strategy.ATOMIC if memory else request.param,
        ports=Ports.free(),
    )
    result = Service(start_stack(spec))
    yield request.param, result
    result.close()


@settings(max_examples=60)
@given(KINDS, OPERATIONS)
def test_the_service_tells_what_the_session_allows(
    service: tuple[Strategy, Service], kind: CaptchaType, operations: list[Operation]
) -> None:
    strategy, real = service
    if strategy is Strategy.MEMORY:
        # Its one current word is no session, and its time is not ours to end.
        kind = CaptchaType.ABSTRACT if kind is CaptchaType.HANDWRITING else kind
        operations = [one_operation for one_operation in operations if isinstance(one_operation, Verify)]
    state = Session()
    for operation, message in real.play(kind, operations):
        if message is None:
            # An empty picture is no answer, if there still is a challenge: nothing was graded.
            assert kind is CaptchaType.HANDWRITING
            assert operation == Verify(Answer.EMPTY)
            assert state.phase is Phase.OPEN
            continue
        done = step(state, operation)
        assert any(result.admits(message) for result in done.results), (state, operation, message)
        state = done.state


def test_the_recorded_histories_hold(service: tuple[Strategy, Service]) -> None:
    """What such runs write down is judged as holding, expiries and all."""
    _, real = service
    before = len(real.recording.history)
    for kind in (CaptchaType.ABSTRACT, CaptchaType.IMAGEGRID):
        for words in ([Answer.WRONG, Answer.RIGHT, Answer.RIGHT], [Answer.EMPTY, Answer.WRONG, Answer.RIGHT]):
            real.play(kind, [Verify(word) for word in words])
    report = judge(history_of(real.recording.history[before:]))
    assert report.verdict is Outcome.HOLDS, report.to_json()
    assert (report.challenges, report.operations) == (4, 16)
