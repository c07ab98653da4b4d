"""Why Redis cannot be used, in words: settings are blamed only where they can be to blame."""

from __future__ import annotations

import pytest
from redis.exceptions import AskError, MovedError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.reasons import reason, refusal

CLOSED = RedisConnectionError("Connection closed by server.")


@pytest.mark.parametrize(
    ("spoke", "sentence"),
    [
        (
            False,
            "Redis ended the connection: REDIS_SSL=false, does it want TLS? (Connection closed by server)",
        ),
        (True, "Redis ended the connection (Connection closed by server)"),
    ],
)
def test_a_redis_that_has_answered_before_does_not_want_tls(spoke: bool, sentence: str) -> None:
    assert reason(CLOSED, Settings(redis_ssl=False), spoke=spoke) == sentence


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (MovedError("1 127.0.0.1:7001"), "this client is for one server (MOVED 1 127.0.0.1:7001)"),
        (AskError("1 127.0.0.1:7001"), "this client is for one server (ASK 1 127.0.0.1:7001)"),
        (ResponseError("OOM command not allowed"), "OOM command not allowed"),
    ],
)
def test_a_refusal_names_the_word_that_redis_py_takes_away(error: ResponseError, sentence: str) -> None:
    assert refusal(error).endswith(sentence)
