"""Violations that were not run on real pods are shown in the order that the model gave them."""

from __future__ import annotations

from devenv.core.search.expression import parse_meeting
from devenv.core.search.outcome import OutcomeViolation
from devenv.verbs.explore.confirm import Candidate, unconfirmed


def test_an_order_that_was_not_run_is_shown_all_the_same() -> None:
    cast = next(cast for cast in parse_meeting("R+W+L+X").cast(pods=2) if cast[2].target == 1)
    assert [item.name for item in cast] == ["V1", "V2", "lost:V2", "@expire:s1"]
    labels = ("GET", "GET", "lost:V2", "EXEC", "@expire:s1", "EXEC")
    found = unconfirmed(
        Candidate(OutcomeViolation("no-ttl", "it stays"), cast, (0, 1, 2, 1, 3, 0), 7, labels), "interrupted"
    )
    assert found.schedule == "v1 V1:GET V2:GET V2:EXEC!lost @expire:s1 V1:EXEC"
    assert found.lines == [
        ("V1", "GET"), ("V2", "GET EXEC=lost"), ("·", "@expire:s1"), ("V1", "EXEC"),
    ]  # fmt: skip
    assert (found.confirmed, found.replays, found.why) == (False, 0, "interrupted")


def test_where_no_model_told_the_steps_there_is_no_order() -> None:
    cast = parse_meeting("R").cast(pods=1)[0]
    found = unconfirmed(Candidate(OutcomeViolation("no-ttl", "it stays"), cast, (0, 0), 1), "interrupted")
    assert (found.schedule, found.steps) == ("", ())
