"""Which request is about which session, and what is left out where that is not known."""

from __future__ import annotations

import json
from typing import Any

from devenv.core.model.presets import CAPTCHA
from devenv.verbs.recordings.formats.recorded import Recorded, Recording
from devenv.verbs.recordings.sessions import Sessions

FIRST, SECOND = "0123456789abcdef", "fedcba9876543210"
JSON = {"content-type": "application/json"}


def create(number: int, challenge_id: str | None, **fields: Any) -> Recorded:
    answer = None if challenge_id is None else json.dumps({"challenge_id": challenge_id})
    given: dict[str, Any] = {"status": 200, "answer": answer, "answer_missing": answer is None, **fields}
    return Recorded(number, "POST", "/api/abstract-captcha", **given)


def verify(number: int, body: str | None, target: str = "/api/abstract-verify", **fields: Any) -> Recorded:
    given: dict[str, Any] = {"status": 200, "answer": "{}", "headers": JSON, **fields}
    return Recorded(number, "POST", target, body=body, **given)


def imported(*requests: Recorded, bodies: bool = True) -> tuple[list[str], str]:
    sessions = Sessions(CAPTCHA, bodies)
    events = sessions.read(Recording("x", "HAR", requests, bodies))
    return [f"{event.use} {event.session}".strip() for event in events], "; ".join(sessions.notes())


def named(challenge_id: str) -> str:
    return json.dumps({"challenge_id": challenge_id})


def test_an_id_anywhere_in_the_request_is_found() -> None:
    creates = (create(1, FIRST), create(2, SECOND))
    for use in (
        verify(3, named(SECOND)),
        verify(3, json.dumps([{"of": SECOND}])),
        verify(3, f"x={SECOND}", headers={"content-type": "application/x-www-form-urlencoded"}),
        verify(3, "{}", f"/api/abstract-verify?id={SECOND}"),
        verify(3, "{}", headers={"x-challenge": SECOND}),
        verify(3, None, headers={"cookie": f"a=b; c={SECOND}"}, body_missing=True),
    ):
        assert imported(*creates, use) == (["create c1", "create c2", "verify c2"], "")


def test_without_its_body_a_use_is_left_out() -> None:
    events, notes = imported(create(1, FIRST), verify(2, None, body_missing=True))
    assert events == ["create c1"]
    assert notes == "left out: uses of a session, as bodies that say which one are missing: entry 2 (1)"


def test_an_id_of_which_the_create_is_not_known() -> None:
    events, notes = imported(create(1, None), create(2, None), verify(3, named(SECOND)))
    assert events == ["create c1", "create c2"]  # either of them
    assert "left out: uses of a session" in notes
    events, notes = imported(create(1, FIRST), create(2, None), verify(3, named(SECOND)))
    assert events[-1] == "verify c2"  # no other is left
    assert "ids that no answer gave" in notes


def test_a_request_that_says_nothing_is_a_guess_with_a_note() -> None:
    events, notes = imported(create(1, FIRST), create(2, SECOND), verify(3, "{}"))
    assert events[-1] == "verify c1"
    assert notes.startswith("which challenge an answer is about is not recorded")
    assert notes.endswith("entry 3 (1)")


def test_other_requests() -> None:
    plain = {"content-type": "text/plain"}
    page = Recorded(3, "GET", "/", status=200, answer_headers={"content-type": "text/html"})
    icon = Recorded(4, "GET", "/favicon.ico", status=404, answer_headers=JSON)
    poll = Recorded(5, "GET", "/socket.io/?transport=polling", status=200, answer_headers={})
    text = Recorded(6, "GET", "/version", status=200, answer_headers=plain)
    lost = verify(7, None, "/api/other")._replace(body_missing=True)
    events, notes = imported(create(1, FIRST), page, icon, poll, text, lost)
    assert events == ["create c1", "other", "other"]
    assert notes == "left out: requests whose bodies are missing: entry 7 (1)"
