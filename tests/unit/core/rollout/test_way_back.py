"""When going back must wait."""

from __future__ import annotations

from devenv.core.rollout.stages import rollout_stage
from devenv.core.rollout.way_back import must_wait

OFF, READY, BIRTHS = (rollout_stage("births", name) for name in ("off", "ready", "births"))


def test_nothing_is_waited_for_where_every_open_session_is_found() -> None:
    assert not must_wait([BIRTHS], [BIRTHS], [READY])


def test_sessions_that_the_target_cannot_find_must_expire_first() -> None:
    assert must_wait([BIRTHS, READY], [READY], [OFF])


def test_sessions_that_are_still_born_do_not_end_by_waiting() -> None:
    flag_off, flag_on = rollout_stage("flag", "off"), rollout_stage("flag", "on")
    assert not must_wait([flag_on], [flag_on], [flag_off])
