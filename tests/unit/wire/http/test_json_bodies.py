from __future__ import annotations

import json

import pytest

from devenv.core.model.bodies import answered_fields, sent_fields
from devenv.wire.http.json_bodies import MAX_COLLECTED, MAX_KEPT, as_text, bounded, collect, plain_text


def collected(pieces: list[bytes]) -> bytes | None:
    held: bytes | None = b""
    for piece in pieces:
        held = collect(held, piece)
    return held


@pytest.mark.parametrize(
    "body",
    [b'{"a": 1}', b"[1, 2]", b' \n{"a": "\xea\xb0\x92"}', b"", b"id=1&n=2", b"data: {}\n\n"],
)
def test_a_body_is_collected_whole_and_byte_by_byte(body: bytes) -> None:
    assert collected([body]) == body
    assert collected([bytes((b,)) for b in body]) == body


@pytest.mark.parametrize("body", [b"\x89PNG", b"<html>", b"--boundary", b"[" * (MAX_COLLECTED + 1)])
def test_what_is_neither_nor_or_too_long_is_not_collected(body: bytes) -> None:
    assert collected([body, b"}"]) is None


def test_small_bodies_are_kept_as_they_are_and_checked_when_read() -> None:
    assert bounded(b"{x") == b"{x" and as_text(b"{x") is None
    assert as_text(bounded(b'{"a": 1}')) == '{"a": 1}'
    assert bounded(b"") is None and bounded(None) is None and as_text(None) is None
    assert as_text(b'{"a": "\xff"}') is None


def test_long_strings_are_shortened_and_the_rest_stays() -> None:
    body = json.dumps({"challenge_id": "c" * 32, "image_base64": "A" * 30_000, "more": ["B" * 300]}).encode()
    kept = json.loads(as_text(bounded(body)) or "")
    assert kept["challenge_id"] == "c" * 32
    assert kept["image_base64"].startswith("AAAA") and kept["image_base64"].endswith("(30000 characters)")
    assert len(kept["more"][0]) < 300


def test_what_stays_long_or_is_broken_is_dropped() -> None:
    assert bounded(json.dumps(list(range(2000))).encode()) is None
    assert bounded(b"{" + b" " * MAX_KEPT) is None
    assert bounded(b"[" * 30_000) is None


def test_forms_and_streams_of_events_are_kept_and_other_text_is_not() -> None:
    assert as_text(bounded(b"captchaId=k3&text=a+b")) == "captchaId=k3&text=a+b"
    stream = b'event: message\r\ndata: {"jsonrpc": "2.0", "error": {"code": -32600}}\r\n\r\n'
    assert as_text(bounded(stream)) == stream.decode()
    assert as_text(bounded(b"OK")) is None
    assert as_text(bounded(b"data: no json")) is None
    assert plain_text(bounded(b"Invalid session ID\n")) == "Invalid session ID\n"
    assert plain_text(bounded(b"a" * 201)) is plain_text(bounded(b"a\x00")) is plain_text(None) is None
    long_form = b"captchaId=k3&picture=" + b"A" * 30_000
    kept = sent_fields(as_text(bounded(long_form)))
    assert kept["captchaId"] == "k3"
    assert str(kept["picture"]).endswith("(30000 characters)")
    long_event = json.dumps({"result": {"id": "h1", "text": "B" * 9000}}).encode()
    assert answered_fields(as_text(bounded(b"data: " + long_event + b"\n\n")))["result"]["id"] == "h1"
