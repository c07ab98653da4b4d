from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.core.model.errors import UsageProblem
from devenv.core.model.schedule import EVENTS, Event, Release, Schedule

names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,5}", fullmatch=True)
steps = st.one_of(
    st.builds(Release, names, st.sampled_from(["GET", "TTL", "EXEC", "EVALSHA", "DEL"]), st.booleans()),
    st.builds(Event, st.sampled_from(EVENTS), names),
)


@given(st.lists(steps, max_size=20))
def test_the_text_form_reads_back(order: list[Release | Event]) -> None:
    schedule = Schedule(tuple(order))
    assert Schedule.parse(str(schedule)) == schedule
    assert "\n" not in str(schedule)


def test_the_text_form_is_stable() -> None:
    text = "v1 V1:GET V2:GET V2:EXEC!lost @expire:s1 V1:TTL"
    schedule = Schedule.parse(text)
    assert schedule.steps == (
        Release("V1", "GET"),
        Release("V2", "GET"),
        Release("V2", "EXEC", lost=True),
        Event("expire", "s1"),
        Release("V1", "TTL"),
    )
    assert str(schedule) == text
    assert schedule.switches == 2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "version"),
        ("v2 V1:GET", "'v2'"),
        ("v1 V1:GET V1get", "step 2"),
        ("v1 @explode:s1", "'@explode:s1'"),
    ],
)
def test_errors_name_the_step(text: str, named: str) -> None:
    with pytest.raises(UsageProblem, match=named):
        Schedule.parse(text)
