from __future__ import annotations

from typing import Any

import pytest

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Request
from devenv.verbs.init.openapi import OpenApi, plausible


def operation(fields: dict[str, Any] | None = None, content: str = "application/json", **more: Any) -> Any:
    if fields is None:
        return more
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return {"requestBody": {"content": {content: {"schema": schema}}}, **more}


HEADER = {"in": "header", "name": "X-Id", "required": True}
TEXT, LIST = {"type": "string"}, {"type": "array"}
SHOP = OpenApi(
    {
        "paths": {
            "/v2/puzzle": {"post": operation()},
            "/v2/solve": {"post": operation({"ticket": TEXT, "picks": LIST, "lang": {"enum": ["ko"]}})},
            "/baskets": {"post": operation()},
            "/baskets/{basket_id}": {"put": operation({"item": TEXT}), "get": operation()},
            "/captcha/new": {"get": operation()},
            "/captcha/check": {
                "post": operation({"captchaId": TEXT, "text": TEXT}, "application/x-www-form-urlencoded")
            },
            "/about": {
                "get": operation(),
                "post": operation(parameters=[HEADER]),
            },
        }
    }
)


def test_each_use_is_paired_with_the_opening_that_is_nearest() -> None:
    pairs = [(one.method, one.path, two.method, two.path) for one, two in SHOP.pairs()]
    assert pairs == [
        ("POST", "/v2/puzzle", "POST", "/v2/solve"),
        ("POST", "/baskets", "PUT", "/baskets/{id}"),
        ("GET", "/captcha/new", "POST", "/captcha/check"),
    ]


def test_a_use_has_the_id_a_wrong_answer_and_what_else_is_required() -> None:
    verify, answers = SHOP.using(Request("/v2/solve"), "ticket")
    assert verify.body == {"ticket": "{id}", "picks": "{answer}", "lang": "ko"}
    assert answers == {"wrong": []}
    in_path, _ = SHOP.using(Request("/baskets/{id}", "PUT"), "id")
    assert in_path.body == {"item": "{answer}"}


def test_a_use_that_takes_a_form_is_one() -> None:
    verify, _ = SHOP.using(Request("/captcha/check"), "captchaId")
    assert (verify.body, verify.form) == (None, {"captchaId": "{id}", "text": "{answer}"})


def test_required_headers_are_given() -> None:
    assert SHOP.required_headers() == {"X-Id": "devenv"}


def test_a_contract_path_is_completed_with_what_it_requires_beside() -> None:
    kind = CAPTCHA.kinds["abstract"]
    more = {"challenge_id": TEXT, "selections": LIST, "signatures": LIST, "locale": {"default": "ko"}}
    api = OpenApi(
        {"paths": {kind.verify.path: {"post": operation(more)}, kind.create.path: {"post": operation()}}}
    )
    completed = api.completed(kind)
    assert completed.verify.body == {
        "challenge_id": "{id}", "selections": "{answer}", "signatures": [], "locale": "ko"
    }  # fmt: skip
    assert completed.create == kind.create
    assert OpenApi({}).completed(kind) == kind


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string", "enum": ["ko", "en"]}, "ko"),
        ({"type": "string", "default": "en", "examples": ["x"]}, "en"),
        ({"type": "integer", "const": 3}, 3),
        ({"type": "array"}, []),
        ({}, "devenv"),
    ],
)
def test_a_field_gets_what_its_schema_offers(schema: dict[str, object], value: object) -> None:
    assert plausible(schema) == value
