"""Where the sessions of a login are, as the counts of commands tell."""

from __future__ import annotations

import pytest

from devenv.verbs.init.redis_use import RedisUse, use_by_commands


@pytest.mark.parametrize(
    ("with_redis", "without", "use"),
    [
        (4, 0, RedisUse.SWITCHED),
        (4, 4, RedisUse.ALWAYS),
        (4, None, RedisUse.UNKNOWN),
        (0, 0, RedisUse.UNKNOWN),
        (None, 0, RedisUse.UNKNOWN),
    ],
)
def test_only_commands_that_use_redis_false_stops_are_a_switch(
    with_redis: int | None, without: int | None, use: RedisUse
) -> None:
    assert use_by_commands(with_redis, without) is use
