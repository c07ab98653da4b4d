"""What is taken out of what is kept, and what stays."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from devenv.verbs.recordings.redaction import Redactor

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def test_of_headers_only_harmless_ones_stay() -> None:
    redactor = Redactor()
    headers = {"content-type": "application/json", "authorization": "Bearer x", "cookie": "a=b", "dnt": "1",
               "x-api-key": "k", "accept": "*/*"}  # fmt: skip
    assert redactor.headers(headers) == {"content-type": "application/json"}
    assert dict(redactor.removed) == {"header authorization": 1, "header cookie": 1, "header x-api-key": 1}
    assert Redactor(["DNT", "cookie"]).headers(headers)["cookie"] == "a=b"


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ({"password": "x", "user": {"age": 3}}, {"password": "REDACTED", "user": {"age": 3}}),
        ({"user": {"email": "a@b", "age": 3}}, {"user": {"email": "REDACTED", "age": 3}}),
        ({"note": f"my token is {JWT} ok"}, {"note": "my token is REDACTED ok"}),
        ({"note": "Bearer abcdefgh12345678"}, {"note": "REDACTED"}),
        ({"image": "iVBORw0KGgoAAAANSUhEUgAA1234"}, {"image": "REDACTED"}),
        ({"tokens": ["a", 5]}, {"tokens": ["REDACTED", "REDACTED"]}),
        ({"otp": "123456", "Pin": 1, "pinned": 2, "spin": "x"}, {"otp": "REDACTED", "Pin": "REDACTED",
                                                                 "pinned": 2, "spin": "x"}),
        ({"credentials": {"kind": "basic", "value": ["x"]}}, {"credentials": {"kind": "REDACTED",
                                                                              "value": ["REDACTED"]}}),
        ({"number": "4111 1111 1111 1111", "at": "1690000000123"}, {"number": "REDACTED",
                                                                    "at": "1690000000123"}),
        ({"csrf_token": "{captured:csrf}", "id": "{challenge:c1}"},) * 2,
        ({"password": "", "session": None}, {"password": "", "session": None}),
        ({"moves": [1, 2], "question": "Select all bananas", "url": "/assets/a.png"},) * 2,
        ([1, "x"],) * 2,
    ],
)  # fmt: skip
def test_bodies(body: Any, left: Any) -> None:
    assert Redactor().body(json.dumps(body)) == left


def test_forms_text_and_queries() -> None:
    redactor = Redactor()
    assert redactor.body("user=joe&password=x") == "user=joe&password=REDACTED"
    part = '--x\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    form = part.format("age", "3") + part.format("password", "hunter2\r\nis it")
    assert redactor.body(form + "--x--\r\n") == form.replace("hunter2\r\nis it", "REDACTED") + "--x--\r\n"
    redactor.removed.clear()
    redactor.removed["field password"] = 1
    assert redactor.body("just a text") == "just a text"
    assert redactor.target("/a?page=2&api_key=5") == "/a?page=2&api_key=REDACTED"
    assert redactor.target("/s/{challenge:c1}/x?of={captured:a}") == "/s/{challenge:c1}/x?of={captured:a}"
    assert redactor.target(f"/reset/{JWT}") == "/reset/REDACTED"
    assert redactor.notes() == ["redacted: field password (1), path (1), query api_key (1)"]


def test_keeping_by_name() -> None:
    assert Redactor(["email"]).body('{"email": "a@b", "password": "x"}') == {
        "email": "a@b",
        "password": "REDACTED",
    }


def test_a_boundary_stays_in_every_kind_of_multipart_body() -> None:
    boundary = "batch_5f3b8a9c12344d5e8f90a1b2c3d4e5f6"
    head = f"--{boundary}\r\nContent-Type: text/plain\r\n\r\n"
    body = f"{head}key k1234567890abcdefghijklmnop\r\n--{boundary}--\r\n"
    kind = f"multipart/mixed; boundary={boundary}"
    assert Redactor().headers({"content-type": kind}) == {"content-type": kind}
    assert Redactor().body(body, kind) == body.replace("k1234567890abcdefghijklmnop", "REDACTED")


@pytest.mark.parametrize(
    ("body", "left"),
    [
        ('42["login",{"user":"x","password":"hunter2"}]', '42["login",{"user":"x","password":"REDACTED"}]'),
        ('data: {"token": "abc"}\n\n', 'data: {"token": "REDACTED"}\n\n'),
        ('0{"password":"","sid":"{captured:sid}"}',) * 2,
        ("40",) * 2,
    ],
)
def test_fields_of_json_inside_a_text(body: str, left: str) -> None:
    assert Redactor().body(body, "text/plain;charset=UTF-8") == left


def test_a_form_stays_as_it_is_written_where_nothing_is_taken_out() -> None:
    form = "plan=basic&name=Ada Lovelace&x=%7e&empty=&flag"
    assert Redactor().body(form, "application/x-www-form-urlencoded") == form
    secret = Redactor().body(f"{form}&pass%77ord=a+b", "application/x-www-form-urlencoded")
    assert secret == f"{form}&pass%77ord=REDACTED"
    sent = Redactor().body('{"password": "x", "a": 1}', "application/x-www-form-urlencoded")
    assert sent == '{"password": "REDACTED", "a": 1}'


def test_of_cookies_only_those_that_were_captured_stay() -> None:
    redactor = Redactor()
    headers = {
        "cookie": "lang=en; sid={challenge:c1}; ga=1",
        "x-csrf-token": "{captured:csrf}",
        "x-shop": "a",
    }
    assert redactor.headers(headers) == {"cookie": "sid={challenge:c1}", "x-csrf-token": "{captured:csrf}"}
    assert redactor.notes() == [
        "redacted: header cookie (1)", "headers left out, --keep NAME keeps one: x-shop (1)"
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["पासवर्ड", "รหัสผ่าน"])
def test_a_name_with_marks_is_known_in_json_in_forms_and_in_texts(name: str) -> None:
    form = f"{quote(name)}=plain7x"
    for text in (
        json.dumps({name: "plain7x"}), form, f"/a?next={quote(form)}", f"a {name}: plain7x",
        f"{name}: two plain7x", f"--{name} plain7x", f"<a><{name}>plain7x</{name}></a>",
        f"<u:{name} x='1'>plain7x</u:{name}>", f"<a {name}='plain7x'/>", f"<a {name}=plain7x/>",
    ):  # fmt: skip
        assert "plain7x" not in Redactor().body(text), text


def test_an_attribute_of_html_without_quotes_is_a_value() -> None:
    redactor = Redactor()
    assert redactor.body("<input name=password value=ab/cd>") == "<input name=password value=REDACTED>"
    assert redactor.body("<input value=ab type='password'/>") == "<input value=REDACTED type='password'/>"
    assert redactor.body("<a password=ab/>") == "<a password=REDACTED/>"
    assert "plain7x" not in redactor.body("<a href=http://x/y/?password=plain7x&b=c>d</a>")
    kept = "<a b=c/><input name=page value=2><br/>"
    assert redactor.body(kept) == kept
