"""USE_REDIS=false behaves as the service did before: sessions belong to one process."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support import until


@pytest.fixture(scope="session")
def two(shared_world: Any) -> Iterator[list[Any]]:
    pods = [shared_world.pod(name, USE_REDIS="false", ABSTRACT_HMAC_SECRET="s") for name in ("m-a", "m-b")]
    yield pods
    for pod in pods:
        pod.stop()


@pytest.mark.parametrize("kind", ["abstract", "imagegrid"])
def test_another_pod_knows_nothing(two: list[Any], world: Any, kind: str) -> None:
    path, right, _ = world.new(two[0], kind)
    assert two[1].post(path, right) == {"success": False, "message": "Challenge not found"}
    assert two[0].post(path, right)["success"] is True


def test_handwriting_is_judged_against_the_other_pods_word(two: list[Any], world: Any) -> None:
    def word(challenge: Any) -> str:
        return str(world.oracle(url=challenge["samples"][0])["class"])

    mine = two[0].post("/api/handwriting-challenge")
    theirs = mine
    while word(theirs) == word(mine):
        theirs = two[1].post("/api/handwriting-challenge")
    assert "challenge_id" not in mine
    answer = {"image_base64": world.written(mine)}
    assert two[1].post("/api/handwriting-verify", answer) == {"success": False}
    assert two[1].post("/api/handwriting-verify", {"image_base64": world.written(theirs)})["success"] is True
    for _ in range(2):
        assert two[0].post("/api/handwriting-verify", answer)["success"] is True, "it replays for ever"


def test_handwriting_without_a_current_word(shared_world: Any, world: Any, two: list[Any]) -> None:
    path, right, _ = world.new(two[0], "handwriting")
    fresh = shared_world.pod("m-fresh", USE_REDIS="false")
    try:
        result = fresh.post(path, right)
        assert result["success"] is False
        assert "No handwriting challenge" in result["message"]
    finally:
        fresh.stop()


def test_signatures(two: list[Any], world: Any) -> None:
    from devenv.captcha_api.signatures import sign

    path, right, _ = world.new(two[0], "abstract")
    challenge_id = right["challenge_id"]
    good = [sign("s", challenge_id, index) for index in range(9)]
    assert two[0].post(path, {**right, "signatures": good[::-1]})["message"] == "Invalid signature detected"
    assert two[0].post(path, {**right, "signatures": good})["success"] is True


def test_redirect_after_handwriting(memory_pod: Any, world: Any) -> None:
    path, right, _ = world.new(memory_pod, "handwriting")
    assert memory_pod.post(path, right)["redirect_url"] == "/done"


def test_expiry(shared_world: Any, world: Any) -> None:
    pod = shared_world.pod("m-brief", USE_REDIS="false", CAPTCHA_TTL="1")
    try:
        challenge_id = pod.post("/api/abstract-captcha")["challenge_id"]
        # Wrong signatures cost no attempt, so this can be asked until the second has passed.
        body = {"challenge_id": challenge_id, "selections": [], "signatures": []}

        def other_message() -> Any:
            result = pod.post("/api/abstract-verify", body)
            return None if result["message"] == "Invalid signatures length" else result

        result = until(other_message, "the challenge expires")
        assert result == {"success": False, "message": "Challenge expired", "expired": True}
    finally:
        pod.stop()


def test_several_workers_are_several_memories(shared_world: Any, world: Any) -> None:
    pod = shared_world.pod("m-workers", "--workers", "2", USE_REDIS="false")

    def verify_on_a_connection_of_its_own(_: int) -> Any:
        path, right, _wrong = world.new(pod, "abstract")
        result = httpx.post(pod.url + path, json=right, timeout=30, trust_env=False).json()
        return result.get("message", result["success"])

    try:
        outcomes: set[Any] = set()
        with ThreadPoolExecutor(8) as pool:
            # Which worker accepts is the kernel's choice; side by side both get some.
            for _ in range(20):
                outcomes |= set(pool.map(verify_on_a_connection_of_its_own, range(20)))
                if len(outcomes) == 2:
                    break
        assert outcomes == {True, "Challenge not found"}
        assert pod.http.get("/metrics").status_code == 200
    finally:
        pod.stop()


def test_workers_can_share_their_counts(shared_world: Any, tmp_path: Path) -> None:
    env = {"USE_REDIS": "false", "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    pod = shared_world.pod("m-counts", "--workers", "2", **env)

    def ask(_: int) -> int:
        body = {"challenge_id": "x", "selections": []}
        return httpx.post(f"{pod.url}/api/abstract-verify", json=body, timeout=30).status_code

    try:
        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(ask, range(40))) == {200}
        label = 'captcha_requests_total{endpoint="/api/abstract-verify",outcome="not_found",status="200"}'
        # A worker counts a request right after answering it; any worker answers for all.
        until(lambda: f"{label} 40.0" in pod.http.get("/metrics").text, "all are counted")
        page = pod.http.get("/metrics").text
        assert "captcha_challenge_not_found_ratio 1.0" in page
    finally:
        pod.stop()


@pytest.mark.parametrize(
    ("name", "value"),
    [("USE_REDIS", "maybe"), ("REDIS_PORT", "tcp://10.0.0.7:6379"), ("REDIS_PORT", ""), ("CAPTCHA_TTL", "x")],
)
def test_a_wrong_setting_is_one_line_and_the_end(name: str, value: str) -> None:
    command = [sys.executable, "-m", "uvicorn", "devenv.captcha_api.app:app", "--port", "0"]
    done = subprocess.run(
        command, env={**os.environ, name: value}, capture_output=True, timeout=60, check=False
    )
    lines = done.stderr.decode().splitlines()
    assert done.returncode == 2
    assert len(lines) == 1, lines
    assert f"{name}={value!r}" in lines[0]
