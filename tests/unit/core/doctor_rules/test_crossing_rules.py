"""Sessions that one pod opened and another was asked for: what is said, and what is left unsaid."""

from __future__ import annotations

from dataclasses import replace

from devenv.core.doctor_rules.crossing_rules import crossings
from devenv.core.doctor_rules.facts import Crossing, Facts, Refusal, TraceCause

KNOWN = (Crossing("basket", "a", "b", "known"), Crossing("basket", "b", "a", "known"))
LOST = (Crossing("basket", "a", "b", "not found", lost=True), Crossing("basket", "a", "a", "known"))
UNCLEAR = (Crossing("basket", "a", "b", "HTTP 500: {'detail': 'x'}", unclear=True),)
MEMORY = TraceCause("pod-memory", "a, b", "the session is in memory", ("create", "verify"), "use Redis")
HANGS = TraceCause("redis-hangs", "a", "one call took 2 s", ("redis",), "a time-out")


def test_without_crossings_nothing_is_said() -> None:
    assert crossings(Facts(()), ()) == []


def test_known_sessions_are_a_check_without_advice() -> None:
    (check,) = crossings(Facts((), crossings=KNOWN), ())
    assert (check.state, check.text) == (
        "ok",
        "2 of 2 sessions were known to the pod that had not opened them",
    )


def test_a_lost_session_has_explain_s_cause_and_evidence() -> None:
    (check,) = crossings(Facts((), crossings=LOST, trace_causes=(MEMORY,)), ())
    (advice,) = check.findings
    assert (advice.kind, advice.cause, advice.change.text) == ("lost-across-pods", "pod-memory", "use Redis")
    assert advice.evidence == (
        "basket: opened on a, used on b: not found", "the session is in memory", "create", "verify",
    )  # fmt: skip


def test_a_cause_that_was_named_before_is_not_named_again() -> None:
    (check,) = crossings(Facts((), crossings=LOST, trace_causes=(MEMORY,)), {"wrong-port"})
    assert (check.findings, check.state) == ((), "unknown")
    assert "named above" in check.text
    (check,) = crossings(Facts((), crossings=LOST, trace_causes=(MEMORY,)), {"flushed"})
    assert [advice.cause for advice in check.findings] == ["pod-memory"]


def test_a_lost_session_without_a_cause_is_not_explained_by_a_guess() -> None:
    (check,) = crossings(Facts((), crossings=LOST), ())
    assert [advice.cause for advice in check.findings] == ["unexplained"]


def test_past_the_gate_explain_saw_nothing_and_its_cause_is_no_cause() -> None:
    (check,) = crossings(Facts((), crossings=LOST, trace_causes=(MEMORY,), past_gate=("a", "b")), ())
    (advice,) = check.findings
    assert advice.cause == "unexplained"
    assert "not behind the gate" in advice.change.text


def test_an_answer_that_does_not_tell_leaves_the_question_open() -> None:
    (check,) = crossings(Facts((), crossings=UNCLEAR), ())
    assert (check.state, check.blocks) == ("unknown", True)
    assert "HTTP 500" in check.text


def test_a_cause_without_a_lost_session_is_told_too() -> None:
    (check,) = crossings(Facts((), crossings=KNOWN, trace_causes=(HANGS,)), ())
    (advice,) = check.findings
    assert (advice.kind, advice.cause, advice.sentence) == (
        "seen-in-trace",
        "redis-hangs",
        "one call took 2 s",
    )


def test_each_cause_is_told_once() -> None:
    causes = (MEMORY, replace(MEMORY, sentence="again"), HANGS)
    (check,) = crossings(Facts((), crossings=LOST, trace_causes=causes), ())
    assert [advice.cause for advice in check.findings] == ["pod-memory", "redis-hangs"]


def test_what_redis_refused_names_the_cause_also_where_no_session_was_lost_by_chance() -> None:
    moved = TraceCause("cluster-plain-client", "a", "a plain client", ("redis",), "a cluster client")
    refused = (Refusal("a", "SETEX", "MOVED 5 127.0.0.1:7001"),)
    (check,) = crossings(Facts((), crossings=KNOWN, trace_causes=(moved,), refused=refused), ())
    assert [(advice.kind, advice.cause) for advice in check.findings] == [
        ("plain-client-on-cluster", "cluster-plain-client")
    ]
    (check,) = crossings(Facts((), crossings=KNOWN, trace_causes=(HANGS,), refused=refused), ())
    assert [(advice.kind, advice.cause) for advice in check.findings] == [("seen-in-trace", "redis-hangs")]


def test_what_redis_refused_leaves_the_question_open_where_no_session_was_tried() -> None:
    refused = (Refusal("a", "CLUSTER SLOTS", "ERR This instance has cluster support disabled"),)
    skipped = Facts((), (), crossings_skipped="not tried: it would open sessions")
    (quiet,) = crossings(skipped, [])
    (check,) = crossings(replace(skipped, refused=refused), [])
    assert (quiet.state, quiet.blocks) == ("unknown", False)
    assert (check.state, check.blocks, check.findings) == ("unknown", True, ())
    assert check.text.startswith("Redis answered CLUSTER SLOTS of a with ERR This instance")
