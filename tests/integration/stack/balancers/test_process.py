"""All five balancers as processes of this machine."""

from __future__ import annotations

import asyncio
import http.client
import os
import re
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import psutil
import pytest

from devenv.core.balancers import OWN_FILE, PRODUCTS, Server, parse_balancer
from devenv.core.balancers.own_file import own_file
from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.balancers.process import RunningBalancer, running_balancer
from devenv.stack.balancers.programs import WHEEL, Program, find, override_of
from tests.support import ROOT, all_gone, free_port, until

TURNS = {
    "nginx": "round_robin",
    "haproxy": "roundrobin",
    "envoy": "round_robin",
    "traefik": "wrr",
    "caddy": "round_robin",
}


def program_of(product: str) -> Program:
    """That of the wheel, whose version is known."""
    try:
        return find(product, {override_of(product): WHEEL})
    except EnvironmentProblem as problem:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), problem.message
        pytest.skip(f"{problem.message}: {problem.hint}")


async def serve(name: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """A pod that answers its name."""
    try:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + name.encode())
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        writer.close()


@asynccontextmanager
async def two_pods() -> AsyncIterator[Sequence[Server]]:
    listening = []
    try:
        for name in "ab":
            listening.append(await asyncio.start_server(partial(serve, name), "127.0.0.1", 0))
        yield [
            Server(f"captcha-api-{name}", "127.0.0.1", server.sockets[0].getsockname()[1])
            for name, server in zip("ab", listening, strict=True)
        ]
    finally:
        for server in listening:
            server.close()


def answers(port: int, count: int, cookie: bool = False) -> str:
    """Who answers ``count`` requests, each on a connection of its own; ``cookie``: what is set is sent."""
    names = ""
    headers: dict[str, str] = {}
    for _ in range(count):
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        client.request("GET", "/", headers=headers)
        response = client.getresponse()
        names += response.read().decode()
        if cookie and (value := response.getheader("Set-Cookie")):
            headers = {"Cookie": value.partition(";")[0]}
        client.close()
    return names


@pytest.mark.parametrize("product", PRODUCTS)
def test_it_takes_turns_and_leaves_nothing(product: str) -> None:
    """From its very first choice on: nothing was sent through it before."""
    program = program_of(product)

    async def run() -> tuple[str, list[psutil.Process], bool]:
        async with two_pods() as pods:
            setting = parse_balancer(f"{product}:{TURNS[product]}")
            async with running_balancer(setting, pods, program=program) as balancer:
                assert balancer.pid is not None
                family = psutil.Process(balancer.pid)
                started = [family, *family.children(recursive=True)]
                return await asyncio.to_thread(answers, balancer.port, 6), started, balancer.running

    names, processes, running = asyncio.run(run())
    assert names in ("ababab", "bababa")
    assert running
    assert all_gone(processes)


@pytest.mark.parametrize(
    "text",
    [
        "nginx:sticky_cookie",
        "haproxy:cookie",
        "envoy:ring_hash-cookie",
        "traefik:sticky_cookie",
        "caddy:cookie",
    ],
)
def test_a_cookie_keeps_the_client_on_its_pod(text: str) -> None:
    setting = parse_balancer(text)
    program = program_of(setting.product)

    async def run() -> str:
        async with two_pods() as pods, running_balancer(setting, pods, program=program) as balancer:
            return await asyncio.to_thread(answers, balancer.port, 6, True)

    assert len(set(asyncio.run(run()))) == 1


@pytest.mark.parametrize("text", ["nginx:stream", "haproxy:tcp-roundrobin"])
def test_the_first_connection_is_a_clients(text: str) -> None:
    """A balancer of connections counts each: to see whether it is ready, none is made."""
    setting = parse_balancer(text)
    program = program_of(setting.product)

    async def run() -> str:
        async with two_pods() as pods, running_balancer(setting, pods, program=program) as balancer:
            return await asyncio.to_thread(answers, balancer.port, 2)

    assert asyncio.run(run()) == "ab"


