"""The Python model of the claim script, and the script learned by example, against the Lua on a real
Redis."""

from __future__ import annotations

import asyncio
import json
from importlib.resources import files
from typing import Any

import hiredis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devenv.core.resp.values import Failure, Reply, encode_reply
from devenv.core.spec.keyspace import Entry, Hash, Text, Value
from devenv.core.spec.learned_scripts import KeyState, LearnedScripts, NotLearned
from devenv.core.spec.redis_model import Database, Scripts, execute, sha_of
from devenv.core.spec.scripts import claim
from devenv.wire.executor.jobs import ANY_ID
from devenv.wire.executor.redis_link import RedisLink
from devenv.wire.executor.script_trial import run_script

LUA = files("devenv.captcha_api.stores").joinpath("claim.lua").read_text(encoding="utf-8")
SHA = sha_of(LUA)
TWIN: Scripts = {SHA: claim}
SESSION = b"rcaptcha:abstract:" + ANY_ID.encode()
RECEIPT = b"rcaptcha:receipt:{" + SESSION + b"}"
KEYS = (SESSION, RECEIPT)
LIMITS = (b"2", b"60", b"10000")
NOW = 1_800_000_000_000
TOLERANCE_MS = 5_000

Words = tuple[bytes, ...]

# --- documents and arguments -------------------------------------------------------------------------------

ATTEMPTS: st.SearchStrategy[Any] = st.sampled_from([0, 0, 0, 1, 1, 2, 3, -1, 0.5, 1.0, "1", None, True, [1]])
WORDS = st.sampled_from(["apple", "Big Apple!", "", "!!", "사과", "a/b", "é"])
FLAGS: st.SearchStrategy[Any] = st.one_of(
    st.lists(st.booleans(), max_size=4),
    st.sampled_from([[True, None, True], [1, True], [False, "x", True], None, {}, {"0": True}, "true", []]),
)
STRANGE: list[Any] = [
    1690000000.1234567, 12345678901234567, -0.1, [], {}, [[]], None, False, "\n\x7f", [1, 2.5], {"a": [{}]},
]  # fmt: skip
EXTRA: st.SearchStrategy[Any] = st.sampled_from(STRANGE)


