"""Numbers of entries and lines: the first ones, and how many."""

from __future__ import annotations

import random

from devenv.verbs.recordings.formats.recorded import Numbers, numbered


def test_numbers_in_any_order_are_those_of_a_list() -> None:
    for count in (1, 2, 8, 9, 300):
        numbers, kept = random.Random(count).sample(range(1, 1000), count), Numbers()
        for number in numbers:
            kept.add(number)
        assert len(kept) == count
        assert numbered("line", kept) == numbered("line", numbers)
    assert numbered("entry", [3]) == "entry 3"
    assert numbered("entry", range(1, 11)) == "entries 1, 2, 3, 4, 5, 6, 7, 8 and 2 more"
