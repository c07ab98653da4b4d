"""One client's connection and cookies, against a measuring pod."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from devenv.core.balance.patterns import pattern_of
from devenv.verbs.balance.clients import Client, MeasuringService, session_sender
from devenv.verbs.balance.connection import Answer, Connection, CookieJar, Place, Request, Unanswered
from devenv.verbs.balance.environment import client_addresses, measuring_pods
from devenv.verbs.balance.measuring_pod import HOST, Behaviour, MeasuringPod
from tests.support import free_port

SERVICE = MeasuringService()


@asynccontextmanager
async def one_pod() -> AsyncIterator[tuple[MeasuringPod, Place]]:
    async with measuring_pods(1) as pods:
        yield pods[0], Place(HOST, pods[0].port)


def test_a_session_is_known_to_its_pod_until_the_pod_forgets() -> None:
    async def main() -> None:
        async with one_pod() as (pod, place):
            connection = await Connection.open(place)
            session = SERVICE.session_of(await connection.send(SERVICE.create()))
            assert session is not None
            assert SERVICE.known(await connection.send(SERVICE.verify(session))) is True
            pod.forget()
            assert SERVICE.known(await connection.send(SERVICE.verify(session))) is False
            bad = await connection.send(Request("POST", "/verify", b"[]"))
            assert (bad.status, SERVICE.known(bad)) == (400, None)
            assert connection.reusable
            await connection.close()
            assert pod.arrivals.pods == [pod.name] * 4

    asyncio.run(main())


def test_a_pod_that_closes_is_no_answer_and_one_that_does_not_listen_no_connection() -> None:
    async def main() -> None:
        async with one_pod() as (pod, place):
            pod.behaviour = Behaviour.CLOSE_ONCE
            connection = await Connection.open(place)
            with pytest.raises(Unanswered, match="closed without an answer"):
                await connection.send(SERVICE.image)
            assert not connection.reusable
            client = Client(place, CookieJar())
            assert (await client.send_anew(SERVICE.image)).status == 200
            await pod.stop()
            with pytest.raises(Unanswered, match="no connection"):
                await client.send_anew(SERVICE.image)
            await pod.listen()
            assert (await client.send_anew(SERVICE.image)).status == 200
        with pytest.raises(Unanswered):
            await Connection.open(Place(HOST, free_port()))

    asyncio.run(main())


@pytest.mark.parametrize(("name", "connections"), [("new", 3), ("kept", 1), ("browser", 6)])
def test_a_pattern_decides_how_many_connections_a_session_opens(name: str, connections: int) -> None:
    async def main() -> None:
        async with one_pod() as (pod, place):
            opened = set()
            async with session_sender(pattern_of(name), Client(place, CookieJar()), SERVICE, None) as send:
                opened |= pod.connections
                for _ in range(3):
                    await send(SERVICE.image)
                    opened |= pod.connections
            assert len(opened) == connections or name == "new"
            assert len(pod.arrivals.pods) == 3 + (6 if name == "browser" else 0)

    asyncio.run(main())


def test_cookies_are_kept_by_those_that_keep_them() -> None:
    answer = Answer(200, (("set-cookie", 'srv="a b"; Path=/; HttpOnly'), ("set-cookie", "lb=1; Path=/")), b"")
    jar, none = CookieJar(), CookieJar(keeps=False)
    for each in (jar, none):
        each.take(answer)
    assert jar.header() == [("cookie", 'srv="a b"; lb=1')]
    assert none.header() == []
    assert json.loads(json.dumps(jar.values)) == {"srv": '"a b"', "lb": "1"}


def test_client_addresses_differ_in_their_first_three_numbers() -> None:
    addresses = client_addresses()
    assert len({address.rpartition(".")[0] for address in addresses}) == len(addresses)
