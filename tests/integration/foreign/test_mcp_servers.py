"""MCP servers by the SDKs in use: from their folder to the verdict, and sessions as clients use them."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from devenv.core.model.mcp import ACCEPT, SESSION_HEADER, initialize, list_tools
from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.runs.journal import JournaledStack, MemoryJournal
from devenv.harness.runs.trace import live_trace
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explain.explanation import explain_trace
from devenv.verbs.operate.select import SUPERVISOR
from tests.support import command_environment, devenv_run, until

from .conftest import A, B, installed

PACKAGES = {"mcp_sdk_1": ("mcp==1.30.0",), "mcp_fastmcp": ("fastmcp==4.2.3",)}
"""Of the others the packages are those of this checkout (mcp 2), or named by the service (npm)."""
STATELESS = {"MCP_STATELESS": "1"}
SERVERS: list[tuple[str, Mapping[str, str], bool]] = [
    ("mcp_sdk", {}, True),
    ("mcp_sdk", STATELESS, False),
    ("mcp_sdk_1", {}, True),
    ("mcp_sdk_1", STATELESS, False),
    ("mcp_fastmcp", {}, True),
    ("mcp_fastmcp", STATELESS, False),
    ("mcp_typescript", {"MCP_STYLE": "map"}, True),
    ("mcp_typescript", {"MCP_STYLE": "gone"}, True),
    ("mcp_typescript", {"MCP_STYLE": "stateless"}, False),
]
"""Service, variables, whether it keeps sessions in its process."""
TRIALS = 2


@pytest.mark.parametrize(
    ("name", "variables", "loses"), SERVERS, ids=["-".join((n, *v.values())) for n, v, _ in SERVERS]
)
def test_from_its_folder_to_the_verdict(
    tmp_path: Path, name: str, variables: Mapping[str, str], loses: bool
) -> None:
    """init, demo, explain: three commands."""
    folder, environment = tmp_path / "service", command_environment()
    packages = installed(name, folder, *PACKAGES.get(name, ()))
    given = {**variables, **({"PYTHONPATH": str(packages)} if name in PACKAGES else {})}
    options = [word for pair in given.items() for word in ("--env", "=".join(pair))]

    def answer(*words: str) -> tuple[int, dict[str, Any]]:
        done = devenv_run(folder, environment, *words, "--json")
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    code, result = answer("init", "--yes", *options)
    assert (code, result["preset"]) == (0, "mcp-session")
    code, demo = answer("demo", "--trials", str(TRIALS))
    [act] = demo["acts"]
    trials = act["trials"]["mcp"]
    lost = TRIALS if loses else 0
    assert (code, demo["verdict"], act["lost"], act["unclear"]) == (0, "holds", lost, 0)
    assert (trials["crossing"]["not_found"], trials["staying"]["not_found"]) == (lost, 0)
    code, explained = answer("explain", "latest")
    assert [finding["cause"] for finding in explained["findings"]] == (["pod-memory"] if loses else [])
    assert code == (1 if loses else 0)


# --- sessions as clients use and end them -------------------------------------------------------------------


@dataclass
class Server:
    """A server that runs, and a client that does as protocol 2025-11-25 says."""

    stack: JournaledStack
    http: httpx.Client
    since: float = 0.0

    def open(self, pod: str) -> str:
        """The id of a new session. What was before is not explained any more."""
        self.since = time.time()
        request = initialize()
        answer = self.http.post("/mcp", json=request.body, headers={**ACCEPT, "X-Devenv-Pod": pod})
        assert answer.status_code == 200, answer.text
        session = str(answer.headers[SESSION_HEADER])
        message = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert self.http.post("/mcp", json=message, headers=self.headers(pod, session)).status_code == 202
        return session

    def use(self, pod: str, session: str) -> int:
        body = list_tools().body
        return self.http.post("/mcp", json=body, headers=self.headers(pod, session)).status_code

    def end(self, pod: str, session: str) -> int:
        return self.http.delete("/mcp", headers=self.headers(pod, session)).status_code

    def stream(self, pod: str, session: str) -> int:
        """The status of the GET; its stream is open while ``causes`` is asked, and then closed."""
        with self.http.stream("GET", "/mcp", headers=self.headers(pod, session)) as answer:
            if answer.status_code == 200:
                assert "text/event-stream" in answer.headers["Content-Type"]
                assert self.causes() == []
        return answer.status_code

    def causes(self) -> list[str]:
        """What explain finds in what has happened since the session was opened."""
        events = live_trace(self.stack.status(), self.stack.journal, time.time())
        return [group.cause for group in explain_trace(events, "live", since=self.since).groups]

    def log(self, pod: str) -> list[str]:
        """What the pod has written so far."""
        return list(self.stack.logs(pod, tail=200, follow=False))

    @staticmethod
    def headers(pod: str, session: str) -> dict[str, str]:
        return {**ACCEPT, "X-Devenv-Pod": pod, SESSION_HEADER: session}


LIVE = [
    ("mcp_sdk", {}, 404),
    ("mcp_typescript", {"MCP_STYLE": "map"}, 400),
    ("mcp_typescript", {"MCP_STYLE": "gone"}, 404),
]
"""Service, variables, the status of the answer to an unknown session."""


@pytest.fixture(scope="module", params=LIVE, ids=["mcp_sdk", "map", "gone"])
def live(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Server, int]]:
    """Two pods of a server, and the status that it gives to an unknown session."""
    name, variables, unknown = request.param
    with served(name, variables, tmp_path_factory.mktemp(name)) as server:
        yield server, unknown


@contextlib.contextmanager
def served(name: str, variables: Mapping[str, str], folder: Path) -> Iterator[Server]:
    """Two pods of a server."""
    installed(name, folder / "service")
    start = 'app = "server:app"' if name == "mcp_sdk" else 'command = "node server.mjs"'
    env = ", ".join(f'{key} = "{value}"' for key, value in variables.items())
    toml = f'preset = "mcp-session"\n[service]\n{start}\nenv = {{ {env} }}\n'
    spec = StackSpec(ports=Ports.free(), use_redis=False, service=parse_service(toml, folder / "service"))
    stack = JournaledStack(EmbeddedStack(folder / "state", SUPERVISOR), MemoryJournal())
    try:
        traffic = stack.start(spec, lambda line: None).endpoints.traffic
        with httpx.Client(base_url=traffic, timeout=30.0, trust_env=False) as http:
            yield Server(stack, http)
    finally:
        stack.stop()


def test_a_stream_of_its_own_pod_stays_open_and_nothing_is_wrong(live: tuple[Server, int]) -> None:
    server, _ = live
    session = server.open(A)
    assert server.stream(A, session) == 200
    assert server.use(A, session) == 200
    assert server.causes() == []


def test_a_stream_that_the_other_pod_refuses_is_a_lost_session(live: tuple[Server, int]) -> None:
    server, unknown = live
    assert server.stream(A, server.open(B)) == unknown
    assert server.causes() == ["pod-memory"]


def test_what_its_client_ended_is_not_lost(live: tuple[Server, int]) -> None:
    server, unknown = live
    session = server.open(B)
    assert server.end(B, session) == 200
    met = [server.use(B, session), server.use(A, session), server.stream(B, session), server.end(A, session)]
    assert met == [unknown] * 4
    assert server.causes() == []


def test_an_end_that_reaches_the_other_pod_ends_nothing(live: tuple[Server, int]) -> None:
    server, unknown = live
    session = server.open(A)
    assert (server.end(B, session), server.use(A, session)) == (unknown, 200)
    assert server.causes() == ["pod-memory"]


def test_a_session_that_idled_away_is_not_called_a_fault_of_the_two_pods(tmp_path: Path) -> None:
    """mcp 2 ends a session after so long without a request, and says so in its log."""
    with served("mcp_sdk", {"MCP_IDLE_S": "2"}, tmp_path) as server:
        session = server.open(A)
        until(lambda: any("idle timeout" in line for line in server.log(A)), "the session has idled away")
        assert server.use(A, session) == 404
        events = live_trace(server.stack.status(), server.stack.journal, time.time())
        [group] = explain_trace(events, "live", since=server.since).groups
        assert group.cause == "unexplained"
        assert "idle time-out" in group.first.sentence
