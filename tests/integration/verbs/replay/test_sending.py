"""`request` steps over HTTP: links that are followed, parts of answers that are captured, values in forms."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar

import pytest

from devenv.core.model.topology import Endpoints
from devenv.core.scenario import Request, Scenario, parse
from devenv.harness.client.client import CaptchaClient
from devenv.verbs.replay.sending import NotCaptured, Sender, request_facts
from tests.support import serving

HEAD = """\
version: 1
id: links
title: Links
cause: pod-memory
needs: [R]
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
steps:
"""


class Recorder(BaseHTTPRequestHandler):
    """Answers with what the path asks for, and writes down what it gets."""

    protocol_version = "HTTP/1.1"
    got: ClassVar[list[tuple[str, str, str]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        self.got.append((self.path, self.headers.get("Cookie") or "", body))
        link = self.headers.get("X-Link") or ""
        data = b'{"n": 7, "t": "8"}' if self.path == "/json" else b'0{"sid":"a+b/c","n":7}'
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(data)))
        if link:
            self.send_header("Location", link)
        self.send_header("Set-Cookie", "lang=en; Path=/")
        self.send_header("Set-Cookie", "shop=s-1234; Path=/; Expires=Wed, 21 Oct 2031 07:28:00 GMT")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address() -> Iterator[str]:
    Recorder.got = []
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Recorder)) as url:
        yield url


def scenario(*steps: str) -> Scenario:
    return parse(HEAD + "".join(f"  - {step}\n" for step in steps), "links.yaml")


def play(address: str, *steps: str) -> list[dict[str, Any]]:
    async def send() -> list[dict[str, Any]]:
        endpoints = Endpoints(address, address, address, "127.0.0.1", 1)
        async with CaptchaClient(endpoints) as client:
            sender, shown = Sender(client, lambda name: f"id of {name}"), []
            for step in scenario(*steps).steps:
                assert isinstance(step, Request)
                shown.append(dict(request_facts(step, await sender.send(step))[1]))
            return shown

    return asyncio.run(send())


@pytest.mark.parametrize(
    ("link", "followed"),
    [
        ("/files/x%2Fy?v=1", "/files/x%2Fy?v=1"),
        ("http://elsewhere.test/files/z", "/files/z"),
        ("z", "/a/z"),
        ("../up", "/up"),
        ("?page=2", "/a/b?page=2"),
    ],
)
def test_a_link_is_followed(link: str, followed: str, address: str) -> None:
    first = f'{{request: "POST /a/b", headers: {{x-link: "{link}"}}, capture: {{next: "header:location"}}}}'
    play(address, first, '{request: "POST {captured:next}"}', '{request: "POST {captured:next}/parts"}')
    assert [path for path, _, _ in Recorder.got] == ["/a/b", followed, f"{followed}/parts"]


def test_parts_of_an_answer(address: str) -> None:
    capture = (
        '{sid: {from: body, match: \'"sid":"([^"]+)"\'}, n: {from: body, match: \'n.:(\\d)\'},'
        " id: {from: 'header:location', match: '([^/]+)$'},"
        " cookie: {from: 'header:set-cookie', match: '(?:^|[,\\n])\\s*shop=([^;,\\s]+)'}}"
    )
    form = "headers: {content-type: application/x-www-form-urlencoded, cookie: 'shop={captured:cookie}'}"
    play(
        address,
        f'{{request: "POST /", headers: {{x-link: "/f/x%2Fy"}}, capture: {capture}}}',
        f'{{request: "POST /q?sid={{captured:sid}}", {form}, body: "sid={{captured:sid}}&n={{captured:n}}"}}',
        '{request: "POST /t", body: "{captured:sid} {captured:id}"}',
    )
    assert Recorder.got[1] == ("/q?sid=a%2Bb%2Fc", "shop=s-1234", "sid=a%2Bb%2Fc&n=7")
    assert Recorder.got[2][2] == "a+b/c x/y"


def test_a_number_stays_a_number(address: str) -> None:
    """In JSON, where the text is the number and nothing else."""
    play(
        address,
        "{request: POST /json, capture: {n: n, t: t}}",
        '{request: "POST /{captured:n}", json: {n: "{captured:n}", t: "{captured:t}", x: "n={captured:n}"}}',
    )
    assert Recorder.got[1][::2] == ("/7", '{"n": 7, "t": "8", "x": "n=7"}')


def test_what_is_not_in_the_answer_is_not_captured(address: str) -> None:
    step = "{request: POST /, capture: {sid: {from: body, match: 'none(.)'}, next: 'header:location'}}"
    assert play(address, step)[0]["not_captured"] == ["sid", "next"]
    with pytest.raises(NotCaptured, match="next was not captured"):
        play(address, step, '{request: "POST {captured:next}"}')
