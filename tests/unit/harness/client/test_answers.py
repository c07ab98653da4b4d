"""What a person answers to a service whose right answers nobody knows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.mcp import MCP_SESSION
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request, ServiceProfile
from devenv.core.model.vocabulary import Answer
from devenv.harness.client.answers import Answers, UnreadableChallenge
from devenv.harness.client.exchanges import Challenge


def profile(body: Mapping[str, Any], **answers: Any) -> ServiceProfile:
    kind = Kind(Request("/new"), Request("/use", body=body), answers=answers)
    return replace(CAPTCHA, oracle="", kinds={"sum": kind})


def answered(of: ServiceProfile, kind: str, answer: Answer) -> Any:
    async def work() -> Any:
        async with httpx.AsyncClient(base_url="http://127.0.0.1:9") as nobody:
            challenge = Challenge(ChallengeId("s1"), kind, {}, None, "r1")
            return await Answers(of, nobody, 0).to(challenge, answer)

    return asyncio.run(work())


def test_what_the_profile_tells() -> None:
    message = profile({"id": "{id}", "sum": "{answer}"}, wrong=-1)
    assert answered(message, "sum", Answer.WRONG) == {"answer": -1}
    with pytest.raises(UsageProblem) as problem:
        answered(message, "sum", Answer.RIGHT)
    assert problem.value.hint == "known: wrong; add profile.kinds.sum.answers"


def test_a_use_that_is_always_the_same_is_no_right_answer() -> None:
    """``init --body`` writes a wrong one down as it was given."""
    constant = profile({"id": "{id}", "sum": -1})
    assert answered(constant, "sum", Answer.WRONG) == {"answer": None}
    for answer in (Answer.RIGHT, Answer.EMPTY):
        with pytest.raises(UsageProblem, match="it is not known what") as problem:
            answered(constant, "sum", answer)
        assert '"{answer}" in the body' in str(problem.value.hint)


def test_where_nothing_can_be_wrong_any_answer_is_the_use() -> None:
    for answer in Answer:
        assert answered(MCP_SESSION, "mcp", answer) == {"answer": None}


@pytest.mark.parametrize(
    ("kind", "raw"),
    [
        ("abstract", {}),
        ("abstract", {"images": None, "target_class": "cat"}),
        ("abstract", {"images": [{"url": "/a"}], "target_class": "cat"}),
        ("abstract", {"images": [{"url": "/a", "id": float("inf")}], "target_class": "cat"}),
        ("abstract", {"images": [{"url": "http://[::1/a", "id": 1}], "target_class": "cat"}),
        ("imagegrid", {"url": "/a"}),
        ("imagegrid", {"url": "/a", "target_label": "car"}),
        ("handwriting", {}),
        ("handwriting", {"samples": 1}),
        ("handwriting", {"samples": {"a": 1}}),
    ],
)
@pytest.mark.parametrize("answer", [Answer.RIGHT, Answer.WRONG])
def test_a_challenge_without_its_fields_is_named_and_is_no_crash(
    kind: str, raw: dict[str, Any], answer: Answer
) -> None:
    """Whoever gave it: a service, or the body of a request. The oracle knows a drawing of another kind."""

    async def work() -> Any:
        known = httpx.MockTransport(lambda request: httpx.Response(200, json={"kind": "handwriting"}))
        async with httpx.AsyncClient(transport=known, base_url="http://127.0.0.1:9") as oracle:
            challenge = Challenge(ChallengeId("s1"), kind, raw, None, "r1")
            return await Answers(CAPTCHA, oracle, 0).to(challenge, answer)

    with pytest.raises(UnreadableChallenge, match=r"challenge"):
        asyncio.run(work())


def test_one_catalogue_tells_the_classes_of_all_pictures() -> None:
    """Only a picture that is not in the catalogue is asked for by itself."""
    cat = {
        "name": "cat",
        "images": ["/assets/cat/0.png", "/assets/cat/1.png"],
        "handwriting": ["/hand/cat.png"],
    }
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        known = {"classes": [cat]} if request.url.path == "/catalog" else {"kind": "abstract", "class": "dog"}
        return httpx.Response(200, json=known)

    async def work() -> tuple[Any, str]:
        async with httpx.AsyncClient(
            transport=httpx.MockTransport(answer), base_url="http://127.0.0.1:9"
        ) as ml:
            answers = Answers(CAPTCHA, ml, 0)
            paths = ["/assets/cat/0.png", "/prefix/assets/dog/0.png", "http://cdn/assets/cat/1.png?v=2"]
            images = [{"id": number, "url": path} for number, path in enumerate(paths)]
            raw = {"images": images, "target_class": "cat"}
            chosen = await answers.to(Challenge(ChallengeId("s1"), "abstract", raw, None, "r1"), Answer.RIGHT)
            drawn = Challenge(ChallengeId("s2"), "handwriting", {"samples": ["/hand/cat.png"]}, None, "r2")
            return chosen, await answers.word(drawn)

    assert asyncio.run(work()) == ({"selections": [0, 2]}, "cat")
    assert asked == ["/catalog", "/oracle"]
