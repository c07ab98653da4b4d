import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.resp.command_shapes import args_of, key_of, shape_of


@pytest.mark.parametrize(
    ("command", "name", "key"),
    [
        ("GET k", "GET", "k"),
        ("setex k 60 v", "SETEX", "k"),
        ("DEL k l", "DEL", "k"),
        ("TTL k", "TTL", "k"),
        ("WATCH k", "WATCH", "k"),
        ("MSET k 1 l 2", "MSET", "k"),
        ("EVAL return 1 k", "EVAL", "k"),
        ("EVALSHA sha 2 k l a", "EVALSHA", "k"),
        ("EVAL return 0 arg", "EVAL", None),
        ("EVAL return x k", "EVAL", None),
        ("EVAL", "EVAL", None),
        ("FCALL f 1 k", "FCALL", "k"),
        ("XREAD COUNT 2 STREAMS k 0", "XREAD", "k"),
        ("XREAD COUNT 2", "XREAD", None),
        ("XADD k * f v", "XADD", "k"),
        ("OBJECT ENCODING k", "OBJECT ENCODING", "k"),
        ("XGROUP CREATE k g 0", "XGROUP CREATE", "k"),
        ("MEMORY USAGE k", "MEMORY USAGE", "k"),
        ("MEMORY DOCTOR x", "MEMORY DOCTOR", None),
        ("BITOP AND dest k", "BITOP", "dest"),
        ("SCRIPT LOAD return", "SCRIPT LOAD", None),
        ("CLIENT SETINFO lib-name redis-py", "CLIENT SETINFO", None),
        ("MULTI", "MULTI", None),
        ("FLUSHALL", "FLUSHALL", None),
        ("KEYS *", "KEYS", None),
        ("GET", "GET", None),
        ("JSON.GET k", "JSON.GET", "k"),
    ],
)
def test_name_and_key(command: str, name: str, key: str | None) -> None:
    words = command.encode().split()
    assert (shape_of(words).name, key_of(words)) == (name, key)


@pytest.mark.parametrize(
    "command",
    [
        *("HELLO 3", "CLIENT SETINFO a b", "PING", "auth x", "SELECT 1", "COMMAND DOCS", "SCRIPT LOAD x"),
        *("info", "INFO REPLICATION", "ROLE", "SENTINEL MASTERS", "CONFIG GET timeout", "ECHO x"),
        *("SUBSCRIBE c", "CLIENT REPLY ON", "FUNCTION LOAD x"),
    ],
)
def test_what_prepares_a_connection_is_a_handshake(command: str) -> None:
    assert shape_of(command.encode().split()).handshake


@pytest.mark.parametrize(
    "command", ["GET k", "SCRIPT FLUSH", "EVALSHA x 1 k", "CONFIG SET x y", "PUBLISH c m", "EXEC"]
)
def test_what_does_work_is_none(command: str) -> None:
    assert not shape_of(command.encode().split()).handshake


def test_replies_cannot_be_matched_after_monitor_and_replication() -> None:
    for command in (b"MONITOR", b"SYNC", b"PSYNC ? -1"):
        assert shape_of(command.split()).unmatchable
    for command in (b"CLIENT ID", b"CLIENT REPLY OFF", b"SUBSCRIBE c"):
        assert not shape_of(command.split()).unmatchable


@pytest.mark.parametrize(
    ("command", "args"),
    [
        ("AUTH user hunter2", ("(redacted)", "(redacted)")),
        ("HELLO 3 AUTH user hunter2 SETNAME x", ("3", "AUTH", "(redacted)", "(redacted)", "SETNAME", "x")),
        ("CONFIG SET maxmemory 1 requirepass hunter2", ("maxmemory", "1", "requirepass", "(redacted)")),
        ("ACL SETUSER joe >hunter2", ("joe", "(redacted)")),
        ("MIGRATE h 1 k 0 9 AUTH hunter2", ("h", "1", "k", "0", "9", "AUTH", "(redacted)")),
        (
            "MIGRATE h 1 k 0 9 AUTH2 joe hunter2",
            ("h", "1", "k", "0", "9", "AUTH2", "(redacted)", "(redacted)"),
        ),
        ("SET auth hunter2", ("auth", "hunter2")),
    ],
)
def test_passwords_are_not_written_down(command: str, args: tuple[str, ...]) -> None:
    assert args_of(command.encode().split()) == args


def test_bytes_that_are_no_text_are_shown() -> None:
    assert args_of([b"SET", "키".encode(), b"\xff\x00"]) == ("키", "\\xff\x00")


@given(
    st.lists(st.binary(max_size=8), min_size=1, max_size=6),
    st.sampled_from(["", "EVAL", "XREAD", "ACL", "HELLO", "MIGRATE"]),
)
def test_no_words_are_too_strange(words: list[bytes], first: str) -> None:
    words = [first.encode(), *words]
    shape_of(words)
    key_of(words)
    args_of(words)
