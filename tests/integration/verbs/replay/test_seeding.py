"""Seeded challenges, and what Redis holds, on a real stack."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from devenv.core.model.captcha_http import VERIFY_PATHS
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import Endpoints
from devenv.core.model.vocabulary import CaptchaType
from devenv.harness.client.client import CaptchaClient
from devenv.harness.client.seed import seed
from devenv.harness.redis.keys import connected, key_info, list_keys
from devenv.stack.embedded.backend import EmbeddedStack


def _lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


async def _drawn(endpoints: Endpoints, sample: str) -> str:
    async with CaptchaClient(endpoints) as client:
        return await client.answers.picture(sample)


def _verify(endpoints: Endpoints, line: dict[str, Any], pod: str) -> dict[str, Any]:
    answer = line["answer"]
    if line["type"] == CaptchaType.HANDWRITING:
        answer = {"image_base64": asyncio.run(_drawn(endpoints, answer["sample"]))}
    body = {"challenge_id": line["challenge_id"], **answer}
    path = VERIFY_PATHS[CaptchaType(line["type"])]
    response = httpx.post(f"{endpoints.traffic}{path}", json=body, headers={"X-Devenv-Pod": pod}, timeout=30)
    result: dict[str, Any] = response.json()
    return result


@pytest.mark.parametrize("direct", [False, True])
def test_seeded_challenges_pass_with_their_answers_on_any_pod(
    redis_stack: EmbeddedStack, tmp_path: Path, direct: bool
) -> None:
    status = redis_stack.status()
    messages: list[str] = []
    result = seed(status, 9, None, tmp_path, direct=direct, progress=messages.append)
    assert messages[-1] == "9 of 9 challenges"
    assert result.note is None
    assert result.to_json()["types"] == {"abstract": 3, "imagegrid": 3, "handwriting": 3}
    lines = _lines(tmp_path / "challenges.jsonl")
    assert len({line["challenge_id"] for line in lines}) == 9
    for line in lines:
        assert set(line) == {"type", "challenge_id", "key", "created_at", "expires_at", "answer", "pod"}
        assert line["key"] == f"rcaptcha:{line['type']}:{line['challenge_id']}"
        assert line["expires_at"] - line["created_at"] == 60
        assert (line["pod"] is None) == direct
        assert _verify(status.endpoints, line, "captcha-api-b")["success"] is True


def test_direct_documents_have_the_fields_that_the_service_writes(
    redis_stack: EmbeddedStack, tmp_path: Path
) -> None:
    status = redis_stack.status()
    shapes = []
    for direct in (True, False):
        seeded = seed(status, 3, None, tmp_path, direct=direct).seeded
        with connected(status.endpoints) as connection:
            infos = [key_info(connection, one.key or "") for one in seeded]
        assert all(info is not None and info.flags == () and 0 < (info.ttl or 0) <= 60 for info in infos)
        shapes.append([(info.kind, info.type, info.attempts, info.fields) for info in infos if info])
    assert shapes[0] == shapes[1]


def test_the_same_seed_chooses_the_same_pictures(stack: EmbeddedStack, tmp_path: Path) -> None:
    status = stack.status()
    documents = []
    for _ in range(2):
        [one] = seed(status, 1, CaptchaType.ABSTRACT, tmp_path, direct=True, random_seed=7).seeded
        with connected(status.endpoints) as connection:
            documents.append(json.loads(str(connection.get(one.key or ""), "utf-8")))  # type: ignore[arg-type]
    for document in documents:
        del document["cid"], document["created_at"]
    assert documents[0] == documents[1]


def test_seeding_pods_without_redis_says_so(stack: EmbeddedStack, tmp_path: Path) -> None:
    status = stack.status()
    through = seed(status, 4, CaptchaType.ABSTRACT, tmp_path)
    assert through.note is not None
    assert "found only on the pod that created it" in through.note
    assert {one.key for one in through.seeded} == {None}
    direct = seed(status, 1, CaptchaType.ABSTRACT, tmp_path, direct=True)
    assert direct.note is not None
    assert "not found there" in direct.note
    assert len(_lines(tmp_path / "challenges.jsonl")) == 1
    for line in _lines(direct.path):
        assert _verify(status.endpoints, line, "captcha-api-a")["message"] == "Challenge not found"


def test_no_challenge_cannot_be_seeded(stack: EmbeddedStack, tmp_path: Path) -> None:
    with pytest.raises(UsageProblem, match="at least 1"):
        seed(stack.status(), 0, None, tmp_path)


def test_keys_are_listed_with_what_is_odd_about_them(stack: EmbeddedStack) -> None:
    prefix = "odd[*]:"
    with connected(stack.endpoints()) as connection:
        connection.set(f"{prefix}abstract:stub", '{"attempts": 1}', ex=30)
        connection.set(f"{prefix}abstract:eternal", '{"attempts": 1}')
        connection.set(
            f"{prefix}imagegrid:half", '{"type": "imagegrid", "cid": "half", "attempts": true}', ex=30
        )
        connection.set(f"{prefix}handwriting:broken", b"\xff{", ex=30)
        connection.rpush(f"{prefix}handwriting:list", "x")
        connection.set(f"{prefix}receipt:{{x}}", "{}", ex=30)
        connection.set(f"{prefix}abstract:x:attempts", "1", ex=30)
        connection.set(f"{prefix}else", "1", ex=30)
        connection.set("oddly:abstract:other", "{}", ex=30)
        listing = list_keys(connection, prefix)
        cut = list_keys(connection, prefix, limit=2)
        for key in listing.keys:
            connection.delete(key.key)
        connection.delete("oddly:abstract:other")
    seen = {
        key.key.removeprefix(prefix): (key.kind, key.type, key.attempts, key.flags) for key in listing.keys
    }
    assert seen == {
        "abstract:stub": ("abstract", "string", 1, ("stub document: only attempts",)),
        "abstract:eternal": (
            "abstract", "string", 1, ("no TTL: it stays for ever", "stub document: only attempts"),
        ),
        "imagegrid:half": ("imagegrid", "string", None, ("missing image_url, created_at",)),
        "handwriting:broken": ("handwriting", "string", None, ("not a JSON object",)),
        "handwriting:list": (
            "handwriting", "list", None, ("no TTL: it stays for ever", "wrong type: list instead of string"),
        ),
        "receipt:{x}": ("receipt", "string", None, ()),
        "abstract:x:attempts": ("counter", "string", None, ()),
        "else": ("other", "string", None, ()),
    }  # fmt: skip
    assert listing.complete
    assert (len(cut.keys), cut.complete) == (2, False)
    assert [key.key for key in listing.keys] == sorted(key.key for key in listing.keys)


def test_a_listing_tells_no_answers(stack: EmbeddedStack) -> None:
    document = {"type": "abstract", "cid": "x", "target_class": "zanzibar", "keywords": ["zanzibar"]}
    with connected(stack.endpoints()) as connection:
        connection.set("secret:abstract:x", json.dumps({**document, "is_positive": ["zanzibar"]}), ex=30)
        listing = list_keys(connection, "secret:")
    [key] = listing.keys
    assert "target_class" in key.fields
    assert "zanzibar" not in json.dumps(listing.to_json())


def test_no_redis_is_one_clear_error() -> None:
    endpoints = Endpoints("", "", "", "127.0.0.1", 1)
    with (
        pytest.raises(EnvironmentProblem, match=r"Redis at 127\.0\.0\.1:1 does not answer"),
        connected(endpoints) as c,
    ):
        list_keys(c)
