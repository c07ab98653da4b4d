"""What the conformance tests cannot show: time, what the model refuses, equality of states."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import Inconclusive
from devenv.core.resp.values import Failure, NoArray, Pairs, Reply, Status, encode_reply
from devenv.core.spec.keyspace import Entry, NotModelled, Text
from devenv.core.spec.learned_scripts import KeyState, LearnedScripts, NotLearned, ScriptCall, ScriptEffect
from devenv.core.spec.redis_model import (
    Client,
    Database,
    ScriptFailed,
    ScriptKeys,
    execute,
    sha_of,
)


def run(*commands: str, now: int = 0, database: Database | None = None) -> tuple[Reply, Database]:
    """Commands as text; ``2> GET k`` is client 2's."""
    reply: Reply = None
    database = database or Database()
    for command in commands:
        client, _, text = command.rpartition("> ")
        reply, database = execute(database, text.encode().split(), now, client=int(client or 0))
    return reply, database


def test_a_key_lives_up_to_its_last_millisecond() -> None:
    _, database = run("PSETEX k 100 v", now=1000)
    assert run("GET k", now=1100, database=database)[0] == b"v"
    assert run("PTTL k", now=1100, database=database)[0] == 0
    reply, after = run("GET k", now=1101, database=database)
    assert reply is None
    assert after == Database()


def test_the_last_half_second_has_a_ttl_of_zero() -> None:
    _, database = run("PSETEX k 60000 v")
    for now, left in ((0, 60), (59_500, 1), (59_501, 0), (60_000, 0)):
        assert run("TTL k", now=now, database=database)[0] == left


def test_expiry_disturbs_a_watch() -> None:
    _, database = run("PSETEX k 100 v", "1> WATCH k", "1> MULTI", "1> SET x y")
    assert run("1> EXEC", now=50, database=database)[0] == (Status("OK"),)
    assert run("1> EXEC", now=500, database=database)[0] == NoArray()


def test_equal_contents_are_equal_states() -> None:
    _, one = run("SET a 1", "SET b 2", "2> WATCH a", "2> UNWATCH")
    _, other = run("SET b 2", "SET a 3", "SET a 1")
    assert one == other
    assert hash(one) == hash(other)


def test_clients_are_kept_only_amid_something() -> None:
    _, database = run("1> MULTI", "1> SET a 1", "2> WATCH a")
    assert database.clients == (
        (1, Client(queued=((b"SET", b"a", b"1"),))),
        (2, Client(watched=(b"a",))),
    )
    assert run("1> EXEC", "2> UNWATCH", database=database)[1].clients == ()


@pytest.mark.parametrize(
    "command", ["LPUSH k 1", "SET k v EXAT 1", "EVAL x 0", "EVALSHA x 0", "SCRIPT FLUSH x", "FCALL f 1 k"]
)
def test_what_is_not_modelled_is_no_answer(command: str) -> None:
    with pytest.raises(NotModelled) as caught:
        run(command)
    assert isinstance(caught.value, Inconclusive)
    assert caught.value.hint == "--mode direct needs no model"


def test_scripts_get_their_keys_and_arguments() -> None:
    def swap(redis: ScriptKeys, keys: tuple[bytes, ...], args: tuple[bytes, ...]) -> Reply:
        old = redis.call("GET", keys[0])
        redis.call("SET", keys[0], args[0])
        if args[0] == b"bad":
            raise ScriptFailed(Failure("ERR bad"))
        return old

    scripts = {sha_of("text"): swap}
    reply, database = execute(Database(), [b"EVAL", b"text", b"1", b"k", b"new"], 0, scripts=scripts)
    assert reply is None
    reply, database = execute(
        database, [b"EVALSHA", sha_of("text").upper().encode(), b"1", b"k", b"bad"], 0, scripts=scripts
    )
    assert reply == Failure("ERR bad")
    assert database.entry(b"k") == Entry(Text(b"bad"))
    for count, text in ((b"x", "not an integer"), (b"-1", "negative"), (b"9", "greater")):
        reply, _ = execute(database, [b"EVAL", b"text", count, b"k"], 0, scripts=scripts)
        assert isinstance(reply, Failure)
        assert text in reply.text


