"""Which Redis client sent a command, and what is said of its defaults."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.diagnosis.clients import RedisClient, client_of, client_sentence, clients_of
from devenv.core.model.events import RedisCommand

A, B = "captcha-api-a", "captcha-api-b"


def word(pod: str, connection: int, *args: str) -> RedisCommand:
    return RedisCommand(1, pod, connection, "CLIENT SETINFO", args, None, "OK", 1.0, 1.0)


WORDS = [
    word(A, 1, "LIB-VER", "5.12.1"),
    word(A, 1, "lib-name", "node-redis"),
    word(B, 2, "LIB-NAME", "redis-py"),
    word(B, 2, "LIB-VER", "8.1.0"),
    word(B, 3, "LIB-NAME", "GlideJS"),
    word(B, 3, "LIB-VER", "unknown"),
]


def test_a_client_is_known_by_its_connection_or_as_the_only_one_of_its_pod() -> None:
    clients = clients_of(WORDS)
    assert client_of(word(A, 9), clients) == RedisClient("node-redis", "5.12.1")
    assert client_of(word(B, 3), clients) == RedisClient("GlideJS", None)
    assert client_of(word(B, 9), clients) is None
    assert client_of(word("captcha-api-c", 1), clients) is None


def test_a_client_that_sends_nothing_on_connecting_is_known_by_the_keys_that_it_chooses() -> None:
    read = RedisCommand(1, A, 9, "GET", (), "PHPREDIS_SESSION:abc", "(nil)", 1.0, 1.0)
    assert client_sentence([client_of(read, {})]) == " (phpredis's session handler)"
    assert client_of(read, clients_of([word(A, 9, "LIB-NAME", "relay")])) == RedisClient("relay", None)
    assert client_of(replace(read, key="app:PHPREDIS_SESSION:abc"), {}) is None


@pytest.mark.parametrize(
    ("name", "version", "part"),
    [
        (
            "node-redis",
            "6.3.1",
            "waits for ever, and so does every later command; a cut connection is an error",
        ),
        ("ioredis", "5.11.1", "it sends the command again, without end"),
        ("redis-py", "5.0.8", "waits for ever; a cut connection is an error"),
        ("redis-py", "7.4.1", "waits for ever; after a cut connection it sends the command again"),
        ("redis-py", "8.1.0", "sends the command again after 5 s"),
    ],
)
def test_the_defaults_are_those_that_were_measured(name: str, version: str, part: str) -> None:
    client = RedisClient(name, version)
    assert part in client_sentence([None, client])
    assert client_sentence([client]).startswith(f" ({name} {version}: ")


def test_what_was_not_measured_is_not_said() -> None:
    assert client_sentence([RedisClient("redis-py", None)]) == " (redis-py)"
    assert client_sentence([RedisClient("redis-py", "4.6.0")]) == " (redis-py 4.6.0)"
    assert client_sentence([RedisClient("lettuce", "7.0")]) == " (lettuce 7.0)"
    assert client_sentence([]) == ""
