"""The teaching stores do what a session store must, as long as answers come one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import Server, World

KINDS = ("abstract", "imagegrid", "handwriting")


@pytest.fixture(scope="module", params=["watch", "getdel", "incr"])
def shared_pod(request: pytest.FixtureRequest, shared_world: World) -> Iterator[Server]:
    pod = shared_world.pod(request.param, USE_REDIS="true", SESSION_STRATEGY=request.param)
    yield pod
    pod.stop()


@pytest.fixture
def pod(shared_pod: Server, world: World) -> Server:
    """With an empty Redis."""
    return shared_pod


def session_key(world: World) -> str:
    [key] = [key for key in map(str, world.redis.client.keys("*")) if not key.endswith(":attempts")]
    return key


@pytest.mark.parametrize("kind", KINDS)
def test_wrong_then_right(pod: Server, world: World, kind: str) -> None:
    path, right, wrong = world.new(pod, kind)
    key = session_key(world)
    world.redis.client.expire(key, 30)
    first = pod.post(path, wrong)
    assert first["success"] is False
    for left in map(world.redis.client.ttl, world.redis.client.keys("*")):
        assert 0 < left <= 60
    assert 0 < world.redis.client.ttl(key) <= 30, "the session keeps the time it had left"
    assert pod.post(path, right)["success"] is True
    assert world.redis.client.keys("*") == []
    assert pod.post(path, right)["message"] == "Challenge not found"


@pytest.mark.parametrize("kind", KINDS)
def test_two_wrong_answers_are_the_limit(pod: Server, world: World, kind: str) -> None:
    path, right, wrong = world.new(pod, kind)
    messages = [pod.post(path, wrong), pod.post(path, wrong)]
    if kind != "handwriting":  # it tells success only
        assert [item["attempts"] for item in messages] == [1, 2]
    assert not any(item["success"] for item in messages)
    assert world.redis.client.keys("*") == []
    assert pod.post(path, right)["message"] == "Challenge not found"


def test_an_ungraded_answer_costs_nothing(pod: Server, world: World) -> None:
    path, right, wrong = world.new(pod, "abstract")
    before = world.redis.document(session_key(world))
    assert "ignatures" in pod.post(path, {**wrong, "signatures": ["x"] * 5})["message"]
    assert world.redis.document(session_key(world)) == before
    assert 0 < world.redis.client.ttl(session_key(world)) <= 60
    assert pod.post(path, right)["attempts"] == 1


@pytest.mark.parametrize("challenge_id", ["", "0" * 32, "x:attempts", "*", "a" * 100])
def test_what_is_no_session_is_not_found(pod: Server, world: World, challenge_id: str) -> None:
    world.redis.client.set("rcaptcha:abstract:x:attempts", "1", ex=60)
    answer = pod.post("/api/abstract-verify", {"challenge_id": challenge_id, "selections": [1]})
    assert answer == {"success": False, "message": "Challenge not found"}


@pytest.mark.parametrize("broken", ["no JSON", "[]"])
def test_a_broken_document_is_one_clear_error(pod: Server, world: World, broken: str) -> None:
    path, right, _ = world.new(pod, "abstract")
    world.redis.client.set(session_key(world), broken, ex=60)
    reply = pod.http.post(path, json=right)
    assert (reply.status_code, "broken" in reply.text) == (500, True)


def test_a_foreign_key_is_one_clear_error(pod: Server, world: World) -> None:
    path, right, _ = world.new(pod, "abstract")
    key = session_key(world)
    world.redis.client.delete(key)
    world.redis.client.rpush(key, json.dumps({}))
    reply: Any = pod.http.post(path, json=right)
    assert (reply.status_code, "WRONGTYPE" in reply.text) == (500, True)


def test_redis_out_of_reach_is_503(world: World) -> None:
    """Once for all three: they share what they do about it."""
    pod = world.pod("unreachable", USE_REDIS="true", SESSION_STRATEGY="watch", REDIS_PORT="1")
    try:
        for path, body in (("/api/abstract-captcha", None), ("/api/abstract-verify", {"challenge_id": "a"})):
            reply = pod.http.post(path, json=body and {**body, "selections": [1]})
            assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
        assert pod.http.get("/ready").status_code == 503
        assert pod.http.get("/health").status_code == 200
    finally:
        pod.stop()
