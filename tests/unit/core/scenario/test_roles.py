"""What a Redis command is to a session."""

from __future__ import annotations

import pytest

from devenv.core.scenario.roles import Role, roles_of

R, W, D = Role.READ, Role.WRITE, Role.DELETE


@pytest.mark.parametrize(
    ("name", "roles"),
    [
        ("GET", {R}),
        ("HGETALL", {R}),
        ("JSON.GET", {R}),
        ("SET", {W}),
        ("SETEX", {W}),
        ("HSET", {W}),
        ("APPEND", {W}),
        ("INCR", {R, W}),
        ("GETDEL", {R, D}),
        ("DEL", {D}),
        ("UNLINK", {D}),
        ("TTL", set()),
        ("EXISTS", set()),
        ("EXPIRE", set()),
        ("WATCH", set()),
        ("EVALSHA", {R, W, D}),
        ("EVALSHA_RO", {R}),
        ("OBJECT ENCODING", set()),
    ],
)
def test_one_command(name: str, roles: set[Role]) -> None:
    assert roles_of([(name, ["s:1"])], {"s:1"}) == roles
    assert roles_of([(name, ["s:1"])], ()) == roles
    assert roles_of([(name, ["lock:s:1"])], {"s:1"}) == set()


def test_a_transaction_has_the_roles_of_all_that_it_runs() -> None:
    runs = [("SET", ["s:1"]), ("DEL", ["s:1"]), ("GET", ["other"])]
    assert roles_of(runs, {"s:1"}) == {W, D}
