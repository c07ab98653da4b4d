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

from devenv.core.balancers import PRODUCTS, Server, parse_balancer
from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.balancers.process import RunningBalancer, running_balancer
from devenv.stack.balancers.programs import WHEEL, Program, find, override_of
from tests.support import all_gone, free_port, until

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


WRONG_FILES = {
    "nginx": (
        "events {}\nhttp {\n  upstream pods { least_connections; }\n}\n",
        r'unknown directive "least_connections" in \./nginx\.conf:3',
    ),
    "haproxy": (
        "defaults\n  mode http\nbackend pods\n  balance round_robin\n",
        r"\[haproxy\.cfg:4\] : balance only supports '",
    ),
    "envoy": ("static_resources:\n  listeners:\n  - [\n", r"yaml-cpp: error at line 4"),
    "traefik": ("entryPoints:\n  web:\n    adress: :80\n", r"field not found, node: adress"),
    "caddy": (
        "http://:80 {\n  reverse_proxy {\n    lb_policies random\n  }\n}\n",
        r"lb_policies.*Caddyfile:3",
    ),
}


@pytest.mark.parametrize("product", PRODUCTS)
def test_a_wrong_file_is_told_in_its_own_words(product: str, tmp_path: Path) -> None:
    text, words = WRONG_FILES[product]
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


def test_one_that_dies_is_known(tmp_path: Path) -> None:
    program = program_of("nginx")

    async def run() -> str:
        async with two_pods() as pods:
            balancer = RunningBalancer(parse_balancer("nginx,workers=2"), tmp_path, program)
            await balancer.start(pods, free_port())
            assert balancer.pid is not None
            processes = psutil.Process(balancer.pid)
            family = [processes, *processes.children(recursive=True)]
            processes.kill()
            how = await balancer.ended()
            await balancer.stop()
            assert len(family) == 3
            await asyncio.to_thread(until, lambda: all_gone(family), "its worker processes end with it")
            return how

    assert asyncio.run(run()).startswith("killed by SIGKILL")
