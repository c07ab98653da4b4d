"""A request that tries a lock in vain waits until its key changes; one that reads a key twice does not."""

from __future__ import annotations

import pytest

from devenv.wire.executor.spins import PATIENCE, Tries

Words = tuple[bytes, ...]
LOCK: Words = (b"SET", b"s:1_LOCK", b"me", b"NX", b"PX", b"30000")
GET: Words = (b"GET", b"s:1")
ACQUIRE: Words = (b"EVALSHA", b"aa", b"1", b"s:1_LOCK", b"me")


@pytest.mark.parametrize(
    ("words", "reply"), [(LOCK, "(nil)"), ((b"SETNX", b"s:1_LOCK", b"me"), "0"), (ACQUIRE, "0")]
)
def test_a_lock_that_is_refused_and_tried_again_waits(words: Words, reply: str) -> None:
    tries = Tries()
    tries.ran([words], reply, [words])
    assert tries.blocked
    assert tries.key == "s:1_LOCK"
    tries.changed({"s:1"})
    assert tries.blocked
    tries.changed({"s:1_LOCK"})
    assert not tries.blocked


def test_a_new_word_for_the_owner_is_the_same_lock() -> None:
    tries = Tries()
    tries.ran([LOCK], "(nil)", [(*LOCK[:2], b"other", *LOCK[3:])])
    assert tries.blocked


def test_a_lock_that_was_given_or_given_up_does_not_wait() -> None:
    tries = Tries()
    tries.ran([LOCK], "OK", [LOCK])
    assert not tries.blocked
    tries.ran([LOCK], "(nil)", [GET])
    assert not tries.blocked
    tries.ran([LOCK], "(nil)", None)
    assert not tries.blocked


def test_a_key_that_is_read_twice_is_no_wait_and_one_that_is_asked_again_and_again_is() -> None:
    tries = Tries()
    for again in range(1, PATIENCE):
        tries.ran([GET], "x", [GET])
        assert not tries.blocked, again
    tries.ran([GET], "x", [GET])
    assert tries.blocked
    tries.changed({"s:1"})
    tries.ran([GET], "y", [GET])
    assert not tries.blocked