OWN = ROOT / "tests" / "unit" / "core" / "balancers" / "own"
WRONG_WORDS = {
    "nginx": ("nginx_names.conf", "keepalive 32;", "keepalives 32;", r'directive "keepalives" in LINE'),
    "haproxy": (
        "haproxy_redispatch.cfg",
        "balance roundrobin",
        "balance round_robin",
        r"\[LINE\] : balance only supports '",
    ),
    "envoy": (
        "envoy/envoy.yaml",
        "lb_policy: ROUND",
        "lb_polcy: ROUND",
        r"LINE: .*no such field: 'lb_polcy'",
    ),
    "traefik": (
        "traefik/traefik.yml",
        "service: captcha",
        "service: captchas",
        r"LINE: .*captchas.*not exist",
    ),
    "caddy": ("Caddyfile", "lb_policy round", "lb_polcy round", r"subdirective lb_polcy, at LINE"),
}
"""By product: a team's file, what is wrong in it then, and the balancer's own words."""


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_wrong_file_of_a_team_is_told_with_its_own_name_and_line(product: str, tmp_path: Path) -> None:
    path, right, wrong, words = WRONG_WORDS[product]
    text = (OWN / path).read_text(encoding="utf-8")
    assert text.count(right) == 1
    line = text[: text.index(right)].count("\n") + 1
    one_service = own_file("team." + path, text.replace(right, wrong), product)
    setting = parse_balancer(f"{product}:{OWN_FILE}")
    balancer = RunningBalancer(setting, tmp_path, program_of(product), team_file=one_service)
    pods = [Server(f"captcha-api-{name}", "127.0.0.1", 1) for name in "ab"]
    with pytest.raises(EnvironmentProblem) as caught:
        asyncio.run(balancer.start(pods, free_port()))
    message = " ".join(caught.value.message.split())
    assert re.search(words.replace("LINE", re.escape(f"{one_service.name}:{line}")), message), message
    assert not balancer.running


@pytest.mark.parametrize(
    ("product", "text", "words"),
    [
        ("nginx", "events {}\nhttp {\n  upstream pods { least; }\n}\n", r'"least" in \./nginx\.conf:3'),
        ("envoy", "static_resources:\n  listeners:\n  - [\n", r"yaml-cpp: error at line 4"),
    ],
)
def test_a_wrong_file_is_told_in_its_own_words(product: str, text: str, words: str, tmp_path: Path) -> None:
    balancer = RunningBalancer(parse_balancer(product), tmp_path, program_of(product))
    balancer.product = replace(balancer.product, files=lambda setting, place: {balancer.product.file: text})
    with pytest.raises(EnvironmentProblem) as caught:
        asyncio.run(balancer.start([Server("captcha-api-a", "127.0.0.1", 1)], free_port()))
    assert caught.value.message.startswith(f"{product} {balancer.program.version} ")
    assert re.search(words, caught.value.message), caught.value.message
    assert not balancer.running


def test_services_that_traefik_does_not_take(tmp_path: Path) -> None:
    """It logs that and goes on, with 404 for every request."""
    balancer = RunningBalancer(parse_balancer("traefik"), tmp_path, program_of("traefik"))
    files = balancer.product.files
    balancer.product = replace(
        balancer.product,
        files=lambda setting, place: {**files(setting, place), "services.yml": "http:\n  router: {}\n"},
    )
    with pytest.raises(EnvironmentProblem, match=r"does not take its configuration: .*router"):
        asyncio.run(balancer.start([Server("captcha-api-a", "127.0.0.1", 1)], free_port()))
    assert not balancer.running


def test_a_taken_port_is_named_with_its_owner(tmp_path: Path) -> None:
    balancer = RunningBalancer(parse_balancer("haproxy"), tmp_path, program_of("haproxy"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(EnvironmentProblem) as caught:
            asyncio.run(balancer.start([], port))
    assert caught.value.message.startswith(f"port {port} for haproxy is taken by ")
    assert f"(pid {os.getpid()})" in caught.value.message


@pytest.mark.parametrize(
    ("setting", "processes"),
    [
        ("nginx,workers=2", 3),
        ("haproxy,workers=2", 1),
        ("envoy", 1),
        ("traefik", 1),
        ("caddy", 1),
    ],
)
def test_one_that_dies_is_known(setting: str, processes: int, tmp_path: Path) -> None:
    """And nothing of it is left, the worker processes of nginx included."""
    program = program_of(parse_balancer(setting).product)

    async def run() -> str:
        async with two_pods() as pods:
            balancer = RunningBalancer(parse_balancer(setting), tmp_path, program)
            await balancer.start(pods, free_port())
            assert balancer.pid is not None
            main = psutil.Process(balancer.pid)
            family = [main, *main.children(recursive=True)]
            main.kill()
            how = await balancer.ended()
            await balancer.stop()
            assert len(family) == processes
            await asyncio.to_thread(until, lambda: all_gone(family), "its worker processes end with it")
            return how

    assert asyncio.run(run()).startswith("killed by SIGKILL")
