from __future__ import annotations

import pytest

from devenv.core.model.switch import USUAL, Switch

BACKEND = Switch.of({"SESSION_BACKEND": "redis"}, {"SESSION_BACKEND": "memory"})


@pytest.mark.parametrize(
    ("switch", "words"),
    [
        (BACKEND, "SESSION_BACKEND=redis, not SESSION_BACKEND=memory: SESSION_BACKEND"),
        (Switch.of({"REDIS": "{redis_url}"}, {}), "REDIS={redis_url}, not no REDIS: REDIS"),
        (Switch.of({}, {"IN_MEMORY": "1"}), "no IN_MEMORY, not IN_MEMORY=1: IN_MEMORY"),
        (Switch.of({"A": "1", "B": "2"}, {"A": "0"}), "A=1 B=2, not A=0: A and B"),
        (Switch.of({}, {}), "sessions in Redis, not nothing in Redis: settings"),
        (USUAL, "USE_REDIS=true, not USE_REDIS=false: USE_REDIS"),
    ],
)
def test_a_text_about_use_redis_in_words_of_another_switch(switch: Switch, words: str) -> None:
    assert switch.renamed("USE_REDIS=true, not USE_REDIS=false: USE_REDIS") == words


def test_longer_names_and_other_values_stay() -> None:
    assert BACKEND.renamed("USE_REDIS_CLUSTER=true") == "USE_REDIS_CLUSTER=true"
    assert USUAL.usual
    assert not BACKEND.usual
    assert Switch.of({"USE_REDIS": "true"}, {"USE_REDIS": "false"}) == USUAL
