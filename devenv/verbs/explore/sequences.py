"""What a user-provided service leaves of a session's key when its requests come one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, permutations

from devenv.core.search.expression import Participant
from devenv.core.search.outcome import Remains, Usual, remains
from devenv.verbs.explore.confirm import job_of
from devenv.verbs.explore.executor_client import Remote
from devenv.verbs.explore.fixture import Fixture

MOST_SEQUENCES = 24
"""This many are tried: all of four different requests."""


async def left_by_sequences(fixture: Fixture, cast: Sequence[Participant], remote: Remote) -> Usual:
    """What is left of the key after the cast's requests in each sequence, where the key is still there.

    Each sequence runs twice on real pods. Where the two texts differ in more than times of the clock (a nonce
    is in them), any text counts as usual.
    """
    requests = [item for item in cast if item.answer is not None]
    by_letters = {
        tuple(item.letter for item in order): order for order in islice(permutations(requests), 720)
    }
    orders = [*by_letters.values()][:MOST_SEQUENCES]
    usual: set[Remains] = set()
    for order in orders:
        # Without a prefix a job lets the first request come to its end, then the next. Jobs of two orders at
        # once would wait for each other where a pod serves one request at a time: each has the other's pod.
        first, second = await remote.scheduled([job_of(fixture, order, ())] * 2)
        left, document = remains(first.outcome)
        if left is not None:
            usual.add((left, document if (left, document) == remains(second.outcome) else None))
    return Usual(frozenset(usual), len(requests))