def member(name: str, values: st.SearchStrategy[Any], usually: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A member of the document: mostly as it should be, sometimes strange, sometimes missing."""
    strange = st.one_of(values.map(lambda item: {name: item}), st.just({}))
    return st.one_of(st.just({name: usually}), st.just({name: usually}), strange)


@st.composite
def documents(draw: st.DrawFn) -> bytes:
    kind = draw(st.sampled_from(["abstract", "abstract", "imagegrid", "handwriting"]))
    parts = [
        member("type", st.sampled_from(["abstract", "imagegrid", "x", None, 7]), kind),
        member("attempts", ATTEMPTS, 0),
        member("is_positive", FLAGS, [True, False, True]),
        member("target_class", WORDS, "apple"),
        member("image_url", st.sampled_from(["u", "/a/b.png", None, 3]), "u"),
        member("target_label", WORDS, "apple"),
        member("created_at", EXTRA, 1690000000.25),
    ]
    document: dict[str, Any] = {}
    for part in draw(st.permutations(parts)):
        document |= draw(part)
    return json.dumps(document, ensure_ascii=draw(st.booleans())).encode()


RAW = st.one_of(
    documents(),
    documents(),
    documents(),
    st.sampled_from([b"", b"no JSON", b"[]", b"7", b'"x"', b"null", b"{", b"{}", b"\xff\xfe{",
                     b'{"attempts": 1}',
                     b'{"type":"abstract","attempts":0,"is_positive":[true],"junk":"\xff"}',
                     b'{"type":"abstract","attempts":0,"is_positive":[true]} x']),
)  # fmt: skip


@st.composite
def arguments(draw: st.DrawFn) -> Words:
    """token, kind, answer, basis, and the limits."""
    token = draw(st.sampled_from([b"t1", b"t2", b"t3", b"t4"]))
    kind = draw(st.sampled_from([b"abstract", b"abstract", b"imagegrid", b"handwriting"]))
    answers = {
        b"abstract": [b"0,2", b"0", b"", b"0,1,2", b"2"],
        b"imagegrid": [b"right", b"wrong"],
        b"handwriting": [b"apple", b"bigapple", b""],
    }
    answer = draw(st.sampled_from(answers[kind]))
    basis = draw(st.sampled_from([b"u\napple", b"u\napple", b"v\napple", b"", b"/a/b.png\n"]))
    return (token, kind, answer, basis, *LIMITS)


EVENTS = st.sampled_from(["claim"] * 8 + ["persist", "expire", "hash", "receipt-text"])
STEPS = st.lists(st.tuples(EVENTS, arguments()), min_size=1, max_size=6)


# --- two worlds --------------------------------------------------------------------------------------------


def script_words(args: Words) -> Words:
    return (b"EVALSHA", SHA.encode(), b"2", *KEYS, *args)


def event_words(event: str) -> Words:
    return {
        "persist": (b"PERSIST", SESSION),
        "expire": (b"DEL", SESSION),
        "hash": (b"HSET", SESSION, b"f", b"1"),
        "receipt-text": (b"SETEX", RECEIPT, b"10", b"x"),
    }[event]


def read(value: Any) -> Any:
    """A reply or value, with JSON documents read: cjson promises no order of members."""
    if isinstance(value, hiredis.ReplyError):
        # A script's error also says where in the script.
        return f"-{value}".partition(" script: ")[0]
    if isinstance(value, list | tuple):
        return [read(item) for item in value]
    if isinstance(value, bytes):
        try:
            return json.loads(value.decode("utf-8", "surrogateescape"))
        except ValueError:
            return value
    return value


def real_state(wire: Any, key: bytes) -> KeyState:
    left = wire.ask("PTTL", key)
    value: Value | None
    match wire.ask("TYPE", key):
        case b"string":
            value = Text(wire.ask("GET", key))
        case b"hash":
            flat = wire.ask("HGETALL", key)
            value = Hash(tuple(sorted(zip(flat[::2], flat[1::2], strict=True))))
        case _:
            return KeyState()
    return KeyState(value, left if left >= 0 else None)


def shown(state: KeyState) -> Any:
    match state.value:
        case Text(data=data):
            return read(data)
        case Hash(fields=fields):
            return {name: read(item) for name, item in fields}
        case _:
            return None


def compare_keys(database: Database, wire: Any) -> None:
    for key in KEYS:
        model, real = KeyState.of(database.entry(key), NOW), real_state(wire, key)
        assert shown(model) == shown(real)
        assert (model.left is None) == (real.left is None)
        if model.left is not None and real.left is not None:
            assert abs(model.left - real.left) < TOLERANCE_MS


def begin(wire: Any, raw: bytes) -> Database:
    wire.ask("FLUSHALL")
    wire.ask("SCRIPT", "LOAD", LUA)
    wire.ask("SETEX", SESSION, 60, raw)
    return execute(Database(), (b"SETEX", SESSION, b"60", raw), NOW)[1]


def reply_of(reply: Reply) -> Any:
    reader = hiredis.Reader()
    reader.feed(encode_reply(reply))
    return read(reader.gets())


@settings(max_examples=1000)
@given(RAW, STEPS)
def test_the_model_does_what_the_script_does(
    real_redis: Any, raw: bytes, steps: list[tuple[str, Words]]
) -> None:
    wire = real_redis.wire()
    database = begin(wire, raw)
    for event, args in steps:
        words = script_words(args) if event == "claim" else event_words(event)
        reply, database = execute(database, words, NOW, scripts=TWIN)
        assert reply_of(reply) == read(wire.ask(*words)), words
        compare_keys(database, wire)
    wire.close()


@settings(max_examples=100)
@given(documents(), STEPS)
def test_a_learned_script_does_what_the_script_does(
    real_redis: Any, raw: bytes, steps: list[tuple[str, Words]]
) -> None:
    """It asks the real script whenever it meets a situation for the first time, and nothing else."""
    wire = real_redis.wire()
    scripts = LearnedScripts()
    with asyncio.Runner() as runner:
        link = runner.run(RedisLink.open("127.0.0.1", real_redis.port))
        for _ in range(2):
            database = begin(wire, raw)
            asked = 0
            for event, args in steps:
                words = script_words(args) if event == "claim" else event_words(event)
                real = wire.ask(*words)
                try:
                    reply, database = execute(database, words, NOW, scripts=scripts)
                except NotLearned as new:
                    asked += 1
                    scripts.learn(new.call, runner.run(run_script(link, new.call)))
                    reply, database = execute(database, words, NOW, scripts=scripts)
                if not isinstance(reply, Failure):
                    assert reply_of(reply) == read(real), words
                compare_keys(database, wire)
        assert asked == 0, "the second time it knows everything"
        link.close()
    wire.close()


@pytest.mark.parametrize("strange", STRANGE)
def test_what_is_written_back(real_redis: Any, strange: Any) -> None:
    """Whatever stands in a document goes through Lua and back: numbers of 14 digits, lists that become {}."""
    wire = real_redis.wire()
    document = {"type": "abstract", "attempts": 0, "is_positive": [True], "strange": strange}
    database = begin(wire, json.dumps(document).encode())
    words = script_words((b"t", b"abstract", b"1", b"", *LIMITS))
    reply, database = execute(database, words, NOW, scripts=TWIN)
    assert reply_of(reply) == read(wire.ask(*words))
    compare_keys(database, wire)
    wire.close()


@pytest.mark.parametrize("kind", ["abstract", "imagegrid", "handwriting"])
def test_the_sequence_that_matters(real_redis: Any, kind: str) -> None:
    """Wrong, wrong again by the same token, right, right again by another: in words, not by chance."""
    wire = real_redis.wire()
    document = {"type": kind, "attempts": 0, "is_positive": [True, False, True], "target_class": "Apple",
                "image_url": "u", "target_label": "apple"}  # fmt: skip
    right = {"abstract": b"0,2", "imagegrid": b"right", "handwriting": b"apple"}[kind]
    database = begin(wire, json.dumps(document).encode())
    messages = []
    for token, answer in ((b"t1", b"1"), (b"t1", b"1"), (b"t2", right), (b"t3", right), (b"t1", b"1")):
        words = script_words((token, kind.encode(), answer, b"u\napple", *LIMITS))
        reply, database = execute(database, words, NOW, scripts=TWIN)
        assert reply_of(reply) == read(wire.ask(*words))
        assert isinstance(reply, tuple)
        messages.append(reply[:2])
    assert messages == [(b"wrong", 1), (b"wrong", 1), (b"right", 2), (b"solved", 0), (b"wrong", 1)]
    assert database.entry(SESSION) is None
    assert Entry(Text(b"")) not in [item for _, item in database.entries]
    wire.close()
