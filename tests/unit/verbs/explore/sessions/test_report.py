"""What an exploration of sessions writes: JUnit XML, a page, and the picture of an order."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.render.junit import junit_xml
from devenv.core.render.sequence import draw_text
from devenv.verbs.explore.sessions.report import junit_suite, picture, summary
from devenv.verbs.explore.sessions.result import FoundViolation, SessionExploration, Tally

FOUND = FoundViolation(
    kind="session-came-back",
    sentence="a told 200, logout told 200; then GET /me 200 alice",
    order="a:GET logout:gives-up logout:DEL a:SET",
    sent={"a": "POST /set?a=1", "logout": "POST /logout"},
    answers={"a": "200 ok", "logout": "204"},
    steps=(
        ("a", "start", ""), ("logout", "start", ""), ("a", "GET", '{"user": "alice"}'),
        ("logout", "gives-up", ""), ("logout", "DEL", "1"), ("a", "SET", "OK"),
    ),
    seen_in=Tally(2, 6),
    seen_together=Tally(2, 6),
    confirmed=True,
    replayed=3,
    replays=3,
    reproduce="devenv replay .devenv/runs/x/session-came-back.yaml",
)  # fmt: skip
FAILS = SessionExploration(
    "a+logout", "main:app", "as-is", True, None, (), 6, 6, 20, 3, Tally(0, 6), (FOUND,), {"ask": ("nonce",)},
    (), 140, 3.0, "redis 7.0.15", "run-1",
)  # fmt: skip
HOLDS = replace(FAILS, fix="merge", violations=())
UNKNOWN = replace(HOLDS, fix="xx", unclear=("a lost a cannot be seen",))
BROKEN = SessionExploration.not_explored(
    "a+b", "main:app", "as-is", EnvironmentProblem("it does not start", hint="devenv logs")
)


def test_the_table_has_a_row_for_each_fix() -> None:
    rows = [line.split(" | ") for line in summary([FAILS, HOLDS, UNKNOWN]).splitlines() if line[:3] == "| `"]
    assert [row[1:4] for row in rows] == [
        ["as-is", "❌ `session-came-back` in 2 of 6 orders", "6"],
        ["merge", "✅ holds", "6"],
        ["xx", "❓ inconclusive", "6"],
    ]


def test_a_violation_has_its_sentence_order_and_command() -> None:
    text = summary([FAILS, UNKNOWN])
    assert "## `a+logout` on main:app\n" in text
    assert "In 2 of 6 orders. The shortest one, `a:GET logout:gives-up logout:DEL a:SET`:" in text
    assert f"```\n{FOUND.reproduce}\n```" in text
    assert "- Not compared, as it changes from run to run: ask: `nonce`." in text
    assert "## `a+logout` on main:app, xx\n" in text
    assert "- **A lost a cannot be seen.**" in text
    assert "Not confirmed: its order changed." in summary(
        [replace(FAILS, violations=(replace(FOUND, confirmed=False, why="its order changed"),))]
    )


def test_inconclusive_is_no_pass_in_junit() -> None:
    root = ET.fromstring(junit_xml(map(junit_suite, (FAILS, HOLDS, UNKNOWN))))
    cases = {case.get("name"): [child.tag for child in case] for case in root.iter("testcase")}
    assert cases == {"a+logout[as-is]": ["failure"], "a+logout[merge]": [], "a+logout[xx]": ["error"]}
    [failure] = root.iter("failure")
    assert FOUND.order in str(failure.text) and str(FOUND.reproduce) in str(failure.text)


def test_what_was_not_explored_is_said_beside_the_others_and_is_no_pass() -> None:
    assert (BROKEN.exit_code, BROKEN.holds) == (4, False)
    assert BROKEN.to_json()["verdict"] == "not explored: it does not start (devenv logs)"
    page = summary([FAILS, BROKEN])
    assert "| `a+b` | as-is | ❓ not explored | 0 | 0 | 0.0 |" in page
    assert page.endswith("## `a+b` on main:app\n\n**❓ not explored: it does not start (devenv logs).**\n")
    root = ET.fromstring(junit_xml([junit_suite(BROKEN)]))
    assert [problem.get("message") for problem in root.iter("error")] == [BROKEN.verdict]


def test_the_picture_shows_requests_commands_and_answers_but_no_contents() -> None:
    messages = picture(FOUND)
    assert [(message.source, message.target, message.label) for message in messages] == [
        ("client", "a", "POST /set?a=1"),
        ("client", "logout", "POST /logout"),
        ("a", "redis", "GET → a value"),
        ("logout", "logout", "gives up waiting"),
        ("logout", "redis", "DEL → 1"),
        ("logout", "client", "204"),
        ("a", "redis", "SET"),
        ("a", "client", "200 ok"),
    ]
    assert "alice" not in "".join(line.text for line in draw_text(messages))


def test_a_request_may_be_called_as_a_part_of_the_stack() -> None:
    changed = replace(
        FOUND,
        sent={"redis": "GET /"},
        answers={"redis": "200"},
        steps=(("redis", "start", ""), ("redis", "GET", "(nil)")),
    )
    assert [(message.source, message.target) for message in picture(changed)] == [
        ("client", "redis.request"), ("redis.request", "redis"), ("redis.request", "client"),
    ]  # fmt: skip
