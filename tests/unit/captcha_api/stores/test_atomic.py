"""How long after its start a broken command is sent again; what the store says to Redis is in integration."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import redis

from devenv.captcha_api.errors import StoreUnavailable
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.atomic import AtomicStore


class BreakingClient:
    """The first command breaks after ``seconds`` of the made-up clock; the next one is answered."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.time = 0.0
        self.commands = 0

    def ping(self) -> bool:
        self.commands += 1
        if self.commands > 1:
            return True
        self.time += self.seconds
        raise redis.ConnectionError("Connection closed by server.")


@pytest.mark.parametrize(
    ("timeout_ms", "seconds", "commands"),
    [(2000, 0.19, 2), (2000, 0.21, 1), (400, 0.19, 2), (10_000, 0.9, 2), (10_000, 1.1, 1)],
)
def test_a_connection_that_broke_soon_is_tried_once_more(
    monkeypatch: pytest.MonkeyPatch, timeout_ms: int, seconds: float, commands: int
) -> None:
    client = BreakingClient(seconds)
    monkeypatch.setattr(AtomicStore, "_client", client)
    clock = SimpleNamespace(monotonic=lambda: client.time)
    monkeypatch.setattr("devenv.captcha_api.stores.atomic.time", clock)
    store = AtomicStore(
        Settings(use_redis=True, redis_host="127.0.0.1", redis_port=1, redis_timeout_ms=timeout_ms), Metrics()
    )
    if commands == 1:
        with pytest.raises(StoreUnavailable):
            store.check_ready()
    else:
        store.check_ready()
    assert client.commands == commands
