"""Orders of requests' Redis commands: rules, events and losses between them, exact schedules."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.schedule import Event, Release, Schedule
from devenv.core.scenario.ordering import CannotFollow, Order, events_of, parse_order, requests_of

GUIDE = ("GET", "GET", "TTL", "EXEC", "DEL")


def run(order: Order, **programs: tuple[str, ...]) -> str:
    """Run requests that send these commands in this order; gives the schedule."""
    left = {name: list(commands) for name, commands in programs.items()}
    taken: list[Release | Event] = []
    while True:
        pending = {name: commands[0] for name, commands in left.items() if commands}
        step = order.choose(pending, [name for name, commands in left.items() if not commands])
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
        (["A:NOSUCH before B:GET"], "v1 A:GET A:GET A:TTL A:EXEC A:DEL B:GET B:GET B:TTL B:EXEC B:DEL"),
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
    ("order", "told"),
    [
        (["A:GET before B:GET", "B:GET before A:GET"], "the order holds everything back: A:GET, B:GET"),
        (["@expire:s before A:EVALSHA"], "@expire:s before A:EVALSHA: it never came to that"),
        (["@expire:s after A:GET#3"], "@expire:s after A:GET#3: it never came to that"),
        (["B:EVALSHA!lost"], "B:EVALSHA!lost: it never came to that"),
        ("v1 A:EVALSHA", "step 1 of the schedule is A:EVALSHA, but A waits with GET"),
        (
            "v1 A:GET A:GET A:TTL A:EXEC A:DEL A:GET",
            "step 6 of the schedule is A:GET, but A is done",
        ),
        ("v1 B:GET C:GET", "step 2 of the schedule is C:GET, but C has sent nothing"),
    ],
)
def test_an_order_that_cannot_be_kept(order: str | list[str], told: str) -> None:
    with pytest.raises(CannotFollow) as caught:
        run(parse_order(order), A=GUIDE, B=GUIDE)
    assert caught.value.message == told


@pytest.mark.parametrize("text", ["A:GET", "A:get before B:GET", "@boom:s after A:GET", "@expire:s", "A B"])
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
