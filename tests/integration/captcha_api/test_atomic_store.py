"""The fix: limits, one success, idempotent commands, and Redis in all its moods."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis
from redis.crc import key_slot

from devenv.captcha_api.errors import BrokenSession, Refusal, StoreUnavailable, Ungraded
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.pictures import Catalogue
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.atomic import AtomicStore
from devenv.captcha_api.submissions import AbstractSubmission, GridSubmission, HandwritingSubmission
from devenv.core.model.vocabulary import CaptchaType
from tests.support import until

KINDS = ("abstract", "imagegrid", "handwriting")
CHALLENGE_ID = "c" * 32
KEY = f"rcaptcha:abstract:{CHALLENGE_ID}"
RECEIPT = f"rcaptcha:receipt:{{{KEY}}}"
SOLVED = "Challenge already solved"


def make_atomic(
    port: int, metrics: Metrics | None = None, token: str | None = None, **env: Any
) -> AtomicStore:
    settings = Settings(use_redis=True, redis_host="127.0.0.1", redis_port=port, **env)
    if token is None:
        return AtomicStore(settings, metrics or Metrics())
    return AtomicStore(settings, metrics or Metrics(), lambda: token)


def answer(*selections: int) -> AbstractSubmission:
    return AbstractSubmission(CHALLENGE_ID, selections, None, None)


def refusal(store: AtomicStore, submission: Any) -> Refusal:
    with pytest.raises(Ungraded) as caught:
        store.verify(submission)
    return caught.value.refusal


def document(**fields: Any) -> dict[str, Any]:
    return {
        "type": "abstract",
        "cid": CHALLENGE_ID,
        "is_positive": [True, False, True],
        "attempts": 0,
        **fields,
    }


@pytest.fixture
def server(world: Any) -> Any:
    return world.redis.client


@pytest.fixture
def store(world: Any) -> AtomicStore:
    store = make_atomic(world.redis.port)
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document())
    return store


@pytest.fixture
def own_pod(own_world: Any) -> Iterator[Any]:
    pod = own_world.pod("own", USE_REDIS="true", REDIS_TIMEOUT_MS="300")
    yield pod
    pod.stop()


# --- round trips -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_one_round_trip_for_create_wrong_and_right(atomic_pods: Any, world: Any, kind: str) -> None:
    world.new(atomic_pods[0], kind)
    make_atomic(world.redis.port).warm_up()
    made: list[Any] = []
    assert world.redis.commands_of(lambda: made.append(world.new(atomic_pods[0], kind))) == ["SET"]
    path, right, wrong = made[0]
    assert world.redis.commands_of(lambda: atomic_pods[1].post(path, wrong)) == ["EVALSHA"]
    assert world.redis.commands_of(lambda: atomic_pods[1].post(path, right)) == ["EVALSHA"]


def test_a_forgotten_script_is_sent_again(atomic_pods: Any, world: Any, server: Any) -> None:
    path, right, _ = world.new(atomic_pods[0], "abstract")
    server.script_flush()
    assert world.redis.commands_of(lambda: atomic_pods[0].post(path, right)) == ["EVALSHA", "EVAL"]


def test_a_picture_that_does_not_follow_from_the_id_costs_one_more(
    atomic_pods: Any, world: Any, server: Any
) -> None:
    """Sessions that somebody else wrote to the key schema are judged by their own picture."""
    pod = atomic_pods[0]
    make_atomic(world.redis.port).warm_up()
    path, right, wrong = world.new(pod, "imagegrid")
    session = world.redis.document(f"rcaptcha:imagegrid:{right['challenge_id']}")
    catalogue = Catalogue.from_json(world.ml.http.get("/catalog").json())
    one_service = catalogue.scene_for(right["challenge_id"])
    challenge_id = next(f"seeded-{n}" for n in range(99) if catalogue.scene_for(f"seeded-{n}") != one_service)
    server.set(f"rcaptcha:imagegrid:{challenge_id}", json.dumps({**session, "cid": challenge_id}), ex=60)
    answers = [{**wrong, "challenge_id": challenge_id}, {**right, "challenge_id": challenge_id}]
    assert world.redis.commands_of(lambda: pod.post(path, answers[0])) == ["EVALSHA", "EVALSHA"]
    assert pod.post(path, answers[1])["success"] is True


# --- limits, one success -----------------------------------------------------------------------------------


def test_wrong_then_wrong_then_gone(store: AtomicStore, server: Any) -> None:
    first = store.verify(answer(1))
    assert (first.passed, first.attempts, first.ended) == (False, 1, False)
    assert json.loads(server.get(KEY))["attempts"] == 1
    assert 0 < server.ttl(KEY) <= 60
    second = store.verify(answer())
    assert (second.passed, second.attempts, second.ended) == (False, 2, True)
    assert not server.exists(KEY)
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND


def test_right_on_the_last_attempt(store: AtomicStore, server: Any) -> None:
    store.verify(answer(1))
    verdict = store.verify(answer(2, 0))
    assert (verdict.passed, verdict.attempts, verdict.ended) == (True, 2, True)
    assert not server.exists(KEY)
    assert refusal(store, answer(0, 2)) == Refusal.SOLVED


def test_the_ttl_is_kept_and_a_missing_one_is_put_back(store: AtomicStore, server: Any) -> None:
    server.pexpire(KEY, 30_000)
    store.verify(answer(1))
    assert 0 < server.pttl(KEY) <= 30_000
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document())
    server.persist(KEY)
    store.verify(answer(1))
    assert 0 < server.ttl(KEY) <= 60


def test_the_last_milliseconds_leave_nothing_behind(store: AtomicStore, server: Any) -> None:
    server.pexpire(KEY, 300)
    store.verify(answer(1))
    until(lambda: not server.exists(KEY), "the key expires")


def test_every_key_has_a_ttl_and_the_receipt_is_no_session(store: AtomicStore, server: Any) -> None:
    store.verify(answer(1))
    keys = set(server.scan_iter("rcaptcha:*"))
    assert keys == {KEY, RECEIPT}
    assert all(server.pttl(key) > 0 for key in keys)
    assert set(server.scan_iter("rcaptcha:abstract:*")) == {KEY}
    assert key_slot(KEY.encode()) == key_slot(RECEIPT.encode()), "a cluster's script needs both in one slot"


@pytest.mark.parametrize("kind", KINDS)
def test_fifty_right_answers_at_once_are_one_success(atomic_pods: Any, world: Any, kind: str) -> None:
    path, right, _ = world.new(atomic_pods[0], kind)

    def verify(number: int) -> Any:
        url = atomic_pods[number % 2].url + path
        return httpx.post(url, json=right, timeout=60, trust_env=False).json()

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(verify, range(50)))
    assert Counter(result.get("message", result["success"]) for result in results) == {True: 1, SOLVED: 49}


def test_fifty_wrong_answers_at_once_are_two_attempts(atomic_pods: Any, world: Any) -> None:
    path, _, wrong = world.new(atomic_pods[0], "abstract")

    def verify(number: int) -> Any:
        url = atomic_pods[number % 2].url + path
        return httpx.post(url, json=wrong, timeout=60, trust_env=False).json()

    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(verify, range(50)))
    counted = sorted(result["attempts"] for result in results if "attempts" in result)
    assert counted == [1, 2]
    assert sum(result.get("message") == "Challenge not found" for result in results) == 48


def test_solved_is_said_for_as_long_as_the_session_had_left(store: AtomicStore, server: Any) -> None:
    """Who was told 503 though the answer counted may try again at any time, and must not hear "not found"."""
    server.pexpire(KEY, 50_000)
    store.verify(answer(0, 2))
    assert 30_000 < server.pttl(RECEIPT) <= 50_000
    assert refusal(store, answer(0, 2)) == Refusal.SOLVED


def test_the_receipt_of_a_session_that_is_nearly_over_stays_a_moment(store: AtomicStore, server: Any) -> None:
    server.pexpire(KEY, 2_000)
    store.verify(answer(0, 2))
    assert 5_000 < server.pttl(RECEIPT) <= 10_000


# --- idempotence -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("selections", "passed"), [((0, 2), True), ((1,), False)])
def test_the_same_token_is_told_the_same_again(
    world: Any, server: Any, selections: tuple[int, ...], passed: bool
) -> None:
    store = make_atomic(world.redis.port, token="t1")
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document())
    first, second = store.verify(answer(*selections)), store.verify(answer(*selections))
    assert first == second
    assert (first.passed, first.attempts) == (passed, 1)
    if not passed:
        assert json.loads(server.get(KEY))["attempts"] == 1


def test_a_token_is_remembered_when_others_have_ended_the_session(world: Any) -> None:
    mine, theirs = make_atomic(world.redis.port, token="mine"), make_atomic(world.redis.port)
    mine.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document())
    assert mine.verify(answer(1)).attempts == 1
    assert theirs.verify(answer(0, 2)).passed
    again = mine.verify(answer(1))
    assert (again.passed, again.attempts, again.ended) == (False, 1, False)


@pytest.mark.parametrize("selections", [(0, 2), (1,)])
def test_a_lost_reply_is_asked_for_again(world: Any, eater: Any, server: Any, selections: Any) -> None:
    metrics = Metrics()
    store = make_atomic(eater.port, metrics)
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document())
    store.warm_up()
    eater.arm(b"EVALSHA")
    verdict = store.verify(answer(*selections))
    assert eater.eaten == 1
    assert (verdict.passed, verdict.attempts) == (selections == (0, 2), 1)
    assert (
        metrics.registry.get_sample_value(
            "captcha_redis_errors_total", {"command": "EVALSHA", "error": "ConnectionError"}
        )
        == 1
    )


# --- what does not belong there ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        "no JSON",
        "[]",
        "7",
        '{"attempts": 1}',
        json.dumps(document(is_positive=[])),
        json.dumps(document(is_positive=[False] * 9)),
        json.dumps(document(is_positive=None)),
        json.dumps(document(attempts="many")),
        json.dumps(document(type="handwriting")),
        b"\xff\xfe{",
    ],
)
def test_a_broken_document_is_never_a_pass(store: AtomicStore, server: Any, value: Any) -> None:
    server.set(KEY, value, ex=60)
    for selections in ((), (0, 2)):
        with pytest.raises(BrokenSession):
            store.verify(answer(*selections))


@pytest.mark.parametrize("kind", KINDS)
def test_a_key_of_another_type_is_one_clear_500(atomic_pods: Any, world: Any, server: Any, kind: str) -> None:
    path, right, _ = world.new(atomic_pods[0], kind)
    key = f"rcaptcha:{kind}:{right['challenge_id']}"
    server.delete(key)
    server.hset(key, "is_positive", "[]")
    reply = atomic_pods[0].http.post(path, json=right)
    assert reply.status_code == 500
    assert "broken" in reply.json()["detail"]
    assert "Traceback" not in atomic_pods[0].text()
    assert server.type(key) == "hash", "left as it was found"


def test_documents_at_their_limit_are_over(store: AtomicStore, server: Any) -> None:
    server.set(KEY, json.dumps(document(attempts=2)), ex=60)
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND
    assert not server.exists(KEY)


def test_ids_that_cannot_be_are_not_looked_for(store: AtomicStore, world: Any) -> None:
    for challenge_id in ("", "x:y", "{a}", "\ud800", "a" * 65):
        submission = AbstractSubmission(challenge_id, [], None, None)
        assert refusal(store, submission) == Refusal.NOT_FOUND


def test_not_found_comes_before_ungraded(store: AtomicStore) -> None:
    gone = "d" * 32
    assert refusal(store, HandwritingSubmission(gone, "!!", lambda image: "")) == Refusal.NOT_FOUND
    assert refusal(store, AbstractSubmission(gone, [], [], "s")) == Refusal.NOT_FOUND


def test_a_failing_detector_costs_no_attempt(world: Any, server: Any) -> None:
    def down(url: str | None) -> Any:
        raise Ungraded("ML predict failed: down")

    store = make_atomic(world.redis.port)
    session = {
        "type": "imagegrid",
        "cid": CHALLENGE_ID,
        "image_url": "u",
        "target_label": "bus",
        "attempts": 0,
    }
    store.create(CaptchaType.IMAGEGRID, CHALLENGE_ID, session)
    submission = GridSubmission(
        CHALLENGE_ID, [1], down, lambda challenge_id: {"image_url": "u", "target_label": "bus"}
    )
    assert refusal(store, submission) == Refusal.UNGRADED
    assert json.loads(server.get(f"rcaptcha:imagegrid:{CHALLENGE_ID}"))["attempts"] == 0


# --- Redis in trouble --------------------------------------------------------------------------------------


def test_redis_down_is_503_and_then_it_recovers(own_world: Any, own_pod: Any) -> None:
    path, right, _ = own_world.new(own_pod, "abstract")
    own_world.redis.stop()
    for reply in (own_pod.http.post(path, json=right), own_pod.http.post("/api/abstract-captcha")):
        assert reply.status_code == 503
        assert reply.headers["retry-after"] == "1"
        assert reply.json()["detail"].startswith("Session store unreachable")
    assert own_pod.http.get("/ready").status_code == 503
    assert own_pod.http.get("/health").status_code == 200
    assert own_pod.http.get("/metrics").status_code == 200
    own_world.redis.start()
    assert own_pod.post(path, right)["message"] == "Challenge not found", "this Redis keeps nothing"
    path, right, _ = own_world.new(own_pod, "abstract")
    assert own_pod.post(path, right)["success"] is True
    assert "Traceback" not in own_pod.text()


def test_redis_that_hangs_is_one_time_out(own_world: Any, own_pod: Any) -> None:
    path, right, _ = own_world.new(own_pod, "abstract")
    assert own_pod.post(path, right)["success"] is True  # from here on Redis has the script
    path, right, _ = own_world.new(own_pod, "abstract")
    before = evalsha_calls(own_pod)
    own_world.redis.pause()
    reply = own_pod.http.post(path, json=right)
    assert reply.status_code == 503
    own_world.redis.resume()
    # One time-out for one request: nothing was sent a second time.
    assert evalsha_calls(own_pod) == before + 1
    # The command was still in Redis' queue and ran: the session is solved, although the client got a 503.
    assert own_pod.post(path, right)["message"] == SOLVED


def evalsha_calls(pod: Any) -> float:
    """How many EVALSHA the pod has sent, by its own metrics."""
    [count] = re.findall(
        r'^captcha_redis_command_seconds_count\{command="EVALSHA"\} (\S+)$',
        pod.http.get("/metrics").text,
        re.MULTILINE,
    )
    return float(count)


def test_a_redis_that_never_was_there(own_world: Any) -> None:
    own_world.redis.stop()
    pod = own_world.pod("none", USE_REDIS="true")
    try:
        assert pod.http.get("/ready").status_code == 503
        assert pod.http.post("/api/abstract-captcha").status_code == 503
    finally:
        pod.stop()


def test_refused_writes_are_503_and_no_limit_is_lost(own_world: Any) -> None:
    store = make_atomic(own_world.redis.port)
    store.create(CaptchaType.ABSTRACT, CHALLENGE_ID, document())
    server = own_world.redis.client
    server.config_set("maxmemory", "1")
    for submission in (answer(1), answer(0, 2)):
        with pytest.raises(StoreUnavailable):
            store.verify(submission)
    server.config_set("maxmemory", "0")
    assert store.verify(answer(1)).attempts == 1
    server.replicaof("127.0.0.1", "1")
    with pytest.raises(StoreUnavailable):
        store.verify(answer(1))
    with pytest.raises(StoreUnavailable):
        store.create(CaptchaType.ABSTRACT, "d", document())
    server.replicaof("NO", "ONE")
    assert store.verify(answer(0, 2)).passed


def test_wrong_password_is_503(own_world: Any) -> None:
    own_world.redis.client.config_set("requirepass", "secret")
    for password, ready in (("wrong", False), ("secret", True)):
        store = make_atomic(own_world.redis.port, redis_password=password)
        if ready:
            store.check_ready()
        else:
            with pytest.raises(StoreUnavailable):
                store.check_ready()
    own_world.redis.client = redis.Redis(port=own_world.redis.port, password="secret", decode_responses=True)


def test_flushed(store: AtomicStore, server: Any) -> None:
    server.flushall()
    assert refusal(store, answer(0, 2)) == Refusal.NOT_FOUND
