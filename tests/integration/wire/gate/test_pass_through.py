"""Through the gate everything is as it is without it."""

from __future__ import annotations

import contextlib
import random
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest
import redis

from tests.support import HANG_GUARD_S, until

pytestmark = pytest.mark.filterwarnings("ignore:Call to deprecated setex")


def everything(client: Any) -> list[Any]:
    """What many kinds of commands give, errors included."""
    client.flushall()
    results: list[Any] = []

    def note(call: Callable[[], Any]) -> None:
        try:
            results.append(call())
        except redis.RedisError as error:
            results.append((type(error).__name__, str(error)))

    note(lambda: client.set("k", "값"))
    note(lambda: client.get("k"))
    note(lambda: client.get("none"))
    note(lambda: client.set("bytes", bytes(range(256)) + b"\r\n*1\r\n"))
    note(lambda: client.get("bytes"))
    note(lambda: client.setex("ttl", 60, "x"))
    note(lambda: client.ttl("ttl"))
    note(lambda: client.delete("ttl", "none"))
    note(lambda: client.incr("k"))
    note(lambda: client.rpush("list", *range(100)))
    note(lambda: client.lrange("list", 0, -1))
    note(lambda: client.hset("hash", mapping={"a": 1, "b": 2}))
    note(lambda: client.hgetall("hash"))
    note(lambda: client.sadd("set", "x", "y"))
    note(lambda: sorted(client.smembers("set")))
    note(lambda: client.zadd("zset", {"x": 1.5, "y": 2}))
    note(lambda: client.zrange("zset", 0, -1, withscores=True))
    note(lambda: client.eval("return {1, {2, 'x', false}, redis.status_reply('S')}", 1, "k"))
    note(lambda: client.eval("return redis.error_reply('MY error')", 0))
    note(lambda: client.execute_command("NO SUCH"))
    note(lambda: client.evalsha("0" * 40, 0))
    note(lambda: client.blpop(["list"], timeout=1))
    note(lambda: client.set("big", b"b" * 5_000_000))
    note(lambda: client.get("big"))
    note(lambda: client.mget(["big", "none", "k"]))
    with client.pipeline(transaction=True) as pipe:
        pipe.set("t", 1).incr("t").get("t")
        note(pipe.execute)
    with client.pipeline(transaction=False) as pipe:
        for number in range(500):
            pipe.set(f"p{number}", number)
        pipe.lpush("k", "wrong type")
        note(lambda: pipe.execute(raise_on_error=False)[:-1])
    with client.pipeline() as pipe:
        pipe.watch("t")
        client.set("t", 9)
        pipe.multi()
        pipe.set("t", 10)
        note(pipe.execute)
    note(lambda: sorted(client.scan_iter("p*", count=1000)))
    note(lambda: client.flushall())
    return results


@pytest.mark.parametrize("protocol", [2, 3])
def test_every_kind_of_command(gate: Any, redis_server: Any, protocol: int) -> None:
    direct = redis.Redis(port=redis_server.port, protocol=protocol)
    expected = everything(direct)
    direct.close()
    assert everything(gate.client(protocol=protocol)) == expected
    assert len(expected) == 30


@pytest.mark.parametrize("protocol", [2, 3])
def test_publish_and_subscribe(gate: Any, protocol: int) -> None:
    listener = gate.client("captcha-api-a", protocol=protocol).pubsub()
    listener.subscribe("news")
    assert listener.get_message(timeout=HANG_GUARD_S)["type"] == "subscribe"
    gate.client("captcha-api-b", protocol=protocol).publish("news", "hello")
    assert listener.get_message(timeout=HANG_GUARD_S)["data"] == b"hello"
    listener.unsubscribe("news")
    assert listener.get_message(timeout=HANG_GUARD_S)["type"] == "unsubscribe"
    listener.close()


def test_monitor(gate: Any, direct: redis.Redis) -> None:
    with gate.client().monitor() as monitor:
        direct.set("seen", 1)
        assert "seen" in monitor.next_command()["command"]


