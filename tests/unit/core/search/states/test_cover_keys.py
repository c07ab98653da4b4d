"""Covers in the order in which a search takes them."""

from __future__ import annotations

from devenv.core.search.states.cover_keys import Early, Late
from devenv.core.search.states.origins import BEGIN


def test_covers_in_which_more_processes_have_not_changed_the_store_go_first() -> None:
    begin = Early(0, ((BEGIN, BEGIN, BEGIN), (BEGIN,)))
    one_changed = Early(3, ((BEGIN, BEGIN, 1), (BEGIN,)))
    late = Late(5, fresh=1, ended=False, events=((BEGIN,),))
    later = Late(5, fresh=1, ended=True, events=((2,),))
    last = Late(9, fresh=0, ended=True, events=((2,),))
    covers: list[Early | Late] = [last, late, begin, later, one_changed]
    assert sorted(covers, key=lambda cover: cover.rank) == [begin, one_changed, late, later, last]
