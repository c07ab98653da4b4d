"""What is kept of a violation: its order, and a scenario that says what was seen."""

from __future__ import annotations

import json

import yaml

from devenv.core.model.ids import SessionKey
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.vocabulary import Strategy
from devenv.core.search.behaviour import Answered
from devenv.core.search.expression import parse_meeting
from devenv.core.search.outcome import AT_NO_COST, Outcome, OutcomeViolation
from devenv.verbs.explore.confirm import Candidate, scenario_text, unconfirmed
from devenv.verbs.explore.fixture import Fixture
from devenv.wire.executor.jobs import Scheduled


def test_an_order_that_was_not_run_is_shown_all_the_same() -> None:
    cast = next(cast for cast in parse_meeting("R+W+L+X").cast(pods=2) if cast[2].target == 1)
    assert [item.name for item in cast] == ["V1", "V2", "lost:V2", "@expire:s1"]
    labels = ("GET", "GET", "lost:V2", "EXEC", "@expire:s1", "EXEC")
    result = unconfirmed(
        Candidate(OutcomeViolation("no-ttl", "it stays"), cast, (0, 1, 2, 1, 3, 0), 7, labels), "interrupted"
    )
    assert result.schedule == "v1 V1:GET V2:GET V2:EXEC!lost @expire:s1 V1:EXEC"
    assert result.lines == [
        ("V1", "GET"), ("V2", "GET EXEC=lost"), ("·", "@expire:s1"), ("V1", "EXEC"),
    ]  # fmt: skip
    assert (result.confirmed, result.replays, result.why) == (False, 0, "interrupted")


def test_where_no_model_told_the_steps_there_is_no_order() -> None:
    cast = parse_meeting("R").cast(pods=1)[0]
    result = unconfirmed(Candidate(OutcomeViolation("no-ttl", "it stays"), cast, (0, 0), 1), "interrupted")
    assert (result.schedule, result.steps) == ("", ())


def test_the_scenario_expects_what_replay_will_read() -> None:
    """A wrong answer at no cost is a wrong one there too, not an error."""
    cast = parse_meeting("W+R").cast(pods=2)[0]
    answers = (
        Answered(200, json.dumps({"success": False, "message": AT_NO_COST})),
        Answered(200, json.dumps({"success": True})),
    )
    result = unconfirmed(Candidate(OutcomeViolation("resurrected-key", "back"), cast, (), None), "")
    fixture = Fixture("any", SessionKey("k"), b"\xff", {}, 1000, ("a", "b"), profile=CAPTCHA)
    outcome = Outcome(answers, (), 60_000, "{}")
    scenario = yaml.safe_load(scenario_text(result, cast, outcome, Strategy.GUIDE, fixture))
    assert scenario["steps"][1]["expect"]["guide"]["requests"] == {
        "V1": {"outcome": "wrong"},
        "V2": {"outcome": "success"},
    }


def test_a_job_keeps_every_byte_of_a_session() -> None:
    job = Scheduled(SessionKey("k"), bytes(range(256)), 1000, (), ())
    assert Scheduled.from_json(json.loads(json.dumps(job.to_json()))) == job
