"""Which crossings are tried."""

from __future__ import annotations

from devenv.harness.client.cross_pod_check import turns


def test_every_kind_on_every_pair() -> None:
    assert turns(["k", "l"], ["a", "b"]) == [
        (kind, *pair) for kind in "kl" for pair in (("a", "b"), ("a", "a"), ("b", "a"), ("b", "b"))
    ]


def test_a_pod_whose_redis_refuses_connections_is_tried_less_often() -> None:
    """Each of its requests lasts as long as its client's retries, and why is known."""
    assert turns(["k", "l"], ["a", "b"], {"a", "b"}) == [("k", "a", "b"), ("k", "b", "a")]
    assert turns(["k", "l"], ["a", "b"], {"b"}) == [
        ("k", "a", "b"), ("k", "a", "a"), ("k", "b", "a"), ("l", "a", "a"),
    ]  # fmt: skip
