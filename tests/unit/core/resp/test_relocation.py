"""Addresses of cluster nodes in replies, judged by hiredis. The forms are those of Redis 7.0 and Valkey 9."""

from __future__ import annotations

from typing import Any

import hiredis
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.relocation import MAPS, relocated

ASKED = "10.0.0.1"


def there(host: str, port: int) -> tuple[str, int] | None:
    """Every node moves to the gate's host, 10000 ports up; one is not known to it."""
    if port == 1:
        return None
    return "gate" if host != ASKED else "gate-itself", port + 10_000


def ask(host: str, port: int) -> tuple[str, int] | None:
    return there(host or ASKED, port)


def read(reply: bytes) -> Any:
    message: Any = lambda text: f"-{text}"  # noqa: E731
    reader = hiredis.Reader(encoding="utf-8", errors="replace", replyError=message)
    reader.feed(reply)
    value = reader.gets()
    assert not reader.has_data()
    return value


def wire(value: Any, resp3: bool = False) -> bytes:
    """A reply as Redis writes it; a dict is a map, in RESP2 flat."""
    if value is None:
        return b"_\r\n" if resp3 else b"$-1\r\n"
    if isinstance(value, int):
        return b":%d\r\n" % value
    if isinstance(value, str):
        data = value.encode()
        return b"$%d\r\n%b\r\n" % (len(data), data)
    if isinstance(value, dict):
        items = [part for pair in value.items() for part in pair]
        kind, count = (b"%", len(value)) if resp3 else (b"*", len(items))
        return b"%b%d\r\n" % (kind, count) + b"".join(wire(item, resp3) for item in items)
    return b"*%d\r\n" % len(value) + b"".join(wire(item, resp3) for item in value)


@pytest.mark.parametrize(
    ("sentence", "expected"),
    [
        ("MOVED 3999 127.0.0.1:6381", "MOVED 3999 gate:16381"),
        ("ASK 3999 127.0.0.1:6381", "ASK 3999 gate:16381"),
        ("MOVED 3999 :6381", "MOVED 3999 gate-itself:16381"),
        ("MOVED 3999 ?:6381", "MOVED 3999 gate-itself:16381"),
        ("MOVED 3999 redis-2.local:6381", "MOVED 3999 gate:16381"),
        ("MOVED 3999 ::1:6381", "MOVED 3999 gate:16381"),
        ("EXECABORT Transaction discarded because of: MOVED 1 a:6381", None),
        ("MOVED 3999 127.0.0.1:1", "MOVED 3999 127.0.0.1:1"),
        ("ERR REMOVED 3 a:4 things", "ERR REMOVED 3 a:4 things"),
        ("MOVED 3999 a:99999", "MOVED 3999 a:99999"),
        ("CROSSSLOT Keys in request don't hash to the same slot", None),
    ],
)
def test_redirections(sentence: str, expected: str | None) -> None:
    wanted = expected or sentence.replace("a:6381", "gate:16381")
    assert read(relocated(f"-{sentence}\r\n".encode(), ("GET",), ask)) == f"-{wanted}"
    blob = f"!{len(sentence)}\r\n{sentence}\r\n"  # which hiredis does not know
    assert relocated(blob.encode(), ("GET",), ask) == f"!{len(wanted)}\r\n{wanted}\r\n".encode()


def test_redirections_inside_a_transaction_and_texts_that_only_look_so() -> None:
    reply = b"*3\r\n-MOVED 1 a:6381\r\n$15\r\nMOVED 1 a:6381\n\r\n*1\r\n-ASK 2 b:6382\r\n"
    message = read(relocated(reply, ("GET", "GET", "EVAL"), ask))
    assert message == ["-MOVED 1 gate:16381", "MOVED 1 a:6381\n", ["-ASK 2 gate:16382"]]


def slots(host: str | None, *ports: int) -> list[Any]:
    more = [[], ["hostname", "redis-1.local"], {"ip": "127.0.0.1"}]
    return [[0, 16383, *([host, port, f"id{port}", more[port % 3]] for port in ports)]]


@pytest.mark.parametrize("resp3", [False, True])
@pytest.mark.parametrize("host", ["127.0.0.1", "", None, "redis-1"])
def test_slots(host: str | None, resp3: bool) -> None:
    message = read(relocated(wire(slots(host, 7000, 7001, 7002), resp3), ("CLUSTER SLOTS",), ask))
    name = "gate" if host else "gate-itself"
    assert [(node[0], node[1], node[2]) for node in message[0][2:]] == [
        (name, 17000, "id7000"), (name, 17001, "id7001"), (name, 17002, "id7002"),
    ]  # fmt: skip
    assert [list(node[3]) for node in message[0][2:]] == [[], [], []]
    assert message[0][:2] == [0, 16383]


@pytest.mark.parametrize("resp3", [False, True])
def test_shards(resp3: bool) -> None:
    node = {"id": "id1", "port": 7000, "ip": "127.0.0.1", "endpoint": "127.0.0.1", "role": "master"}
    secure = {"id": "id2", "tls-port": 7001, "ip": "127.0.0.1", "endpoint": None, "hostname": "redis-1"}
    shards = [{"slots": [0, 16383], "nodes": [node, secure]}]
    message = read(relocated(wire(shards, resp3), ("CLUSTER SHARDS",), ask))
    [shard] = [
        item if isinstance(item, dict) else dict(zip(item[::2], item[1::2], strict=True)) for item in message
    ]
    first, second = (
        one_node if isinstance(one_node, dict) else dict(zip(one_node[::2], one_node[1::2], strict=True))
        for one_node in shard["nodes"]
    )
    assert first == {**node, "port": 17000, "ip": "gate", "endpoint": "gate"}
    assert second == {**secure, "tls-port": 17001, "ip": "gate", "endpoint": "gate", "hostname": "gate"}
    assert shard["slots"] == [0, 16383]


