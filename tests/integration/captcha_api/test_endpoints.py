"""Every endpoint's fields, with each store; what the stores share."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support import until

KINDS = ("abstract", "imagegrid", "handwriting")
STORES = ("memory", "guide", "atomic")


@pytest.fixture(params=STORES)
def pod(request: pytest.FixtureRequest) -> Any:
    if request.param == "memory":
        return request.getfixturevalue("memory_pod")
    return request.getfixturevalue(f"{request.param}_pods")[0]


def test_abstract_challenge(pod: Any) -> None:
    challenge = pod.post("/api/abstract-captcha")
    assert set(challenge) == {"challenge_id", "question", "target_class", "keywords", "ttl", "images"}
    assert len(challenge["challenge_id"]) == 32
    int(challenge["challenge_id"], 16)
    assert challenge["ttl"] == 60
    assert challenge["keywords"][0] in challenge["question"]
    assert [image["id"] for image in challenge["images"]] == list(range(9))
    assert len({image["url"] for image in challenge["images"]}) == 9


def test_abstract_pictures_can_be_fetched(pod: Any, world: Any) -> None:
    url = pod.post("/api/abstract-captcha")["images"][0]["url"]
    assert world.ml.http.get(url).headers["content-type"] == "image/png"


def test_abstract_success(pod: Any, world: Any) -> None:
    path, right, _ = world.new(pod, "abstract")
    result = pod.post(path, right)
    expected = {"success": True, "img_score": 1.0, "fp": 0, "fn": 0, "attempts": 1, "expired": False}
    assert {key: result[key] for key in expected} == expected
    assert result["tp"] == len(right["selections"])
    assert {"target_class", "keywords"} <= set(result)
    assert "message" not in result
    assert not result.get("downshift")


def test_abstract_two_wrong_answers(pod: Any, world: Any) -> None:
    path, _, wrong = world.new(pod, "abstract")
    first, second = pod.post(path, wrong), pod.post(path, wrong)
    assert (first["success"], first["attempts"], first["img_score"]) == (False, 1, 0.0)
    assert "message" not in first
    assert (second["success"], second["attempts"], second["downshift"]) == (False, 2, True)
    assert second["message"]


@pytest.mark.parametrize("path", ["/api/imagecaptcha-challenge", "/api/image-challenge"])
def test_image_grid_challenge(pod: Any, path: str) -> None:
    challenge = pod.post(path)
    assert set(challenge) == {"challenge_id", "url", "ttl", "grid_size", "target_label", "question"}
    assert (challenge["grid_size"], challenge["ttl"]) == (3, 60)


def test_image_grid_never_leaks_the_answer_before_the_end(pod: Any, world: Any) -> None:
    path, right, wrong = world.new(pod, "imagegrid")
    first = pod.post(path, wrong)
    assert set(first) == {"success", "attempts", "target_label", "user_selections"}
    assert first["user_selections"] == wrong["selections"]
    second = pod.post(path, wrong)
    assert second["downshift"] is True
    assert second["correct_cells"] == right["selections"]
    assert {"x1", "y1", "x2", "y2", "class_name"} <= set(second["boxes"][0])


def test_every_grid_target_has_cells_to_find_and_cells_to_leave(world: Any) -> None:
    catalogue = world.ml.http.get("/catalog").json()
    for scene in catalogue["scenes"]:
        for label in scene["labels"]:
            assert 1 <= len(world.oracle(url=scene["url"], label=label)["correct_cells"]) <= 8


def test_handwriting_challenge(pod: Any) -> None:
    challenge = pod.post("/api/handwriting-challenge")
    assert {"samples", "ttl", "message"} <= set(challenge)
    assert 1 <= len(challenge["samples"]) <= 5


@pytest.mark.parametrize("kind", KINDS)
def test_right_after_wrong(pod: Any, world: Any, kind: str) -> None:
    path, right, wrong = world.new(pod, kind)
    assert pod.post(path, wrong)["success"] is False
    assert pod.post(path, right)["success"] is True


@pytest.mark.parametrize("kind", ["abstract", "imagegrid"])
def test_unknown_challenge(pod: Any, world: Any, kind: str) -> None:
    path, right, _ = world.new(pod, kind)
    result = pod.post(path, {**right, "challenge_id": "0" * 32})
    assert result == {"success": False, "message": "Challenge not found"}


@pytest.mark.parametrize("kind", ["abstract", "imagegrid"])
def test_the_session_is_gone_after_the_limit(pod: Any, world: Any, kind: str) -> None:
    path, right, wrong = world.new(pod, kind)
    pod.post(path, wrong)
    pod.post(path, wrong)
    assert pod.post(path, right) == {"success": False, "message": "Challenge not found"}


def test_wrong_signatures_cost_no_attempt(pod: Any, world: Any) -> None:
    path, right, _ = world.new(pod, "abstract")
    assert pod.post(path, {**right, "signatures": ["x"]})["message"] == "Invalid signatures length"
    assert pod.post(path, {**right, "signatures": ["x"] * 9})["message"] == "Invalid signature detected"
    assert pod.post(path, right)["attempts"] == 1


def test_an_invalid_picture_costs_no_attempt(pod: Any, world: Any) -> None:
    path, right, wrong = world.new(pod, "handwriting")
    for _ in range(3):
        result = pod.post(path, {**right, "image_base64": "!!"})
        assert result["message"].startswith("Invalid base64 image: ")
    unreadable = pod.post(path, {**right, "image_base64": "aGVsbG8="})
    assert unreadable["message"].startswith("OCR API request failed: ")
    assert pod.post(path, wrong)["success"] is False
    assert pod.post(path, right)["success"] is True


@pytest.mark.parametrize(
    "path", ["/api/abstract-verify", "/api/imagecaptcha-verify", "/api/handwriting-verify"]
)
def test_malformed_bodies(pod: Any, path: str) -> None:
    bodies: list[Any] = [{}, [], {"challenge_id": 7, "selections": "x"}, {"image_base64": None}]
    for body in bodies:
        assert pod.http.post(path, json=body).status_code == 422
    assert pod.http.post(path, content=b"{", headers={"content-type": "application/json"}).status_code == 422


def test_next_captcha(pod: Any) -> None:
    result = pod.post("/api/next-captcha", {"behavior_data": {"mouseMovements": []}})
    assert set(result) == {
        "message",
        "status",
        "confidence_score",
        "captcha_type",
        "next_captcha",
        "behavior_data_received",
        "ml_service_used",
        "is_bot_detected",
    }
    assert result["ml_service_used"] is True
    assert isinstance(result["is_bot_detected"], bool)


def test_root_health_ready_and_headers(pod: Any) -> None:
    for path in ("/", "/health", "/ready"):
        reply = pod.http.get(path, headers={"X-Request-Id": "abc-1"})
        assert reply.status_code == 200
        assert reply.headers["x-request-id"] == "abc-1"
        assert reply.headers["x-served-by"] in pod.log.name
    assert pod.http.get("/").json() == {"Hello": "World"}
    made = {pod.http.get("/").headers["x-request-id"] for _ in range(3)}
    assert len(made) == 3


def test_errors_carry_the_headers_too(pod: Any) -> None:
    for reply in (pod.http.get("/nowhere"), pod.http.post("/api/abstract-verify", json={})):
        assert reply.headers["x-served-by"]
        assert reply.headers["x-request-id"]


def test_a_page_of_another_origin_may_call(pod: Any) -> None:
    asked = {
        "Origin": "https://shop.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,x-devenv-pod",
    }
    preflight = pod.http.options("/api/abstract-verify", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == "*"
    assert "x-devenv-pod" in preflight.headers["access-control-allow-headers"].lower()
    assert "access-control-allow-credentials" not in preflight.headers
    reply = pod.http.post("/api/abstract-captcha", headers={"Origin": "https://shop.example"})
    assert reply.headers["access-control-allow-origin"] == "*"


def test_log_lines_carry_pod_request_and_challenge(pod: Any, world: Any) -> None:
    path, right, _ = world.new(pod, "abstract")
    name = f"log-{right['challenge_id']}"
    pod.post(path, right, headers={"X-Request-Id": name})
    (line,) = until(lambda: [e for e in pod.lines() if e["request_id"] == name], "the line is written")
    assert line["challenge_id"] == right["challenge_id"]
    assert (line["level"], line["event"], line["outcome"]) == ("info", "request", "success")
    assert line["pod"] in pod.log.name
    assert line["time"].endswith("Z")


def test_metrics(pod: Any, world: Any) -> None:
    path, right, _ = world.new(pod, "abstract")
    pod.post(path, right)
    pod.post(path, {**right, "challenge_id": "0" * 32})
    page = pod.http.get("/metrics").text
    label = 'captcha_requests_total{endpoint="/api/abstract-verify",outcome="%s",status="200"}'
    assert label % "success" in page
    assert label % "not_found" in page
    assert "captcha_challenge_not_found_ratio 0." in page
    assert 'captcha_attempts_bucket{le="1.0",result="success",type="abstract"}' in page
    assert ("captcha_redis_server_keys" in page) == (pod.http.get("/health").json()["store"] != "memory")


@pytest.mark.parametrize("store", ["guide", "atomic"])
@pytest.mark.parametrize("kind", KINDS)
def test_sessions_in_redis(store: str, kind: str, world: Any, request: pytest.FixtureRequest) -> None:
    pods = request.getfixturevalue(f"{store}_pods")
    path, right, _ = world.new(pods[0], kind)
    key = f"rcaptcha:{kind}:{right['challenge_id']}"
    assert 0 < world.redis.client.ttl(key) <= 60
    document = world.redis.document(key)
    fields = {
        "abstract": {"target_class", "keywords", "image_urls", "is_positive"},
        "imagegrid": {"image_url", "target_label"},
        "handwriting": {"samples", "target_class"},
    }
    assert set(document) == {"type", "cid", "attempts", "created_at"} | fields[kind]
    assert (document["type"], document["cid"]) == (kind, right["challenge_id"])
    assert pods[1].post(path, right)["success"] is True, "another pod judges it"
    assert world.redis.client.exists(key) == 0


@pytest.mark.parametrize("store", ["guide", "atomic"])
def test_two_wrong_answers_raise_attempts_and_delete_the_key(
    store: str, world: Any, request: pytest.FixtureRequest
) -> None:
    pods = request.getfixturevalue(f"{store}_pods")
    path, _, wrong = world.new(pods[0], "abstract")
    key = f"rcaptcha:abstract:{wrong['challenge_id']}"
    pods[1].post(path, wrong)
    assert world.redis.document(key)["attempts"] == 1
    assert 0 < world.redis.client.ttl(key) <= 60
    pods[0].post(path, wrong)
    assert world.redis.client.exists(key) == 0


def test_ml_down(world: Any) -> None:
    pod = world.pod("no-ml", USE_REDIS="false", ML_SERVICE_URL="http://127.0.0.1:1")
    try:
        for path in ("abstract-captcha", "imagecaptcha-challenge", "handwriting-challenge"):
            reply = pod.http.post(f"/api/{path}")
            assert reply.status_code == 503
            assert "catalogue" in reply.json()["detail"]
            assert reply.headers["retry-after"] == "1"
        result = pod.post("/api/next-captcha", {"behavior_data": {}})
        assert (result["confidence_score"], result["ml_service_used"]) == (75, False)
        assert result["is_bot_detected"] is None
        assert "Traceback" not in pod.text()
    finally:
        pod.stop()
