"""A stack that another version of devenv started: its executor's answers have another form."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import SessionKey
from devenv.verbs.explore.executor_client import Remote
from devenv.wire.executor.jobs import Scheduled
from tests.support import serving

JOB = Scheduled(SessionKey("k"), b"", 1000, (), ())
OLD_RUN: dict[str, Any] = {"steps": [], "answers": [], "happened": [], "left": None, "document": None}


def answering(answer: object) -> HTTPServer:
    """A server that answers this JSON to everything."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", "0")))
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            """Nothing on the terminal."""

    return HTTPServer(("127.0.0.1", 0), Answers)


def asked(answer: object, call: Callable[[Remote], Awaitable[Any]]) -> None:
    async def once(control: str) -> None:
        remote = Remote(control, slots=1)
        try:
            await call(remote)
        finally:
            await remote.aclose()

    with serving(answering(answer)) as control:
        asyncio.run(once(control))


@pytest.mark.parametrize(
    ("answer", "call"),
    [
        ({"results": [OLD_RUN]}, lambda remote: remote.scheduled([JOB])),
        ({"runs": [OLD_RUN]}, lambda remote: remote.scheduled([JOB])),
        ({"rules": [{}]}, Remote.rules),
        ({"gate": []}, Remote.rules),
    ],
    ids=["a field of a run", "the runs", "a field of a rule", "the rules"],
)
def test_an_answer_of_another_form_says_to_start_the_stack_again(
    answer: object, call: Callable[[Remote], Awaitable[Any]]
) -> None:
    with pytest.raises(EnvironmentProblem, match="another version of devenv started it") as caught:
        asked(answer, call)
    assert "devenv down" in str(caught.value.hint)
