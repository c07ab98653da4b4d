from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request, Rule
from devenv.verbs.init.answers import Answered
from devenv.verbs.init.openapi import OpenApi
from devenv.verbs.init.trial import Pod, Refused, find_limit, misfit, named, try_pair

NEW, USE = Request("/new"), Request("/use", body={"id": "{id}", "n": "{answer}"})
NOT_FOUND = {"success": False, "message": "Challenge not found"}

Reply = tuple[int, Any]
Service = Callable[[str, bytes, str], Reply]
"""Path, body and Content-Type of a request → status and JSON of the answer."""


@pytest.fixture
def pod_of() -> Iterator[Callable[[Service], Pod]]:
    """Serves a service on a port of its own."""
    with ExitStack() as cleanup:

        def serve(service: Service) -> Pod:
            class Handler(BaseHTTPRequestHandler):
                def do_POST(self) -> None:
                    body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                    status, data = service(self.path, body, self.headers.get("Content-Type") or "")
                    text = json.dumps(data).encode()
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(text)))
                    for cookie in data.get("cookies", ()):
                        self.send_header("Set-Cookie", cookie)
                    self.end_headers()
                    self.wfile.write(text)

                def log_message(self, *_: object) -> None:
                    pass

            server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
            thread = Thread(target=server.serve_forever, args=(0.01,))
            thread.start()
            cleanup.callback(thread.join)
            cleanup.callback(server.server_close)
            cleanup.callback(server.shutdown)
            url = f"http://127.0.0.1:{server.server_address[1]}"
            return Pod(cleanup.enter_context(httpx.Client(base_url=url, trust_env=False)), {})

        yield serve


class Numbered:
    """A service that allows so many wrong answers; its ids are numbers."""

    def __init__(self, limit: int | None, refusal: int = 404) -> None:
        self.limit, self.refusal = limit, refusal
        self.sessions: dict[int, int] = {}

    def __call__(self, path: str, body: bytes, content_type: str) -> Reply:
        if path == "/new":
            number = 100 + len(self.sessions)
            self.sessions[number] = 0
            return 200, {"id": number}
        number = json.loads(body)["id"]
        tries = self.sessions.get(number)
        if tries is None:
            return 404, {"why": "no session"}
        if self.limit is not None and tries >= self.limit:
            return self.refusal, {"why": "no more"}
        self.sessions[number] += 1
        return 200, {"ok": False}


@pytest.mark.parametrize(("limit", "number"), [(1, 1), (2, 2), (3, 3), (5, 5), (None, 0)])
def test_the_limit_is_found_by_trying(
    pod_of: Callable[[Service], Pod], limit: int | None, number: int
) -> None:
    service = pod_of(Numbered(limit))
    tried = try_pair(service, OpenApi({}), NEW, USE, CAPTCHA, {"id": "{id}", "n": "{answer}"})
    assert tried.kind.answers == {"wrong": "devenv"}
    result, note, gone = find_limit(service, tried.kind, tried.profile(CAPTCHA))
    assert (result, gone) == (number, ())
    assert bool(note) == (limit is None)


def test_a_refusal_that_is_not_not_found_is_quoted(pod_of: Callable[[Service], Pod]) -> None:
    service = pod_of(Numbered(3, refusal=429))
    tried = try_pair(service, OpenApi({}), NEW, USE, CAPTCHA, {"id": "{id}", "n": "{answer}"})
    limit, note, gone = find_limit(service, tried.kind, tried.profile(CAPTCHA))
    assert (limit, gone) == (3, ())
    assert '429 {"why": "no more"}' in note


@pytest.mark.parametrize(
    ("use", "match"),
    [
        ({"method": "use", "id": "{id}", "n": "{answer}"}, {"method": "use"}),
        ({"method": "use {id}", "id": "{id}", "n": "{answer}"}, {}),
    ],
)
def test_requests_of_one_path_are_told_apart_by_their_bodies(
    pod_of: Callable[[Service], Pod], use: dict[str, str], match: dict[str, str]
) -> None:
    numbered = Numbered(2)

    def one_path(path: str, body: bytes, content_type: str) -> Reply:
        return numbered("/new" if json.loads(body)["method"] == "open" else "/use", body, content_type)

    create = Request("/rpc", body={"jsonrpc": "2.0", "method": "open"})
    tried = try_pair(
        pod_of(one_path), OpenApi({}), create, Request("/rpc"), CAPTCHA, {"jsonrpc": "2.0", **use}
    )
    assert tried.kind.create.match == {"method": "open"}
    assert tried.kind.verify.match == match


def test_an_answer_that_ends_the_session_may_have_been_graded(pod_of: Callable[[Service], Pod]) -> None:
    """The service answers the third wrong answer with "too many" and deletes the session."""
    numbered = Numbered(2, refusal=422)

    def ending(path: str, body: bytes, content_type: str) -> Reply:
        status, data = numbered(path, body, content_type)
        if status == 422:
            del numbered.sessions[json.loads(body)["id"]]
        return status, data

    service = pod_of(ending)
    tried = try_pair(service, OpenApi({}), NEW, USE, CAPTCHA, {"id": "{id}", "n": "{answer}"})
    limit, note, gone = find_limit(service, tried.kind, tried.profile(CAPTCHA))
    assert (limit, gone) == (None, ())
    assert "after 2 wrong answers" in note
    assert note.endswith("limit = 3 into [profile] if it was, else 2")


