"""Templates of requests: the id and the answer in their places, and back again."""

from __future__ import annotations

from typing import Any

import pytest

from devenv.core.model.ids import ChallengeId
from devenv.core.model.templates import Target, filled, path_pattern, place_of_id, target_id

ONE = ChallengeId("one")


@pytest.mark.parametrize(
    ("template", "challenge_id", "body"),
    [
        ({"id": "{id}", "a": "{answer}", "n": 1}, ONE, {"id": "one", "a": [1, 2], "n": 1}),
        ({"id": "{id}", "deep": {"s": "x-{id}"}}, 7, {"id": 7, "deep": {"s": "x-7"}}),
        ({"id": "{id}", "deep": {"s": "x-{id}"}}, None, {"deep": {"s": "x-"}}),
        (["{id}", "{answer}"], ONE, ["one", [1, 2]]),
    ],
)
def test_a_template_is_filled(template: Any, challenge_id: ChallengeId | int | None, body: Any) -> None:
    assert filled(template, challenge_id, [1, 2]) == body


@pytest.mark.parametrize(
    ("template", "place"),
    [
        ({"a": 1, "b": {"c": "{id}"}}, "b.c"),
        ({"a": [0, "{id}"]}, "a.1"),
        ({"a": "x{id}"}, None),
        ("{id}", ""),
    ],
)
def test_where_the_id_stands(template: Any, place: str | None) -> None:
    assert place_of_id(template) == place


def test_a_path() -> None:
    match = path_pattern("/v1.0/{id}/verify").fullmatch("/v1.0/abc/verify")
    assert match is not None and match["id"] == "abc"
    assert path_pattern("/v1.0/{id}/verify").fullmatch("/v1x0/abc/verify") is None
    assert path_pattern("/v1.0/{id}/verify").fullmatch("/v1.0/a/b/verify") is None
    assert path_pattern("/verify").fullmatch("/verify") is not None


@pytest.mark.parametrize(
    ("template", "target", "fits", "session"),
    [
        ("/p/{id}/verify", "/p/a%20b/verify/?trace=1", True, "a b"),
        ("/p/{id}/verify?answer={answer}", "/p/x/verify?answer=7", True, "x"),
        ("/p/{id}/verify?answer={answer}", "/p/x/verify", True, "x"),
        ("/verify?id={id}&answer={answer}", "/verify?answer=7&id=a%2Bb", True, "a+b"),
        ("/verify?id=c-{id}.x", "/verify?id=c-7.x", True, "7"),
        ("/verify?id={id}", "/verify?answer=7", False, None),
        ("/api?do=check&id={id}", "/api?do=check&id=1", True, "1"),
        ("/api?do=check&id={id}", "/api?do=new&id=1", False, None),
        ("/api?do=new", "/api", False, None),
        ("/api", "/api?do=new", True, None),
        ("/", "/?do=new", True, None),
        ("/other", "/api?do=new", False, None),
    ],
)
def test_a_path_with_a_query(template: str, target: str, fits: bool, session: str | None) -> None:
    assert target_id(template, Target.of(target)) == (fits, session)
