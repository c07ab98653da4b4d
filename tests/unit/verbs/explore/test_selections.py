"""Parts of a cast."""

from __future__ import annotations

from devenv.core.search.expression import parse_meeting
from devenv.verbs.explore.selections import chosen, selections


def test_equal_requests_are_chosen_once_and_small_parts_come_first() -> None:
    [cast] = parse_meeting("2 R+W+X").cast()
    letters = ["".join(item.letter for item in part) for part in selections(cast)]
    assert letters == ["R", "W", "RR", "RW", "RX", "WX", "RRW", "RRX", "RWX", "RRWX"]


def test_a_part_says_where_its_participants_stand_and_names_them_anew() -> None:
    [cast] = parse_meeting("R+W+E").cast()
    [last] = [
        item for item in chosen(cast) if [cast[position].letter for position in item.positions] == ["W", "E"]
    ]
    assert last.positions == (1, 2)
    assert [participant.name for participant in last.part] == ["V1", "V2"]


def test_a_lost_reply_needs_its_request() -> None:
    casts = parse_meeting("R+W+L").cast()
    parts = [part for cast in casts for part in selections(cast) if part[-1].letter == "L"]
    assert all(part[-1].target is not None and part[part[-1].target].answer is not None for part in parts)
