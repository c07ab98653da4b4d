"""Values of answers that later requests send: where they stand, and from when on they are known."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.verbs.recordings.captures import Captures
from devenv.verbs.recordings.formats.recorded import Recorded
from devenv.verbs.recordings.sessions import Event

JSON = {"content-type": "application/json"}


def asked(target: str, answer: Any = None, *, body: str | None = None, **headers: str) -> Event:
    text = answer if isinstance(answer, str) or answer is None else json.dumps(answer)
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    return Event("other", Recorded(1, "POST", target, body=body, answer=text, answer_headers=JSON | given))


def captured(*events: Event, ids: dict[str, str] | None = None) -> Captures:
    captures = Captures(ids or {})
    captures.find(events)
    return captures


@pytest.mark.parametrize(
    ("event", "where"),
    [
        (asked("/a", {"data": {"token": "Tk-0123456789"}}), "data.token"),
        (asked("/a", {}, x_visit="Tk-0123456789"), "header:x-visit"),
        (asked("/a", '0{"sid":"Tk-0123456789"}'), {"from": "body", "match": r'"sid"\s*:\s*"([^"]+)"'}),
        (asked("/a", "Tk-0123456789\n"), {"from": "body", "match": r"(\S+)"}),
        (asked("/a", {}, set_cookie="a=b; Path=/, sid=Tk-0123456789; Path=/"),
         {"from": "header:set-cookie", "match": r"(?:^|[,\n])\s*sid=([^;,\s]+)"}),
        (asked("/a", {}, location="/x/Tk-0123456789"),
         {"from": "header:location", "match": r"([^/?#]+)/?(?:[?#]|$)"}),
        (asked("/a", {}, location="/x?k=Tk-0123456789"),
         {"from": "header:location", "match": r"[?&]k=([^&#]+)"}),
    ],
)  # fmt: skip
def test_where_a_value_stands(event: Event, where: Any) -> None:
    captures = captured(event, asked("/use", body="v=Tk-0123456789"))
    [(name, source)] = captures.by_event[0].items()
    assert source == where
    assert captures.put("v=Tk-0123456789", 1) == f"v={{captured:{name}}}"


@pytest.mark.parametrize(
    ("event", "target", "written"),
    [
        (asked("/a/b", {}, location="c/9"), "/a/c/9/parts", "{captured:location}/parts"),
        (asked("/a", {"next": "?cursor=abc12345"}), "/a?cursor=abc12345&n=2", "{captured:next}&n=2"),
        (asked("/a", {"href": "items/77"}), "/items/77", "{captured:href}"),
        (asked("/a", {}, link='</p/1>; rel="first", </p/22>; rel="next"'), "/p/22", "{captured:link-next}"),
        (asked("/a", {"self": "/always/the-same"}), "/always/the-same", "/always/the-same"),
        (asked("/a", {"self": "http://elsewhere/x/1"}), "/x/1", "{captured:self}"),
    ],
)
def test_links(event: Event, target: str, written: str) -> None:
    assert captured(event, asked(target)).target(target, 1) == written


def test_what_the_client_sent_itself_is_not_captured() -> None:
    captures = captured(asked("/a", {"id": "upload-1234"}, body="id=upload-1234"), asked("/use/upload-1234"))
    assert captures.by_event == {}


def test_a_value_is_not_known_before_its_answer() -> None:
    token = "Tk-0123456789"
    captures = captured(asked(f"/early/{token}"), asked("/a", {"token": token}), asked(f"/late/{token}"))
    assert captures.target(f"/early/{token}", 0) == f"/early/{token}"
    assert captures.target(f"/late/{token}", 2) == "/late/{captured:token}"
    opened = Event("create", None, 0)
    captures = captured(asked(f"/early/{token}"), opened, asked(f"/late/{token}"), ids={token: "c1"})
    assert captures.target(f"/early/{token}", 0) == f"/early/{token}"
    assert captures.target(f"/late/{token}", 2) == "/late/{challenge:c1}"


def test_ids_that_are_numbers_and_ids_that_are_encoded() -> None:
    captures = captured(Event("create", None, 0), Event("create", None, 1), ids={"4711": "c1", "a/b=": "c2"})
    assert captures.put_data({"id": 4711, "n": [47, True], "t": "4711"}, 2) == {
        "id": "{challenge:c1}", "n": [47, True], "t": "{challenge:c1}"
    }  # fmt: skip
    assert captures.put("id=a%2Fb%3D&x=a/b=", 2) == "id={challenge:c2}&x={challenge:c2}"
