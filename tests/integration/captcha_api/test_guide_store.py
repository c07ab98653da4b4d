"""The specimen: its commands on the wire, and its faults, each forced by one step between two of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
import redis

from devenv.captcha_api.errors import Refusal, Ungraded
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.guide import GuideStore
from devenv.captcha_api.stores.memory import MemoryStore
from devenv.captcha_api.submissions import AbstractSubmission
from devenv.core.model.vocabulary import CaptchaType

CHALLENGE_ID = "c" * 32
KEY = f"rcaptcha:abstract:{CHALLENGE_ID}"
RIGHT, WRONG = [0, 2], [1]


def nothing() -> None:
    """No step in between."""


class SteppedGuide(GuideStore):
    """The guide's store; ``after_second_get`` runs once between the helper's GET and its TTL."""

    after_second_get: Callable[[], Any] = staticmethod(nothing)
    gets = 0

    def redis_get_json(self, key: str) -> Any:
        value = super().redis_get_json(key)
        self.gets += 1
        if self.gets == 2:
            self.after_second_get()
        return value


class Stepped(AbstractSubmission):
    """An answer; ``after_first_get`` runs between the guide's first GET and its attempts helper."""

    def __init__(self, selections: Sequence[int], after_first_get: Callable[[], Any] = nothing) -> None:
        super().__init__(CHALLENGE_ID, selections, None, None)
        self._step = after_first_get

    def gather(self, document: Any) -> None:
        self._step()


def make_guide(port: int, **settings: Any) -> SteppedGuide:
    options = {"use_redis": True, "redis_host": "127.0.0.1", "redis_port": port, **settings}
    return SteppedGuide(Settings(**options), MemoryStore(60), Metrics())


@pytest.fixture
def server(world: Any) -> redis.Redis:
    client: redis.Redis = world.redis.client
    return client


@pytest.fixture
def pods(world: Any) -> Callable[[], SteppedGuide]:
    """Makes stores: each is what one pod has. The challenge of CHALLENGE_ID is there."""
    first = make_guide(world.redis.port)
    document = {"type": "abstract", "cid": CHALLENGE_ID, "is_positive": [True, False, True], "attempts": 0}
    first.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document)
    return lambda: make_guide(world.redis.port)


@pytest.fixture
def no_redis(own_world: Any) -> Any:
    """A world whose Redis is down."""
    own_world.redis.stop()
    return own_world


@pytest.mark.parametrize("kind", ["abstract", "imagegrid", "handwriting"])
def test_the_wire_sequence_of_create_and_verify(guide_pods: Any, world: Any, kind: str) -> None:
    pod = guide_pods[0]
    made: list[Any] = []
    assert world.redis.commands_of(lambda: made.append(world.new(pod, kind))) == ["SETEX"]
    path, right, wrong = made[0]
    write = ["MULTI", "SETEX", "EXEC"]
    verify = ["GET", "GET", "TTL", *write]
    assert world.redis.commands_of(lambda: pod.post(path, wrong)) == verify
    assert world.redis.commands_of(lambda: pod.post(path, right)) == [*verify, "DEL"]
    assert world.redis.commands_of(lambda: pod.post(path, right)) == ["GET"]


def test_without_a_ttl_it_sets_without_one(guide_pods: Any, world: Any, server: redis.Redis) -> None:
    path, _, wrong = world.new(guide_pods[0], "abstract")
    server.persist(f"rcaptcha:abstract:{wrong['challenge_id']}")
    commands = world.redis.commands_of(lambda: guide_pods[0].post(path, wrong))
    assert commands == ["GET", "GET", "TTL", "MULTI", "SET", "EXEC"]


def test_the_limit_deletes(guide_pods: Any, world: Any) -> None:
    path, _, wrong = world.new(guide_pods[0], "imagegrid")
    guide_pods[0].post(path, wrong)
    assert world.redis.commands_of(lambda: guide_pods[1].post(path, wrong))[-1] == "DEL"


def test_lost_attempt(pods: Any, server: redis.Redis) -> None:
    a, b = pods(), pods()
    a.after_second_get = lambda: b.verify(Stepped(WRONG))
    assert a.verify(Stepped(WRONG)).attempts == 1
    assert json.loads(str(server.get(KEY)))["attempts"] == 1, "two answers were graded, one was counted"


def test_double_success(pods: Any) -> None:
    a, b = pods(), pods()
    second: list[Any] = []
    first = a.verify(Stepped(RIGHT, lambda: second.append(b.verify(Stepped(RIGHT)))))
    assert first.passed
    assert second[0].passed


