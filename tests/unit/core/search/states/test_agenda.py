"""Whose turn it is."""

from __future__ import annotations

from typing import NamedTuple

import pytest

from devenv.core.search.states.agenda import Agenda


class Work(NamedTuple):
    name: str
    rank: int


def test_the_lowest_rank_goes_first_and_of_one_rank_the_first_that_came() -> None:
    agenda: Agenda[Work] = Agenda()
    for work in (Work("c", 2), Work("a", 1), Work("d", 2), Work("b", 1), Work("a", 1)):
        agenda.add(work)
    assert agenda.take().name == "a"
    agenda.add(Work("z", -1))
    assert [agenda.take().name for _ in range(4)] == ["z", "b", "c", "d"]
    assert not agenda
    with pytest.raises(ValueError, match="empty"):
        agenda.take()
