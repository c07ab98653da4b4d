"""The smallest change that reaches a target is one field before two, and none is said where none is."""

from __future__ import annotations

from devenv.verbs.simulate.target import candidates, smallest_change


def test_stickiness_is_smaller_than_a_migration() -> None:
    change, tried = smallest_change({"pods": "3", "policy": "random"}, 0.001, seed=1)
    assert change is not None
    assert change.fields == (("policy", "cookie-sticky"),)
    assert change.prediction.share.high <= 0.001
    assert tried[-1] is change


def test_what_stickiness_does_not_mend_needs_another_change() -> None:
    rolling = {"pods": "3", "policy": "cookie-sticky", "rolling": "start=60s,step=10s,down=2s"}
    change, tried = smallest_change(rolling, 0.01, seed=1)
    assert change is not None
    assert change.fields == (("redis-pods", "all"),)
    assert all(not each.reaches(0.01) for each in tried[:-1])


def test_two_fields_where_one_is_not_enough() -> None:
    both = {"pods": "3", "policy": "random", "ttl": "10s"}
    change, _ = smallest_change(both, 0.05, seed=1)
    assert change is not None
    assert dict(change.fields) == {"policy": "cookie-sticky", "ttl": "50s"}


def test_none_where_nothing_helps() -> None:
    change, tried = smallest_change({"pods": "2", "think": "fixed:10000s"}, 0.001, seed=1)
    assert change is None
    assert len(tried) > 10


def test_only_changes_that_change_something_are_tried() -> None:
    on_redis = candidates({"pods": "2", "redis-pods": "all", "policy": "cookie-sticky"})
    assert ("redis-pods", "all") not in on_redis
    assert ("policy", "cookie-sticky") not in on_redis
    assert ("rule", "mark") in candidates({"pods": "2", "redis-pods": "1"})
