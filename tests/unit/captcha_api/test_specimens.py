"""What the teaching stores make of Redis' refusals."""

from __future__ import annotations

import pytest
from redis.exceptions import MovedError

from devenv.captcha_api.errors import StoreUnavailable
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.incr import IncrStore
from devenv.core.model.vocabulary import CaptchaType


def test_on_a_cluster_they_say_that_they_have_no_client_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    store = IncrStore(Settings(use_redis=True, redis_host="127.0.0.1", redis_port=1), Metrics())

    def moved(*_: object, **__: object) -> None:
        raise MovedError("10057 127.0.0.1:59485")

    monkeypatch.setattr(store._client, "set", moved)
    with pytest.raises(StoreUnavailable, match="Redis is a cluster, and this client is for one server"):
        store.create(CaptchaType.ABSTRACT, "c1d0" * 8, {})
