from __future__ import annotations

from typing import Any

import pytest

from devenv.core.model.bodies import answered_fields, form_text, sent_fields


@pytest.mark.parametrize(
    ("text", "fields"),
    [
        (None, {}),
        ("", {}),
        ('{"a": 1}', {"a": 1}),
        ("[1, 2]", {}),
        ("captchaId=Ju7H%2B&captchaSolution=482913", {"captchaId": "Ju7H+", "captchaSolution": "482913"}),
        ("pick=1&pick=2&pick=3&note=", {"pick": ["1", "2", "3"], "note": ""}),
        ("name=J%C3%BCrgen+K", {"name": "Jürgen K"}),
        ("flag&id=3", {}),  # no form that a browser sends begins with a bare word
        ("just text, a = b", {}),
        ('{"broken": ', {}),
        ("<a href='x=y'>", {}),
    ],
)
def test_a_body_is_json_or_a_form(text: str | None, fields: dict[str, Any]) -> None:
    assert sent_fields(text) == fields


def test_a_form_is_written_as_it_is_read() -> None:
    fields = {"id": "a/b c+d", "pick": ["1", "2"], "word": "Jürgen", "empty": ""}
    assert sent_fields(form_text(fields)) == fields
    assert form_text({"n": 7, "yes": True, "none": None, "list": [0, 1]}) == "n=7&yes=true&list=0&list=1"


def test_of_an_event_stream_the_last_event_is_the_answer() -> None:
    text = 'event: message\ndata: {"n": 1}\n\nevent: message\r\ndata: {"n": 2}\r\n\r\n'
    assert answered_fields(text) == {"n": 2}
    assert answered_fields('{"a": "data: x"}') == {"a": "data: x"}
    assert answered_fields("data: no json") == answered_fields(None) == {}
