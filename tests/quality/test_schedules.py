"""The races' exact schedules, pinned: the same commands in the same order, every time."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from devenv.core.model.schedule import Schedule
from devenv.core.model.topology import Ports, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.verbs.replay.observed import Observed
from devenv.verbs.replay.replayer import Replayer
from devenv.verbs.replay.result import ReplayResult
from tests.conftest import StartStack

REPEATS = 20
PINNED = {
    "empty-bypass": "v1 guess:GET solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET guess:TTL "
    "guess:EXEC",
    "double-success": "v1 first:GET first:GET first:TTL first:EXEC second:GET second:GET first:DEL "
    "second:TTL second:EXEC second:DEL",
    "lost-attempt": "v1 one:GET one:GET one:TTL two:GET two:GET one:EXEC two:TTL two:EXEC",
    "resurrected-key": "v1 solve:GET solve:GET solve:TTL solve:EXEC guess:GET solve:DEL guess:GET guess:TTL "
    "guess:EXEC",
    "expiry-inside-verify": "v1 late:GET @expire:alice late:GET late:TTL late:EXEC",
    "ttl-rounds-to-zero": "v1 late:GET late:GET @age:alice late:TTL late:EXEC",
}
FIXED = {
    "empty-bypass": "v1 solve:EVALSHA guess:EVALSHA",
    "double-success": "v1 first:EVALSHA second:EVALSHA",
    "lost-attempt": "v1 one:EVALSHA two:EVALSHA",
    "resurrected-key": "v1 solve:EVALSHA guess:EVALSHA",
    "expiry-inside-verify": "v1 @expire:alice late:EVALSHA",
    "ttl-rounds-to-zero": "v1 @age:alice late:EVALSHA",
}


RUNS = [(name, Strategy.GUIDE) for name in PINNED] + [(name, Strategy.ATOMIC) for name in FIXED]
SERIAL = "v1 solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET"


@dataclass(frozen=True)
class Played:
    """Everything, played in the order that restarts pods once for each store."""

    by_rules: dict[tuple[str, Strategy], ReplayResult]
    exactly: dict[str, ReplayResult]
    serial: ReplayResult


@pytest.fixture(scope="module")
def played(start_stack: StartStack) -> Played:
    with Replayer(start_stack(StackSpec(pods=2, ports=Ports.free()))) as replayer:
        exactly = {
            name: replayer.run(find(name), Strategy.GUIDE, schedules=[Schedule.parse(schedule)])
            for name, schedule in PINNED.items()
        }
        serial = replayer.run(find("empty-bypass"), Strategy.GUIDE, schedules=[Schedule.parse(SERIAL)])
        by_rules = {(name, store): replayer.run(find(name), store, REPEATS) for name, store in RUNS}
    return Played(by_rules, exactly, serial)


@pytest.mark.parametrize(("name", "strategy"), RUNS, ids=str)
def test_every_repeat_runs_the_same_schedule(played: Played, name: str, strategy: Strategy) -> None:
    result = played.by_rules[name, strategy]
    assert [str(deviation) for deviation in result.deviations] == []
    assert result.identical
    pinned = PINNED if strategy is Strategy.GUIDE else FIXED
    assert [_schedules(play) for play in result.plays] == [[pinned[name]]] * REPEATS


@pytest.mark.parametrize("name", PINNED)
def test_the_schedule_alone_gives_the_same_outcome(played: Played, name: str) -> None:
    steps = [result.outcomes[0]["steps"] for result in _both(played, name)]
    assert steps[0] == steps[1]


def test_another_order_has_another_outcome(played: Played) -> None:
    """One answer after the other: the guide's store holds, which is not what the scenario says of it."""
    assert played.serial.verdict == "fails"
    assert played.serial.plays[0][-1].shown["outcome"] == "not_found"
    assert played.serial.schedules == (SERIAL,)


def _both(played: Played, name: str) -> tuple[ReplayResult, ReplayResult]:
    return played.by_rules[name, Strategy.GUIDE], played.exactly[name]


def _schedules(play: tuple[Observed, ...]) -> list[str]:
    return [step.shown["schedule"] for step in play if "schedule" in step.shown]