NODES = """\
43adba 127.0.0.1:7201@17201 master,nofailover - 0 1795526178702 2 connected 5461-10921
7a8ec8 127.0.0.1:7203@17203,redis-4.local myself,slave 5ed7fa 0 0 1 connected
6e7ad6 127.0.0.1:7202@17202,,tls-port=0,shard-id=9f master - 0 1795526178703 3 connected 10922-16383 [1->-43]
5ed7fa :7200@17200 myself,master - 0 0 1 connected 0-5460
0ddba1 :0@0 master,noaddr - 0 0 1 disconnected
"""
RELOCATED = """\
43adba gate:17201@17201 master,nofailover - 0 1795526178702 2 connected 5461-10921
7a8ec8 gate:17203@17203 myself,slave 5ed7fa 0 0 1 connected
6e7ad6 gate:17202@17202,,tls-port=0,shard-id=9f master - 0 1795526178703 3 connected 10922-16383 [1->-43]
5ed7fa gate-itself:17200@17200 myself,master - 0 0 1 connected 0-5460
0ddba1 :0@0 master,noaddr - 0 0 1 disconnected
"""


def test_nodes() -> None:
    assert read(relocated(wire(NODES), ("CLUSTER NODES",), ask)) == RELOCATED
    verbatim = b"=%d\r\ntxt:%b\r\n" % (len(NODES) + 4, NODES.encode())
    assert read(relocated(verbatim, ("CLUSTER NODES",), ask)) == RELOCATED
    lines = NODES.splitlines()[:2]
    for name in ("CLUSTER REPLICAS", "CLUSTER SLAVES"):
        assert read(relocated(wire(lines), (name,), ask)) == RELOCATED.splitlines()[:2]


def test_the_map_among_a_transaction_s_replies() -> None:
    whole = b"*2\r\n+OK\r\n" + wire(slots("127.0.0.1", 7000))
    message = read(relocated(whole, ("SET", "CLUSTER SLOTS"), ask))
    assert message[0] == "OK" and message[1][0][2][:2] == ["gate", 17000]


def test_another_command_s_reply_of_the_same_form_stays() -> None:
    reply = wire(slots("127.0.0.1", 7000))
    assert relocated(reply, ("EVAL",), ask) == reply


_LINES = st.sampled_from(
    [b"+OK\r\n", b":-7\r\n", b"-ERR no\r\n", b"$-1\r\n", b"*-1\r\n", b"_\r\n", b"#t\r\n", b",1.5\r\n"]
)
_BULKS = st.binary(max_size=20).map(lambda data: b"$%d\r\n%b\r\n" % (len(data), data))
_REPLIES = st.recursive(
    _LINES | _BULKS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4).map(lambda items: b"*%d\r\n" % len(items) + b"".join(items)),
        st.lists(st.tuples(inner, inner), max_size=3).map(
            lambda pairs: b"%%%d\r\n" % len(pairs) + b"".join(a + b for a, b in pairs)
        ),
        st.tuples(inner, inner, inner).map(lambda item: b"|1\r\n" + b"".join(item)),
    ),
    max_leaves=12,
)


@given(_REPLIES, st.sampled_from([*sorted(MAPS), "GET", "EXEC"]))
def test_what_names_no_node_stays_byte_for_byte(reply: bytes, name: str) -> None:
    assert relocated(reply, (name,), lambda _host, _port: None) == reply


@given(st.binary(max_size=60) | _REPLIES, st.binary(max_size=5), st.sampled_from([*sorted(MAPS), "GET"]))
def test_whatever_comes_it_is_no_crash(reply: bytes, more: bytes, name: str) -> None:
    changed = relocated(reply + more, (name,), ask)
    assert isinstance(changed, bytes)


@given(
    st.lists(
        st.tuples(st.sampled_from(["127.0.0.1", "", "redis-3", "::1"]), st.integers(2, 65535)),
        min_size=1,
        max_size=6,
    ),
    st.booleans(),
)
def test_no_address_of_a_node_is_left(nodes: list[tuple[str, int]], resp3: bool) -> None:
    rows = [
        [position, position, [host, port, f"id{position}", ["hostname", host]]]
        for position, (host, port) in enumerate(nodes)
    ]
    message = read(relocated(wire(rows, resp3), ("CLUSTER SLOTS",), ask))
    assert [tuple(row[2][:2]) for row in message] == [ask(host, port) for host, port in nodes]
    lines = "".join(f"id {host}:{port}@9,{host} master - 0 0 1 connected\n" for host, port in nodes)
    shown = read(relocated(wire(lines, resp3), ("CLUSTER NODES",), ask)).splitlines()
    moved = [ask(host, port) or ("", 0) for host, port in nodes]
    assert [line.split()[1] for line in shown] == [f"{host}:{port}@9" for host, port in moved]