def test_what_an_ended_session_is_answered_is_not_found_too(pod_of: Callable[[Service], Pod]) -> None:
    """As of a signed id: one that was made up is refused, and tells nothing of one that is gone."""
    service = pod_of(Numbered(1, refusal=410))
    tried = try_pair(service, OpenApi({}), NEW, Request("/use", body={"id": "{id}", "n": 0}), CAPTCHA)
    limit, note, gone = find_limit(service, tried.kind, tried.profile(CAPTCHA))
    assert (limit, gone) == (1, (Rule(status=(410,)),))
    assert "1 wrong answer, is taken for" in note


def test_a_form_is_tried_where_json_is_refused(pod_of: Callable[[Service], Pod]) -> None:
    opened: list[str] = []

    def answer(path: str, body: bytes, content_type: str) -> Reply:
        if path == "/new":
            opened.append(f"session-{len(opened)}")
            return 200, {"id": opened[-1]}
        if "urlencoded" not in content_type:
            return 415, {}
        return (200 if b"id=session-" in body else 410), {"ok": False}

    tried = try_pair(pod_of(answer), OpenApi({}), NEW, USE, CAPTCHA, {"id": "{id}", "n": "0"})
    assert tried.kind.verify.form == {"id": "{id}", "n": "0"}
    assert tried.not_found[0].status == (410,)


@pytest.mark.parametrize(
    ("status", "flag"), [(401, "--header"), (400, "--create-body"), (500, "--create-body")]
)
def test_a_session_that_is_not_opened_is_told_with_what_may_be_missing(
    pod_of: Callable[[Service], Pod], status: int, flag: str
) -> None:
    refusing = pod_of(lambda path, body, content_type: (status, {"code": "BAD"}))
    with pytest.raises(Refused) as problem:
        try_pair(refusing, OpenApi({}), Request("/quizzes"), USE, CAPTCHA)
    assert problem.value.message == f'POST /quizzes answered {status}: {{"code": "BAD"}}'
    assert str(problem.value.hint).startswith(flag)
    assert problem.value.its_fault is (status >= 500)
    with pytest.raises(Refused):
        misfit(refusing, CAPTCHA.kinds["abstract"], CAPTCHA)


def test_an_answer_without_an_id_is_quoted(pod_of: Callable[[Service], Pod]) -> None:
    silent = pod_of(lambda path, body, content_type: (200, {"ok": True}))
    with pytest.raises(EnvironmentProblem, match="gave nothing like an id"):
        try_pair(silent, OpenApi({}), NEW, USE, CAPTCHA)


@pytest.mark.parametrize(
    ("known", "unknown", "why"),
    [
        ((200, {"success": False, "attempts": 1}), (200, NOT_FOUND), None),
        ((422, {"detail": "no locale"}), (200, NOT_FOUND), "answers 422"),
        ((200, {"success": False}), (404, {}), "to an id that was never given out"),
    ],
)
def test_a_kind_of_the_contract_fits_or_says_why_not(
    pod_of: Callable[[Service], Pod], known: Reply, unknown: Reply, why: str | None
) -> None:
    def answer(path: str, body: bytes, content_type: str) -> Reply:
        if path.endswith("captcha"):
            return 200, {"challenge_id": "0123456789"}
        return known if json.loads(body)["challenge_id"] == "0123456789" else unknown

    result = misfit(pod_of(answer), CAPTCHA.kinds["abstract"], CAPTCHA)
    assert (result is None) if why is None else (result is not None and why in result)


def test_kinds_have_different_names() -> None:
    kinds = [Kind(Request(path), USE) for path in ("/api/v2/challenges", "/", "/v1/challenges")]
    assert list(named(kinds)) == ["challenge", "session", "challenge-2"]


def test_an_answer_is_opened_by_its_status() -> None:
    assert Answered(201, {}).opened
    assert not Answered(302, {}).opened


def test_a_session_in_two_cookies_is_used_with_both(pod_of: Callable[[Service], Pod]) -> None:
    """koa-session signs in a second cookie; with the first alone every session is unknown."""
    numbers, sent = iter(range(10_000_000, 10_000_010)), ""

    def signed(path: str, body: bytes, content_type: str) -> Reply:
        if path == "/new":
            number = next(numbers)
            return 200, {"cookies": [f"koa.sess=id-{number}", f"koa.sess.sig=s-{number}"]}
        known = sent == "koa.sess=id-10000000; koa.sess.sig=s-10000000"
        return 200 if known else 401, {"ok": known}

    def look(request: httpx.Request) -> None:
        nonlocal sent
        sent = request.headers.get("cookie", "")

    pod = pod_of(signed)
    pod._http.event_hooks["request"] = [look]
    tried = try_pair(pod, OpenApi({}), NEW, Request("/use"), CAPTCHA)
    assert (tried.place.cookie, tried.not_found) == ("koa.sess", (Rule(status=(401,)),))


def test_the_first_create_brings_no_cookie_of_the_requests_before(pod_of: Callable[[Service], Pod]) -> None:
    pod = pod_of(lambda path, body, content_type: (200, {"cookies": ["sid=1"]}))
    pod._http.post("/anything")
    assert pod._http.cookies
    seen: list[str] = []
    pod._http.event_hooks["request"] = [lambda request: seen.append(request.headers.get("cookie", ""))]
    pod.send(Request("/new").fill(None))
    assert seen == [""]
