"""Orders of requests' Redis commands: rules, events and losses between them, exact schedules."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.schedule import Event, Release, Schedule
from devenv.core.scenario.ordering import (
    Order,
    OrderNotMet,
    events_of,
    expects,
    parse_order,
    requests_of,
    started_late,
)
from devenv.core.scenario.roles import roles_of

GUIDE = ("GET", "GET", "TTL", "EXEC", "DEL")
RUNS = {"EXEC": ("SET", "EXPIRE")}
"""What a transaction of the programs runs."""


def run(order: Order, **programs: tuple[str, ...]) -> str:
    """Run requests that send these commands in this order; gives the schedule.

    ``X:lock`` is a command X on another key than the session's.
    """
    left = {name: list(commands) for name, commands in programs.items()}
    taken: list[Release | Event] = []
    while True:
        heads = {name: commands[0].partition(":") for name, commands in left.items() if commands}
        pending = {name: command for name, (command, _, _) in heads.items()}
        roles = {
            name: roles_of([(run, [lock or "session"]) for run in RUNS.get(command, (command,))], ["session"])
            for name, (command, _, lock) in heads.items()
        }
        step = order.choose(pending, [name for name, commands in left.items() if not commands], roles)
        if step is None:
            return str(Schedule(tuple(taken)))
        taken.append(step)
        if isinstance(step, Release):
            left[step.request].pop(0)


def test_without_rules_the_first_runs_to_its_end() -> None:
    assert run(parse_order([]), A=("GET", "DEL"), B=("GET",)) == "v1 A:GET A:DEL B:GET"


@pytest.mark.parametrize(
    ("rules", "schedule"),
    [
        (["B:GET before A:GET", "A:DEL before B:GET#2"],
         "v1 B:GET A:GET A:GET A:TTL A:EXEC A:DEL B:GET B:TTL B:EXEC B:DEL"),
        (["A after B"], "v1 B:GET B:GET B:TTL B:EXEC B:DEL A:GET A:GET A:TTL A:EXEC A:DEL"),
        (["A after B:TTL"], "v1 B:GET B:GET B:TTL A:GET A:GET A:TTL A:EXEC A:DEL B:EXEC B:DEL"),
        ("A:EXEC!lost; B after A", "v1 A:GET A:GET A:TTL A:EXEC!lost A:DEL B:GET B:GET B:TTL B:EXEC B:DEL"),
        (["@expire:s after A:GET"],
         "v1 A:GET @expire:s A:GET A:TTL A:EXEC A:DEL B:GET B:GET B:TTL B:EXEC B:DEL"),
        (["@age:s before A:TTL"],
         "v1 A:GET A:GET @age:s A:TTL A:EXEC A:DEL B:GET B:GET B:TTL B:EXEC B:DEL"),
        (["@flush:all after B:DEL"],
         "v1 A:GET A:GET A:TTL A:EXEC A:DEL B:GET B:GET B:TTL B:EXEC B:DEL @flush:all"),
    ],
)  # fmt: skip
def test_rules(rules: str | list[str], schedule: str) -> None:
    assert run(parse_order(rules), A=GUIDE, B=GUIDE) == schedule
    assert run(parse_order(schedule), A=GUIDE, B=GUIDE) == schedule


@pytest.mark.parametrize(
    ("order", "sentence"),
    [
        (["A:GET before B:GET", "B:GET before A:GET"], "the order holds everything back: A:GET, B:GET"),
        (
            ["@expire:s before A:EVALSHA"],
            "@expire:s before A:EVALSHA: A never sent EVALSHA; it sent GET, GET, TTL, EXEC, DEL",
        ),
        (
            ["@expire:s after A:GET#3"],
            "@expire:s after A:GET#3: A never sent GET no. 3; it sent GET, GET, TTL, EXEC, DEL",
        ),
        (["B:EVALSHA!lost"], "B:EVALSHA!lost: B never sent EVALSHA; it sent GET, GET, TTL, EXEC, DEL"),
        (
            ["A:SETEX before B:GET"],
            "A:SETEX before B:GET: A never sent SETEX; it sent GET, GET, TTL, EXEC, DEL",
        ),
        (
            ["A:GET before B:SETEX"],
            "A:GET before B:SETEX: B never sent SETEX; it sent GET, GET, TTL, EXEC, DEL",
        ),
        (["A after B:SETEX"], "A after B:SETEX: B never sent SETEX; it sent GET, GET, TTL, EXEC, DEL"),
        ("v1 A:EVALSHA", "step 1 of the schedule is A:EVALSHA, but A waits with GET"),
        (
            "v1 A:GET A:GET A:TTL A:EXEC A:DEL A:GET",
            "step 6 of the schedule is A:GET, but A is done",
        ),
        ("v1 B:GET C:GET", "step 2 of the schedule is C:GET, but C has sent nothing"),
    ],
)
def test_an_order_that_is_not_met(order: str | list[str], sentence: str) -> None:
    with pytest.raises(OrderNotMet) as caught:
        run(parse_order(order), A=GUIDE, B=GUIDE)
    assert caught.value.message == sentence
    assert caught.value.exit_code == 3


@pytest.mark.parametrize(
    "text",
    [
        "A:GET",
        "A:get before B:GET",
        "A:GET before B:reads",
        "A:reads#2 before B:GET",
        "A:reads!lost",
        "@boom:s after A:GET",
        "@expire:s",
        "A B",
    ],
)
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(UsageProblem):
        parse_order(text)


def test_what_an_order_names() -> None:
    rules = parse_order(["A:GET before B:GET", "C after D", "E:DEL!lost", "@expire:s after F:GET"])
    assert requests_of(rules) == ("A", "B", "D", "C", "E", "F")
    assert events_of(rules) == (Event("expire", "s"),)
    exact = parse_order("v1 B:GET @restart:A A:GET!lost")
    assert requests_of(exact) == ("B", "A")
    assert events_of(exact) == (Event("restart", "A"),)


SETEX = ("TTL:lock", "SETEX:lock", "GET", "SETEX", "DEL:lock")
ENDING = ("GET", "UNLINK")
HASH = ("HGETALL", "HSET", "EXPIRE")
SCRIPT = ("EVALSHA",)
LOST_ATTEMPT = ["B:reads before A:write", "A:write before B:write"]
RESURRECTED = ["B:read before A:delete", "A:delete before B:write"]


@pytest.mark.parametrize(
    ("rules", "first", "second", "schedule"),
    [
        (LOST_ATTEMPT, GUIDE, GUIDE, "A:GET A:GET A:TTL B:GET B:GET A:EXEC A:DEL B:TTL B:EXEC B:DEL"),
        (
            LOST_ATTEMPT, SETEX, SETEX,
            "A:TTL A:SETEX A:GET B:TTL B:SETEX B:GET A:SETEX A:DEL B:SETEX B:DEL",
        ),
        (LOST_ATTEMPT, HASH, HASH, "A:HGETALL B:HGETALL A:HSET A:EXPIRE B:HSET B:EXPIRE"),
        (LOST_ATTEMPT, SCRIPT, SCRIPT, "A:EVALSHA B:EVALSHA"),
        (RESURRECTED, ENDING, SETEX, "A:GET B:TTL B:SETEX B:GET A:UNLINK B:SETEX B:DEL"),
        (["@expire:s before A:write"], HASH, ENDING, "A:HGETALL @expire:s A:HSET A:EXPIRE B:GET B:UNLINK"),
        (["A:write!lost"], SETEX, ENDING, "A:TTL A:SETEX A:GET A:SETEX!lost A:DEL B:GET B:UNLINK"),
        ("v1 A:read B:read A:write B:delete", SETEX[:4], ENDING,
         "A:TTL A:SETEX A:GET B:GET A:SETEX B:UNLINK"),
    ],
)  # fmt: skip
def test_roles_fit_any_command(
    rules: str | list[str], first: tuple[str, ...], second: tuple[str, ...], schedule: str
) -> None:
    assert run(parse_order(rules), A=first, B=second) == f"v1 {schedule}"


@pytest.mark.parametrize(
    ("rules", "first", "second", "sentence"),
    [
        (
            LOST_ATTEMPT, ENDING, SETEX,
            "B:reads before A:write: A never sent a write of the session's key; it sent GET, UNLINK",
        ),
        (
            RESURRECTED, SETEX, SETEX,
            "B:read before A:delete: A never sent a delete of the session's key; "
            "it sent TTL, SETEX, GET, SETEX, DEL",
        ),
        (
            ["A:reads before B:read"], ("TTL", "TTL:lock"), ENDING,
            "A:reads before B:read: A never sent a read of the session's key; it sent TTL, TTL",
        ),
        ("v1 A:write", ENDING, ENDING, "step 1 of the schedule is A:write, but A waits with GET"),
        ("v1 A:read A:write", ("GET", "TTL"), ENDING, "step 2 of the schedule is A:write, but A is done"),
    ],
)  # fmt: skip
def test_roles_that_never_came(
    rules: str | list[str], first: tuple[str, ...], second: tuple[str, ...], sentence: str
) -> None:
    with pytest.raises(OrderNotMet) as caught:
        run(parse_order(rules), A=first, B=second)
    assert caught.value.message == sentence


def test_a_start_is_a_step() -> None:
    order = parse_order("v1 a:start a:GET b:start b:DEL a:SET")
    assert started_late(order) == {"a", "b"}
    assert run(order, a=("start", "GET", "SET"), b=("start", "DEL")) == str(
        Schedule.parse("v1 a:start a:GET b:start b:DEL a:SET")
    )
    assert started_late(parse_order(["b:GET before a:start"])) == {"a"}
    assert started_late(parse_order("v1 a:GET b:GET")) == frozenset()


def test_a_request_starts_when_a_rule_lets_it() -> None:
    order = parse_order(["b:GET before a:start"])
    assert run(order, a=("start", "GET"), b=("GET", "DEL")) == "v1 b:GET a:start a:GET b:DEL"


def test_giving_up_is_a_step_of_a_request_that_waits() -> None:
    order = parse_order("v1 a:SET b:SET b:gives-up b:GET")
    assert order.choose({"a": "SET", "b": "SET"}, []) == Release("a", "SET")
    assert order.choose({"a": "GET", "b": "SET"}, []) == Release("b", "SET")
    assert order.choose({"a": "GET", "b": "SET"}, []) == Release("b", "gives-up")
    assert order.choose({"a": "GET", "b": "GET"}, []) == Release("b", "GET")


def test_a_schedule_says_whose_commands_are_still_to_come() -> None:
    order = parse_order("v1 a:GET b:DEL")
    assert expects(order, "a")
    order.choose({"a": "GET", "b": "DEL"}, [])
    assert not expects(order, "a")
    assert expects(order, "b")
    assert not expects(parse_order(["a after b"]), "a")


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a:SET after b:SET", "'b:SET before a:SET' says the same"),
        ("a:set before b:SET", "in capitals: SET"),
        ("a then b", "'V2:read before V1:write'"),
    ],
)
def test_what_is_no_rule_is_said_with_what_is_meant(text: str, hint: str) -> None:
    with pytest.raises(UsageProblem, match="is no rule of an order") as problem:
        parse_order(text)
    assert hint in str(problem.value.hint)
