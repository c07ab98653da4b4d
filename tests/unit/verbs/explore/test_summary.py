"""The one-page summary of an exploration."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import Strategy
from devenv.core.render.junit import junit_xml
from devenv.core.search.expression import ANSWERS, EVENTS, parse_meeting
from devenv.verbs.explore.result import (
    Exploration,
    ExploredViolation,
    Mode,
    ShownStep,
    junit_suite,
    parse_budget,
)
from devenv.verbs.explore.summary import summary

FOUND = ExploredViolation(
    kind="double-success",
    sentence="both answers passed",
    requests=("R", "R"),
    schedule="v1 V1:GET V2:GET",
    steps=(ShownStep("V1", "GET", '{"a": 1}'), ShownStep("V1", "TTL", "60"), ShownStep("V2", "GET", "(nil)")),
    traces=4,
    confirmed=True,
    replayed=3,
    replays=3,
    reproduce="devenv replay .devenv/runs/x/double-success.yaml --strategy guide",
)
FAILS = Exploration(
    "R+R", Strategy.GUIDE, str(Mode.LEARNED), True, 36, 0, (FOUND,), 20, 0.4, 3, engine="redis 7.0.15"
)  # fmt: skip
HOLDS = replace(FAILS, strategy=Strategy.ATOMIC, violations=(), traces=6)
UNKNOWN = replace(HOLDS, complete=False, incomplete="the budget was used up", mode=str(Mode.DIRECT))


def section(text: str, title: str) -> str:
    return text.split(f"## {title}\n")[1].split("\n## ")[0]


def test_the_table_has_a_row_for_each() -> None:
    rows = [line for line in summary([FAILS, HOLDS, UNKNOWN]).splitlines() if line.startswith("| `")]
    assert [row.split(" | ")[2] for row in rows] == ["❌ `double-success`", "✅ holds", "❓ inconclusive"]
    assert [row.split(" | ")[3] for row in rows] == ["36", "6", "6"]


def test_a_violation_has_its_sentence_order_and_command() -> None:
    message = section(summary([FAILS]), "`R+R` with the guide store")
    assert "1 kind of violation in 36 traces" in message
    assert "2 right answers" in message
    assert "Both answers passed. In 4 of 36 traces; needs `R+R`." in message
    assert "```\n V1 GET TTL=60\n V2 GET=(nil)\n```" in message
    assert "3 of 3 times the same" in message
    assert f"```\n{FOUND.reproduce}\n```" in message


def test_what_was_taken_on_trust_depends_on_the_mode() -> None:
    learned, direct = summary([HOLDS]), summary([UNKNOWN])
    assert "the model of Redis is faithful" in learned
    assert "the model of Redis is faithful" not in direct
    assert "nothing was modelled" in direct
    assert "Not everything was tried: the budget was used up." in direct
    assert "Not everything was tried" not in learned


def test_an_unconfirmed_violation_is_no_violation() -> None:
    message = summary([replace(FAILS, violations=(replace(FOUND, confirmed=False, replayed=0),))])
    assert "❓ inconclusive" in message
    assert "Not confirmed on real pods" in message
    assert "Reproduce with" not in message


def test_every_letter_has_words() -> None:
    for letter in (*ANSWERS, *EVENTS):
        scenario = str(parse_meeting(f"R+{letter}"))
        assert f"`{scenario}`" in summary([replace(HOLDS, scenario=scenario)])


def test_runs_by_chance_are_called_runs() -> None:
    chance = replace(FAILS, mode=str(Mode.RANDOM), complete=False, incomplete="orders were tried by chance")
    message = summary([chance])
    assert "| runs |" in message
    assert "1 kind of violation in 36 runs" in message
    assert "In 4 of 36 runs" in message
    assert "traces" not in message
    assert replace(chance, violations=(), traces=1).verdict.startswith("inconclusive after 1 run:")


def test_somebodys_own_service_is_called_by_its_name() -> None:
    changed = replace(FAILS, service="main:app")
    assert summary([changed]).count("| main:app |") == 1
    assert (changed.to_json()["service"], FAILS.to_json()["service"]) == ("main:app", None)


def test_what_was_not_confirmed_has_no_command_to_reproduce_it() -> None:
    lost = replace(FOUND, confirmed=False, reproduce=None, why="pods in containers")
    message = junit_xml([junit_suite(replace(FAILS, violations=(lost,)))])
    order = "double-success: both answers passed\n  v1 V1:GET V2:GET\n"
    assert f"{order}  not confirmed on real pods: pods in containers" in message
    assert "None" not in message


@pytest.mark.parametrize("text", ["0", "0s", "00", "0.0m"])
def test_a_budget_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(UsageProblem, match="nothing could be tried"):
        parse_budget(text)
    assert (parse_budget(""), parse_budget("7"), parse_budget("0.5m")) == (
        (None, None),
        (7, None),
        (None, 30),
    )