def test_resurrected_key_and_empty_bypass(pods: Any, server: redis.Redis) -> None:
    a, b = pods(), pods()
    b.verify(Stepped(WRONG, lambda: a.verify(Stepped(RIGHT))))
    assert json.loads(str(server.get(KEY))) == {"attempts": 1}
    assert server.ttl(KEY) == -1
    assert pods().verify(Stepped([])).passed, "nobody knew the answer"


def test_expiry_inside_verify(pods: Any, server: redis.Redis) -> None:
    pods().verify(Stepped(WRONG, lambda: server.delete(KEY)))
    assert json.loads(str(server.get(KEY))) == {"attempts": 1}
    assert server.ttl(KEY) == -1


def test_ttl_rounds_to_zero(pods: Any, server: redis.Redis) -> None:
    pods().verify(Stepped(WRONG, lambda: server.pexpire(KEY, 400)))
    assert server.ttl(KEY) == -1, "the challenge never expires"


def test_a_wrong_type_is_an_error_and_no_pass(guide_pods: Any, world: Any, server: redis.Redis) -> None:
    path, right, _ = world.new(guide_pods[0], "abstract")
    key = f"rcaptcha:abstract:{right['challenge_id']}"
    server.delete(key)
    server.hset(key, "a", "b")
    reply = guide_pods[0].http.post(path, json=right)
    assert reply.status_code == 500
    assert reply.json()["detail"]
    assert reply.headers["x-served-by"] == "guide-a"


def test_without_redis_it_prints_the_warning_and_uses_its_memory(no_redis: Any) -> None:
    pod = no_redis.pod("late", USE_REDIS="true", SESSION_STRATEGY="guide")
    try:
        path, right, wrong = no_redis.new(pod, "abstract")
        assert pod.post(path, wrong)["attempts"] == 1
        lines = [line for line in pod.text().splitlines() if line.startswith("⚠️ Redis connect failed: ")]
        assert len(lines) == 2, "every call tries again"
        no_redis.redis.start()
        assert pod.post(path, right) == {"success": False, "message": "Challenge not found"}, (
            "it looks in Redis now"
        )
        path, right, _ = no_redis.new(pod, "abstract")
        assert no_redis.redis.client.exists(f"rcaptcha:abstract:{right['challenge_id']}") == 1
    finally:
        pod.stop()


def test_redis_that_dies_later_is_an_error_by_the_letter(pods: Any, own_world: Any) -> None:
    store = make_guide(own_world.redis.port)
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, {"is_positive": [True], "attempts": 0})
    own_world.redis.stop()
    with pytest.raises(redis.ConnectionError):
        store.create(CaptchaType.ABSTRACT, "d", {})
    with pytest.raises(redis.ConnectionError):
        store.verify(Stepped(RIGHT))


def test_redis_that_dies_later_in_the_field(own_world: Any, capsys: pytest.CaptureFixture[str]) -> None:
    store = make_guide(own_world.redis.port, guide_errors="swallow")
    store.create(CaptchaType.ABSTRACT, "before", {})
    own_world.redis.stop()
    assert store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, {"is_positive": [True], "attempts": 0})
    warning = "⚠️ failed to write abstract session to Redis; fallback to memory"
    assert warning in capsys.readouterr().out.splitlines()
    with pytest.raises(Ungraded) as caught:
        store.verify(Stepped(RIGHT))
    assert caught.value.refusal == Refusal.NOT_FOUND, "and memory has nothing either"


def test_refused_writes_in_the_field_mean_no_limit(pods: Any, own_world: Any) -> None:
    store = make_guide(own_world.redis.port, guide_errors="swallow")
    document = {"type": "abstract", "is_positive": [True, False, True], "attempts": 0}
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document)
    own_world.redis.client.config_set("maxmemory", "1")
    verdicts = [store.verify(Stepped(WRONG)) for _ in range(5)]
    assert {verdict.attempts for verdict in verdicts} == {None}
    assert store.verify(Stepped(RIGHT)).passed


def test_half_migrated_it_writes_to_redis_and_looks_in_memory(world: Any, server: redis.Redis) -> None:
    half = make_guide(world.redis.port, specimen="half-migration")
    document = {"type": "abstract", "cid": CHALLENGE_ID, "is_positive": [True, False, True], "attempts": 0}
    assert half.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document)
    assert server.exists(KEY)
    with pytest.raises(Ungraded) as caught:
        half.verify(Stepped(RIGHT))
    assert caught.value.refusal is Refusal.NOT_FOUND
