"""Bodies: JSON, forms, multipart forms."""

from __future__ import annotations

import pytest

from devenv.verbs.recordings.formats.bodies import (
    fields_of,
    is_form,
    is_json,
    json_value,
    multipart,
    parts_of,
)

MULTIPART = "multipart/form-data; boundary=XyZ"
BODY = (
    '--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\none\r\n--not the end\r\n'
    '--XyZ\r\nContent-Disposition: form-data; name=b; filename="f"\r\nContent-Type: text/plain\r\n\r\n\r\n'
    '--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\ntwo\r\n--XyZ--\r\n'
)


def test_content_types() -> None:
    assert is_json("application/json; a=b") and is_json("application/problem+json")
    assert not is_json("text/plain") and not is_json("")
    assert is_form("Application/X-WWW-Form-URLencoded;charset=UTF-8")
    assert not is_form("multipart/form-data")


@pytest.mark.parametrize("body", [BODY, BODY.replace("\r\n", "\n")])
@pytest.mark.parametrize(
    "kind", [MULTIPART, 'multipart/form-data; boundary="XyZ"', "multipart/form-data", ""]
)
def test_fields_of_a_multipart_body(body: str, kind: str) -> None:
    fields = fields_of(body, kind)
    end = "\r\n" if "\r\n" in body else "\n"
    assert fields == {"a": [f"one{end}--not the end", "two"], "b": ""}


def test_parts_are_where_they_stand() -> None:
    first = parts_of(BODY, MULTIPART)[0]
    assert BODY[first.start : first.end] == "one\r\n--not the end"
    assert parts_of("just text", MULTIPART) == ()
    assert parts_of("a=1", "application/x-www-form-urlencoded") == ()


def test_a_body_of_fields() -> None:
    made = multipart([("a", "1"), ("b", "2")], MULTIPART) or ""
    assert fields_of(made, MULTIPART) == {"a": "1", "b": "2"}
    assert multipart([("a", "1")], "multipart/form-data") is None


def test_json() -> None:
    assert (json_value("[1]"), json_value("x"), json_value(None), json_value("[" * 100_000)) == (
        [1], None, None, None
    )  # fmt: skip
    assert fields_of('{"a": 1}', "text/plain") == {"a": 1}
    assert fields_of("a=1&a=2", "application/x-www-form-urlencoded") == {"a": ["1", "2"]}
