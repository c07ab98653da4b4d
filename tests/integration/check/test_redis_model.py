"""The model against a real redis-server: the same commands give the same replies and the same keys."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devenv.core.resp.values import Pairs, Reply, encode_reply
from devenv.core.spec.keyspace import Entry, NotModelled, Text
from devenv.core.spec.redis_commands import COMMANDS
from devenv.core.spec.redis_model import Database, execute

Words = tuple[bytes, ...]

NOW = 1_800_000_000_000
"""Some moment of Unix time in milliseconds, as Redis counts them."""

TOLERANCE_MS = 60_000
"""The model's clock stands still and Redis' goes on; every TTL below is far longer, or gone at once."""

KEYS = st.sampled_from([b"a", b"b", b"c"])
FIELDS = st.sampled_from([b"f", b"g"])
DATA = st.sampled_from([b"", b"1", b"-7", b"x", b"007", b"9223372036854775807", b"\xff\x00", b"1.5"])
TIMES = st.sampled_from([b"1000", b"900000", b"0", b"-5", b"x", b"9223372036854775807", b"99999999999999999"])
LONG = st.sampled_from([b"1000000", b"9000000", b"0", b"-5", b"x", b"9223372036854775807"])


def words(*parts: st.SearchStrategy[bytes] | bytes) -> st.SearchStrategy[Words]:
    return st.tuples(*(st.just(part) if isinstance(part, bytes) else part for part in parts))


def option(*parts: st.SearchStrategy[bytes] | bytes) -> st.SearchStrategy[Words]:
    return words(*parts)


SET_OPTIONS = st.lists(
    st.one_of(
        option(b"EX", TIMES), option(b"px", LONG), option(b"KEEPTTL"), option(b"NX"), option(b"XX"),
        option(b"GET"), option(b"EX"), option(b"WHAT"),
    ),
    max_size=3,
).map(lambda parts: tuple(word for part in parts for word in part))  # fmt: skip
EXPIRE_OPTIONS = st.lists(st.sampled_from([b"NX", b"xx", b"GT", b"LT", b"WHAT"]), max_size=2).map(tuple)


def joined(first: st.SearchStrategy[Words], rest: st.SearchStrategy[Any]) -> st.SearchStrategy[Words]:
    return st.tuples(first, rest).map(lambda pair: (*pair[0], *pair[1]))


PLAIN: st.SearchStrategy[Words] = st.one_of(
    words(b"GET", KEYS), words(b"get", KEYS), words(b"GETDEL", KEYS), words(b"MGET", KEYS, KEYS),
    words(b"SET", KEYS, DATA), words(b"SET", KEYS, DATA), joined(words(b"SET", KEYS, DATA), SET_OPTIONS),
    words(b"SETEX", KEYS, TIMES, DATA), words(b"PSETEX", KEYS, LONG, DATA), words(b"SETNX", KEYS, DATA),
    words(b"INCR", KEYS), words(b"INCRBY", KEYS, DATA), words(b"DEL", KEYS), words(b"DEL", KEYS, KEYS),
    words(b"UNLINK", KEYS, KEYS), words(b"EXISTS", KEYS, KEYS), words(b"TYPE", KEYS),
    words(b"TTL", KEYS), words(b"PTTL", KEYS), words(b"PERSIST", KEYS),
    joined(words(b"EXPIRE", KEYS, TIMES), EXPIRE_OPTIONS),
    joined(words(b"PEXPIRE", KEYS, LONG), EXPIRE_OPTIONS),
    words(b"HSET", KEYS, FIELDS, DATA), words(b"HSET", KEYS, FIELDS, DATA, FIELDS, DATA),
    words(b"HSET", KEYS, FIELDS, DATA, FIELDS), words(b"HGET", KEYS, FIELDS),
    words(b"HMGET", KEYS, FIELDS, FIELDS),
    words(b"HGETALL", KEYS), words(b"HEXISTS", KEYS, FIELDS), words(b"HDEL", KEYS, FIELDS, FIELDS),
    words(b"HINCRBY", KEYS, FIELDS, DATA), words(b"FLUSHALL"), words(b"FLUSHDB", b"what"),
    words(st.sampled_from([name.encode() for name in COMMANDS])),
)  # fmt: skip
TRANSACTIONS: st.SearchStrategy[Words] = st.one_of(
    words(b"MULTI"), words(b"EXEC"), words(b"EXEC"), words(b"DISCARD"), words(b"WATCH", KEYS),
    words(b"UNWATCH"), words(b"WATCH"), words(b"EXEC", b"x"),
)  # fmt: skip


NOT_COMPARED = {
    "SET … EXAT/PXAT": "an absolute moment: the model's clock stands still, so it refuses them (NotModelled)",
    "TTL and PTTL to the millisecond": "Redis' clock goes on meanwhile: compared within TOLERANCE_MS",
    "times from 1 s to 999 s": "on a slow machine a key could expire in the middle of a sequence",
    "the effect of EVAL and EVALSHA": "the model has no Lua: test_claim_model.py compares the known script",
    "order of KEYS and of fields": "Redis promises none: compared as sorted keys and as mappings",
    "FLUSHALL ASYNC": "its effect is that of FLUSHALL; when memory is freed cannot be seen",
}
"""What the generated sequences leave out or compare loosely, and why."""


def generated() -> set[str]:
    """The names of the commands that the generated sequences hold with arguments of their own."""
    source = Path(__file__).read_text(encoding="utf-8")
    _, _, plain = source.partition("\nPLAIN: ")
    return set(re.findall(r'words\(b"([A-Z]+)"', plain.partition("def is_time")[0]))


def test_every_command_of_the_model_is_compared() -> None:
    """No command is in the model without sequences against the real server; exclusions have a reason."""
    assert COMMANDS.keys() - generated() == set()
    assert all(NOT_COMPARED.values())


@pytest.mark.parametrize(
    "text",
    [
        "SET a b EXAT 1",
        "SET a b PXAT 1",
        "APPEND a b",
        "EVAL x 0",
        "SCRIPT KILL",
        "SCRIPT LOAD",
        "SCRIPT EXISTS x",
    ],
)
def test_what_is_not_modelled_is_refused_and_never_answered(text: str) -> None:
    with pytest.raises(NotModelled):
        execute(Database(), tuple(text.encode().split()), now=NOW)


@pytest.mark.parametrize(
    "text", ["SCRIPT", "SCRIPT LOAD return", "EVAL x", "EVALSHA x", "EVAL x 1", "EVAL x -1"]
)
def test_scripts_without_their_effect(real_redis: Any, text: str) -> None:
    """What the server answers before it looks at the script itself."""
    words = tuple(text.encode().split())
    wire = real_redis.wire()
    assert wire.send(*words) == encode_reply(execute(Database(), words, now=NOW)[0])
    wire.close()


def is_time(command: Words) -> bool:
    return command[0].upper() in (b"TTL", b"PTTL")


def values(reply: bytes) -> Any:
    reader = hiredis.Reader()
    reader.feed(reply)
    return comparable(reader.gets())


def comparable(value: Any) -> Any:
    """Errors, which are never equal to each other, as text."""
    if isinstance(value, list):
        return [comparable(item) for item in value]
    return f"-{value}" if isinstance(value, hiredis.ReplyError) else value


def same_number(command: Words, real: Any, model: Any) -> bool:
    """Equal, or for a time left of the same kind and near."""
    if real == model:
        return True
    unit = 1 if command[0].upper() == b"PTTL" else 1000
    times = is_time(command) and isinstance(real, int) and isinstance(model, int)
    return times and real >= 0 <= model and abs(real - model) * unit < TOLERANCE_MS


def compare(commands: Sequence[Words], real: bytes, reply: Reply, protocol: Literal[2, 3] = 2) -> None:
    """``commands`` are those that the reply answers: one, or all that EXEC ran."""
    if isinstance(reply, tuple) and len(commands) > 1:
        read, modelled = values(real), values(encode_reply(reply, protocol))
        assert len(read) == len(modelled)
        for command, one, other in zip(commands[1:], read, modelled, strict=True):
            assert same_number(command, one, other), (command, one, other)
        return
    if is_time(commands[0]):
        assert same_number(commands[0], values(real), values(encode_reply(reply, protocol)))
        return
    assert real == encode_reply(reply, protocol), commands[0]


def compare_keys(database: Database, wire: Any) -> None:
    """Every key with its value and, within tolerance, its TTL."""
    assert sorted(wire.ask("KEYS", "*")) == [key for key, _ in database.entries]
    for key, entry in database.entries:
        left = wire.ask("PTTL", key)
        assert (left == -1) == (entry.expires is None)
        if entry.expires is not None:
            assert abs(left - (entry.expires - NOW)) < TOLERANCE_MS
        if isinstance(entry.value, Text):
            assert wire.ask("GET", key) == entry.value.data
        else:
            flat = wire.ask("HGETALL", key)
            assert dict(zip(flat[::2], flat[1::2], strict=True)) == dict(entry.value.fields)


@settings(max_examples=400)
@given(st.lists(PLAIN, min_size=1, max_size=25))
def test_commands(real_redis: Any, commands: list[Words]) -> None:
    wire = real_redis.wire()
    assert wire.ask("FLUSHALL") == b"OK"
    database = Database()
    for command in commands:
        reply, database = execute(database, command, now=NOW)
        compare([command], wire.send(*command), reply)
    compare_keys(database, wire)
    wire.close()


@settings(max_examples=400)
@given(st.lists(st.tuples(st.integers(0, 1), st.one_of(PLAIN, TRANSACTIONS)), min_size=2, max_size=25))
def test_transactions_of_two_clients(real_redis: Any, commands: list[tuple[int, Words]]) -> None:
    play(real_redis, commands)


def play(real_redis: Any, commands: list[tuple[int, Words]]) -> None:
    """The same commands of two clients to both, from nothing; replies and keys must be the same."""
    wires = [real_redis.wire(), real_redis.wire()]
    assert wires[0].ask("FLUSHALL") == b"OK"
    database = Database()
    for number, command in commands:
        queued = dict(database.clients)[number].queued if number in dict(database.clients) else None
        reply, database = execute(database, command, now=NOW, client=number)
        ran = [command, *(queued or ())] if command[0].upper() == b"EXEC" else [command]
        compare(ran, wires[number].send(*command), reply)
    for number, wire in enumerate(wires):
        if number in dict(database.clients) and dict(database.clients)[number].queued is not None:
            assert wire.ask("DISCARD") == b"OK"
    compare_keys(database, wires[0])
    for wire in wires:
        wire.close()


CHANGES: st.SearchStrategy[Words] = st.one_of(
    words(b"SET", KEYS, DATA), words(b"SET", KEYS, DATA, b"KEEPTTL"), words(b"SET", KEYS, DATA, b"NX"),
    words(b"SET", KEYS, DATA, b"XX", b"GET"), words(b"DEL", KEYS), words(b"GETDEL", KEYS),
    words(b"GET", KEYS), words(b"EXPIRE", KEYS, b"1000"), words(b"PEXPIRE", KEYS, b"-1"),
    words(b"PERSIST", KEYS), words(b"INCR", KEYS), words(b"HSET", KEYS, FIELDS, DATA),
    words(b"HDEL", KEYS, FIELDS), words(b"FLUSHALL"), words(b"PTTL", KEYS),
)  # fmt: skip
"""What a watched key may or may not notice."""


@settings(max_examples=600)
@given(
    st.lists(st.one_of(CHANGES, words(b"SETEX", KEYS, b"1000", DATA)), max_size=3),
    KEYS,
    st.booleans(),
    st.lists(st.tuples(st.integers(0, 1), CHANGES), min_size=1, max_size=2),
    st.lists(CHANGES, max_size=2),
)
def test_what_a_watch_notices(
    real_redis: Any,
    before: list[Words],
    watched: bytes,
    early: bool,
    between: list[tuple[int, Words]],
    queued: list[Words],
) -> None:
    """WATCH, something happens to some key, by this client or another, MULTI, …, EXEC."""
    multi = (0, (b"MULTI",))
    sent = [*((1, item) for item in before), (0, (b"WATCH", watched))]
    others = [(1, item) for _, item in between]
    sent += [multi, *others] if early else [*between, multi]
    sent += [*((0, item) for item in queued), (0, (b"EXEC",))]
    play(real_redis, sent)


@pytest.mark.parametrize(
    "text",
    [
        "SETEX k 1000 v | SET k w KEEPTTL | PTTL k | SET k x | PTTL k",
        "SETEX k 1000 v | INCR k | SETEX k 1000 1 | INCR k | PTTL k | GET k",
        "SETEX k 1000 v | SET k w XX GET KEEPTTL | PTTL k | SET k w NX GET | SET l w XX GET | EXISTS k l",
        "SETEX k 1000 v | EXPIRE k 10 GT | EXPIRE k 2000 GT | EXPIRE k 10 LT | EXPIRE k 5 NX | TTL k",
        "HSET h f 1 | EXPIRE h 1000 | HINCRBY h f 2 | PTTL h | HDEL h f | EXISTS h",
        "WATCH k | 1> SET k v | MULTI | GET k | EXEC",
        "SET k v | WATCH k | 1> SET k v | MULTI | GET k | EXEC | MULTI | GET k | EXEC",
        "WATCH k | 1> DEL k | MULTI | GET k | EXEC",
        "WATCH k | GET k | SET k own | MULTI | GET k | EXEC",
        "WATCH k | 1> SET l v | MULTI | GET k | EXEC",
        "WATCH k | UNWATCH | 1> SET k v | MULTI | GET k | EXEC",
        "WATCH k | 1> SET k v | MULTI | DISCARD | MULTI | GET k | EXEC",
        "MULTI | MULTI | SET k v | GET | EXEC | GET k",
        "MULTI | WATCH k | SET k v | HGET k f | EXEC | GET k",
        "MULTI | SET k v | INCR k | EXEC",
    ],
)
def test_sequences_that_matter(real_redis: Any, text: str) -> None:
    parts = [part.strip().rpartition("> ") for part in text.split("|")]
    play(real_redis, [(int(client or 0), tuple(command.encode().split())) for client, _, command in parts])


@settings(max_examples=100)
@given(st.lists(PLAIN, min_size=1, max_size=15))
def test_commands_in_resp3(real_redis: Any, commands: list[Words]) -> None:
    wire = real_redis.wire()
    wire.send("HELLO", 3)
    wire.send("FLUSHALL")
    database = Database()
    for command in commands:
        reply, database = execute(database, command, now=NOW)
        if isinstance(reply, Pairs):
            assert wire.send(*command) == encode_reply(reply, 3)
        else:
            compare([command], wire.send(*command), reply, 3)
    wire.close()


@pytest.mark.parametrize("left", [1, 499, 500, 501, 1499, 1500, 59_999])
def test_ttl_rounds_as_redis_rounds(real_redis: Any, left: int) -> None:
    """In one transaction Redis' clock stands still, so PTTL and TTL are of one moment."""
    wire = real_redis.wire()
    for command in (("SET", "t", "x", "PX", left), ("MULTI",), ("PTTL", "t"), ("TTL", "t")):
        wire.ask(*command)
    now_left, ttl = wire.ask("EXEC")
    if now_left == -2:
        assert ttl == -2
        return
    database = Database(((b"t", Entry(Text(b"x"), NOW + now_left)),))
    assert execute(database, (b"TTL", b"t"), now=NOW)[0] == ttl


def test_unknown_commands_are_refused_as_redis_refuses_none(real_redis: Any) -> None:
    """Errors name the command in small letters, whatever was sent."""
    reply = real_redis.wire().send("HgEt", "a")
    assert reply == encode_reply(execute(Database(), (b"HgEt", b"a"), now=NOW)[0])
    assert re.match(rb"-ERR wrong number of arguments for 'hget' command\r\n", reply)
