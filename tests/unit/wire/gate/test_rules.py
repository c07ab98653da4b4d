from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.wire.gate.rules import Action, Direction, Rule, RuleSet, Seen


def rule(**fields: Any) -> Rule:
    return Rule.from_json({"action": "hold", **fields})


def seen(name: str = "GET", key: str | None = "rcaptcha:abstract:1", pod: str = "captcha-api-a") -> Seen:
    return Seen(pod, name, key)


@pytest.mark.parametrize(
    ("fields", "command", "matches"),
    [
        ({}, seen(), True),
        ({"command": "GET"}, seen(), True),
        ({"command": "get"}, seen(), True),
        ({"command": "SET*"}, seen("SETEX"), True),
        ({"command": "SET"}, seen("SETEX"), False),
        ({"key": "rcaptcha:abstract:*"}, seen(), True),
        ({"key": "rcaptcha:imagegrid:*"}, seen(), False),
        ({"key": "*"}, seen("FLUSHALL", None), True),
        ({"key": "?*"}, seen("FLUSHALL", None), False),
        ({"pod": "captcha-api-a"}, seen(), True),
        ({"pod": "A"}, seen(), True),
        ({"pod": "b"}, seen(), False),
        ({"command": "GET", "key": "*:1", "pod": "a"}, seen(), True),
        ({}, Seen("captcha-api-a", "PING", None, quiet=True), False),
        ({"command": "*"}, Seen("captcha-api-a", "PING", None, quiet=True), False),
        ({"command": "PING"}, Seen("captcha-api-a", "PING", None, quiet=True), True),
        ({"command": "SCRIPT"}, Seen("captcha-api-a", "SCRIPT LOAD", None, quiet=True), True),
        ({"command": "SCRIPT LOAD"}, Seen("captcha-api-a", "SCRIPT LOAD", None, quiet=True), True),
    ],
)
def test_filters(fields: dict[str, Any], command: Seen, matches: bool) -> None:
    assert (RuleSet([rule(**fields)]).plan(command).request is not None) is matches


@pytest.mark.parametrize(
    ("fields", "applied"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"nth": 2}, [2]),
        ({"times": 2}, [1, 2]),
        ({"nth": 3, "times": 2}, [3, 4]),
        ({"nth": 9}, []),
    ],
)
def test_nth_and_times_count_matching_commands(fields: dict[str, int], applied: list[int]) -> None:
    rules = RuleSet([rule(command="GET", **fields)])
    due = []
    for number in range(1, 6):
        assert rules.plan(seen("SET")).request is None
        if rules.plan(seen()).request is not None:
            due.append(number)
    assert due == applied
    [armed] = rules.armed
    assert (armed.matched, armed.applied) == (5, len(applied))


def test_the_first_due_rule_of_each_direction_decides_and_all_count() -> None:
    rules = RuleSet(
        [
            rule(id="second", nth=2),
            rule(id="all"),
            rule(id="reply", direction="reply"),
            rule(id="never", direction="reply"),
        ]
    )
    plans = [rules.plan(seen()) for _ in range(3)]
    assert [plan.request.rule.id for plan in plans if plan.request] == ["all", "second", "all"]
    assert [plan.reply.rule.id for plan in plans if plan.reply] == ["reply"] * 3
    assert {armed.rule.id: (armed.matched, armed.applied) for armed in rules.armed} == {
        "second": (3, 1),
        "all": (3, 2),
        "reply": (3, 3),
        "never": (3, 0),
    }


def test_queued_commands_are_met_at_their_exec_but_errors_meet_them_at_once() -> None:
    hold, error = rule(command="SETEX"), Rule.from_json({"action": "error", "command": "SETEX"})
    queued = seen("SETEX")
    exec_ = Seen("captcha-api-a", "EXEC", queued.key)
    holding, failing = RuleSet([hold]), RuleSet([error])
    assert holding.plan_queued(queued).request is None
    assert holding.plan_exec(exec_, [seen("TTL"), queued]).request is not None
    assert holding.plan_exec(exec_, [seen("TTL")]).request is None
    assert failing.plan_queued(queued).request is not None
    assert failing.plan_exec(exec_, [queued]).request is None
    assert RuleSet([rule(command="EXEC")]).plan_exec(exec_, [queued]).request is not None


def test_the_same_rule_twice_is_one_rule_and_begins_to_count_anew() -> None:
    rules = RuleSet()
    first = rules.add(rule(command="GET", nth=2))
    rules.add(rule(command="SET"))
    rules.plan(seen())
    again = rules.add(rule(command="get", nth=2))
    assert [armed.rule.command for armed in rules.armed] == ["GET", "SET"]
    assert not first.in_force
    assert (again.in_force, again.matched) == (True, 0)


def test_populate_and_remove() -> None:
    rules = RuleSet([rule(id="x")])
    [old] = rules.armed
    rules.populate([rule(id="y"), rule(id="x")])
    assert not old.in_force
    assert [armed.rule.id for armed in rules.armed] == ["y", "x"]
    assert rules.remove("y")
    assert not rules.remove("y")
    rules.populate([])
    assert not rules


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({}, "rule.action is None"),
        ({"action": "explode"}, "rule.action is 'explode'"),
        ({"action": "hold", "acton": 1}, "rule.acton is not a field"),
        ({"action": "hold", "direction": "up"}, "rule.direction is 'up'"),
        ({"action": "drop-reply", "direction": "request"}, "rule.direction is request"),
        ({"action": "delay"}, "rule.seconds is missing"),
        ({"action": "delay", "seconds": -1}, "rule.seconds is -1"),
        ({"action": "delay", "seconds": 1e9}, "rule.seconds is"),
        ({"action": "delay", "seconds": "1"}, "rule.seconds is '1'"),
        ({"action": "hold", "nth": 0}, "rule.nth is 0"),
        ({"action": "hold", "nth": True}, "rule.nth is True"),
        ({"action": "hold", "times": 1.5}, "rule.times is 1.5"),
        ({"action": "hold", "command": 1}, "rule.command is 1"),
        ({"action": "hold", "command": ""}, "rule.command is empty"),
        ({"action": "hold", "key": ""}, "rule.key is empty"),
        ({"action": "hold", "pod": ""}, "rule.pod is empty"),
        ({"action": "error", "text": "\udcff"}, "rule.text is "),
        ({"action": "hold", "id": "\ud800"}, "rule.id is "),
        ({"action": "delay", "seconds": float("inf")}, "rule.seconds is inf"),
        ({"action": "delay", "seconds": float("nan")}, "rule.seconds is nan"),
        ({"action": "error", "text": "a\r\nb"}, "rule.text is more than one line"),
    ],
)
def test_a_wrong_rule_is_refused_by_the_name_of_its_field(data: dict[str, Any], complaint: str) -> None:
    with pytest.raises(UsageProblem, match="^" + complaint.replace("[", r"\[")):
        Rule.from_json(data)


def test_json_reads_back() -> None:
    for data in (
        {"action": "hold", "direction": "reply", "pod": "a", "command": "get", "key": "k*", "nth": 2},
        {"action": "delay", "seconds": 1},
        {"action": "error", "text": "-OOM no"},
        {"action": "drop-reply"},
    ):
        read = Rule.from_json(data)
        assert Rule.from_json(read.to_json()) == read
    assert Rule.from_json({"action": "error", "text": "-OOM no"}).text == "OOM no"
    assert Rule.from_json({"action": "drop-reply"}).direction is Direction.REPLY
    assert Rule(Action.HOLD).completed().id