def read_all(connection: socket.socket) -> bytes:
    data = b""
    while piece := connection.recv(65536):
        data += piece
    return data


def exchange(port: int, data: bytes) -> bytes:
    """Send bytes, close the sending side, and read until the other end closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=HANG_GUARD_S) as connection:
        writer = threading.Thread(target=_send, args=(connection, data))
        writer.start()
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = read_all(connection)
        writer.join()
        return answer


def _send(connection: socket.socket, data: bytes) -> None:
    with contextlib.suppress(OSError):  # the server may close at a protocol error
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)


INCR = b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n"
RAW = {
    "inline": b"PING\r\nSET k v\r\nGET k\r\n",
    "inline, bare LF": b"PING\nPING\n",
    "empty lines": b"\r\n\r\nPING\r\n*0\r\nPING\r\n*-1\r\nPING\r\n",
    "quotes": b"SET k \"a\\x41\\n\" \r\nGET k\r\nSET k 'it\\'s'\r\nGET k\r\n",
    "pipeline": INCR * 3000,
    "mixed": b"*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
    "bad count": b"PING\r\n*x\r\nPING\r\n",
    "bad length": b"PING\r\n*1\r\n$x\r\nPING\r\n",
    "no dollar": b"PING\r\n*1\r\nPING\r\n",
    "negative length": b"*1\r\n$-1\r\n",
    "too large": b"*1\r\n$536870913\r\n",
    "unbalanced": b'PING\r\nGET "k\r\nPING\r\n',
    "many words": b"*1048577\r\n$4\r\nPING\r\n",
    "lone CR": b"*1\rx$4\rxPINGxx*1\r\n$4\r\nPING\r\n",
    "quit": b"PING\r\nQUIT\r\nPING\r\n",
    "unfinished": b"PING\r\n*2\r\n$3\r\nGET\r\n$10\r\nabc",
    "nothing": b"",
    "client reply": b"CLIENT REPLY SKIP\r\nPING\r\nPING\r\n",
    "reset": b"MULTI\r\nSET k v\r\nRESET\r\nGET k\r\n",
    "hello": b"HELLO 3\r\nHELLO 2\r\nGET none\r\n",
    "exec without multi": b"EXEC\r\nDISCARD\r\nMULTI\r\nMULTI\r\nEXEC\r\n",
}


@pytest.mark.parametrize("rules", [[], [{"action": "hold", "command": "NEVER"}]], ids=["no rule", "a rule"])
@pytest.mark.parametrize("name", RAW)
def test_raw_bytes(gate: Any, redis_server: Any, direct: redis.Redis, name: str, rules: Any) -> None:
    gate.rules(*rules)
    direct.flushall()
    expected = exchange(redis_server.port, RAW[name])
    direct.flushall()
    answer = exchange(gate.ports["captcha-api-a"], RAW[name])
    if name == "hello":  # it contains the connection's number
        expected, answer = expected[-20:], answer[-20:]
    assert answer == expected


def test_every_reply_of_a_pipeline_belongs_to_its_command(gate: Any) -> None:
    exchange(gate.ports["captcha-api-b"], RAW["pipeline"])
    steps = gate.steps()
    assert [step.reply for step in steps] == [str(number) for number in range(1, 3001)]
    assert {(step.pod, step.command, step.key, step.fate) for step in steps} == {
        ("captcha-api-b", "INCR", "n", "passed")
    }


def test_bytes_in_any_pieces(gate: Any, redis_server: Any, direct: redis.Redis) -> None:
    data = RAW["inline"] + RAW["quotes"] + RAW["pipeline"][: 100 * len(INCR)] + RAW["mixed"]
    direct.flushall()
    expected = exchange(redis_server.port, data)
    for seed in range(3):
        direct.flushall()
        cuts = random.Random(seed)
        with gate.socket() as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            position = 0
            while position < len(data):
                size = cuts.choice([1, 2, 7, 50])
                connection.sendall(data[position : position + size])
                position += size
            connection.shutdown(socket.SHUT_WR)
            assert read_all(connection) == expected


def test_a_pod_that_reads_slowly_does_not_fill_the_gate(gate: Any, direct: redis.Redis) -> None:
    direct.set("big", b"b" * 1_000_000)
    with gate.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        connection.sendall(b"GET big\r\n" * 60)
        left = 60 * (1_000_000 + len("$1000000\r\n\r\n"))
        while left:
            piece = connection.recv(min(left, 10_000))
            assert piece
            left -= len(piece)


@pytest.mark.parametrize("reached", [True, False], ids=["connected", "connecting"])
def test_a_redis_that_does_not_read_does_not_fill_the_gate(unstarted: Any, reached: bool) -> None:
    with contextlib.ExitStack() as stack:
        deaf = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100 if reached else 1))
        unstarted.upstream = deaf.getsockname()[1]
        for _ in range(0 if reached else 8):  # more than it queues: later connects hang
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(("127.0.0.1", unstarted.upstream))
        unstarted.start()
        piece = bytes(1_000_000)
        with unstarted.socket() as connection:
            connection.sendall(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$500000000\r\n")
            connection.settimeout(0.5)
            sent = 0
            with pytest.raises(TimeoutError):
                while sent < 400_000_000:
                    sent += connection.send(piece)
        # What fits into the buffers of four sockets, and little more.
        assert sent < 64_000_000


def test_without_redis_the_pod_is_closed_and_after_it_is_back_all_works(
    gate_of_own_redis: Any, own_redis: Any
) -> None:
    running = gate_of_own_redis
    client = running.client()
    client.set("k", "v")
    own_redis.stop()
    for _ in range(3):
        with pytest.raises(redis.ConnectionError):
            client.get("k")
    until(lambda: running.links() == 0, "the links are closed")
    assert running.call(running.gate.status)["pods"][0]["refused"] >= 2
    own_redis.start()
    assert client.get("k") is None


def test_redis_dying_in_the_middle_closes_the_pod(gate_of_own_redis: Any, own_redis: Any) -> None:
    running = gate_of_own_redis
    with running.socket() as connection:
        connection.sendall(b"BLPOP none 0\r\n")
        until(lambda: running.fates() == [("BLPOP", "passed")], "BLPOP has passed")
        own_redis.stop()
        assert read_all(connection) == b""
    until(lambda: running.links() == 0, "the links are closed")
    assert running.fates() == [("BLPOP", "unanswered")]


def test_nothing_is_left_behind(gate: Any) -> None:
    idle = gate.tasks()
    for number in range(30):
        client = gate.client("captcha-api-a" if number % 2 else "captcha-api-b")
        client.incr("n")
        client.close()
    with gate.socket():
        pass
    until(
        lambda: sum(pod["connections"] for pod in gate.call(gate.gate.status)["pods"]) == 31,
        "all are connected",
    )
    until(lambda: gate.links() == 0 and gate.tasks() == idle, "nothing is left")
    gate.wait(gate.gate.close())
    gate.wait(gate.gate.close())
    assert gate.tasks() == 0
    assert sum(command.command == "INCRBY" for command in gate.traced) == 30
    with pytest.raises(redis.ConnectionError):
        gate.client().ping()


def test_closing_ends_open_connections(gate: Any) -> None:
    gate.rules({"action": "hold", "command": "GET", "seconds": 300})
    with gate.socket() as idle, gate.socket() as held:
        held.sendall(b"GET k\r\n")
        gate.held(1)
        gate.wait(gate.gate.close())
        for connection in (idle, held):
            with contextlib.suppress(ConnectionResetError):
                assert connection.recv(10) == b""
    assert gate.tasks() == 0
    assert [(command.command, command.fate) for command in gate.traced] == [("GET", "discarded")]