def test_a_script_is_one_step_for_a_watcher() -> None:
    scripts = {sha_of("x"): lambda redis, keys, args: redis.call("DEL", *keys)}
    _, database = run("SET k v", "1> WATCH k", "1> MULTI")
    _, database = execute(database, [b"EVAL", b"x", b"1", b"k"], 0, client=2, scripts=scripts)
    assert run("1> EXEC", database=database)[0] == NoArray()


def test_a_script_is_learned_by_example() -> None:
    scripts = LearnedScripts({sha_of("known"): lambda redis, keys, args: b"by its model"})
    _, database = run("PSETEX k 60000 a", "SET other x")
    words = [b"EVAL", b"text", b"1", b"k", b"arg"]
    with pytest.raises(NotLearned) as caught:
        execute(database, words, 500, scripts=scripts)
    call = caught.value.call
    assert call == ScriptCall(
        (b"EVAL", b"text"),
        (b"k",),
        (b"arg",),
        (KeyState(Text(b"a"), 59_500),),
        ((b"other", KeyState(Text(b"x"))),),
    )
    scripts.learn(call, ScriptEffect(b"seen", (KeyState(Text(b"b"), 59_500),)))
    reply, after = execute(database, words, 500, scripts=scripts)
    assert reply == b"seen"
    assert after.entry(b"k") == Entry(Text(b"b"), 60_000)
    with pytest.raises(NotLearned):
        execute(database, words, 501, scripts=scripts)
    scripts.learn(call, ScriptEffect(Failure("ERR bad"), (KeyState(),)))
    reply, after = execute(database, words, 500, scripts=scripts)
    assert (reply, after.entry(b"k")) == (Failure("ERR bad"), None)
    assert execute(database, [b"EVAL", b"known", b"0"], 0, scripts=scripts)[0] == b"by its model"


def test_a_script_that_changes_nothing_disturbs_no_watch() -> None:
    scripts = LearnedScripts()
    _, database = run("SET k v", "1> WATCH k", "1> MULTI", "1> GET k")
    state = KeyState(Text(b"v"))
    call = ScriptCall((b"EVALSHA", b"ab"), (b"k",), (), (state,))
    for after, left in ((state, (b"v",)), (KeyState(), NoArray())):
        scripts.learn(call, ScriptEffect(1, (after,)))
        _, later = execute(database, [b"EVALSHA", b"ab", b"1", b"k"], 0, client=2, scripts=scripts)
        assert run("1> EXEC", database=later)[0] == left


@pytest.mark.parametrize(
    ("reply", "two", "three"),
    [
        (None, b"$-1\r\n", b"_\r\n"),
        (NoArray(), b"*-1\r\n", b"_\r\n"),
        (Status("OK"), b"+OK\r\n", b"+OK\r\n"),
        (Failure("ERR x"), b"-ERR x\r\n", b"-ERR x\r\n"),
        (-2, b":-2\r\n", b":-2\r\n"),
        ((b"a", None, (1,)), b"*3\r\n$1\r\na\r\n$-1\r\n*1\r\n:1\r\n", b"*3\r\n$1\r\na\r\n_\r\n*1\r\n:1\r\n"),
        (Pairs(((b"f", b"v"),)), b"*2\r\n$1\r\nf\r\n$1\r\nv\r\n", b"%1\r\n$1\r\nf\r\n$1\r\nv\r\n"),
    ],
)
def test_replies_on_the_wire(reply: Reply, two: bytes, three: bytes) -> None:
    assert encode_reply(reply, 2) == two
    assert encode_reply(reply, 3) == three
