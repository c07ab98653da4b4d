"""Pictures of traces, findings in groups, and where a trace comes from."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from devenv.core.model.errors import EnvironmentProblem, Inconclusive, UsageProblem
from devenv.core.model.events import Exchange, RedisCommand, StackEvent, TraceEvent
from devenv.core.model.presets import CAPTCHA
from devenv.core.render.sequence import draw_text
from devenv.harness.runs.folders import RESULTS, Run, json_lines, open_run
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import trace_lines
from devenv.verbs.explain.explanation import MOST_MESSAGES, Explanation, explain_trace
from devenv.verbs.explain.source import explain_run, explain_word, explain_written
from devenv.verbs.explain.store import keep, mermaid, write_report

A, B = "captcha-api-a", "captcha-api-b"
CHALLENGE_ID = "3f2a44" + "0" * 26
OTHER_CID = "77b1c0" + "0" * 26
KEY = f"rcaptcha:abstract:{CHALLENGE_ID}"
DOC = '{"type": "abstract", "is_positive": [true], "attempts": 0}'
NOT_FOUND = {"success": False, "message": "Challenge not found"}


def exchange(
    seq: int, pod: str, path: str, sent: Any, answer: Any, started: float, ended: float, status: int = 200
) -> Exchange:
    return Exchange(
        seq, f"r{seq}", "127.0.0.1:1", "POST", path, "pinned", pod, status, started, (ended - started) * 1000,
        None, None if sent is None else json.dumps(sent), None if answer is None else json.dumps(answer),
    )  # fmt: skip


def create(seq: int, pod: str, started: float, challenge_id: str = CHALLENGE_ID) -> Exchange:
    return exchange(
        seq,
        pod,
        "/api/abstract-captcha",
        None,
        {"challenge_id": challenge_id, "ttl": 60},
        started,
        started + 0.01,
    )


def verify(
    seq: int,
    pod: str,
    started: float,
    answer: Any,
    ended: float | None = None,
    challenge_id: str = CHALLENGE_ID,
    status: int = 200,
) -> Exchange:
    sent = {"challenge_id": challenge_id, "selections": [0, 4]}
    until = started + 0.01 if ended is None else ended
    return exchange(seq, pod, "/api/abstract-verify", sent, answer, started, until, status)


def command(seq: int, pod: str, name: str, reply: str | None, moment: float, **more: Any) -> RedisCommand:
    message = RedisCommand(seq, pod, 1, name, (KEY,), KEY, reply, moment, moment, "passed", moment, moment)
    return replace(message, **more)


def pod(name: str, **settings: str) -> StackEvent:
    return StackEvent(0.0, "pod", name, settings)


PASSING: list[TraceEvent] = [
    pod(A, USE_REDIS="true", SESSION_STRATEGY="guide"),
    create(1, A, 1.0),
    command(1, A, "SETEX", "OK", 1.001, args=(KEY, "60", DOC)),
    verify(2, A, 2.0, {"success": True, "attempts": 1}),
    command(2, A, "GET", DOC, 2.001),
    command(3, A, "DEL", "1", 2.002),
]
BROKEN: list[TraceEvent] = [
    pod(A, USE_REDIS="false"),
    pod(B, USE_REDIS="false"),
    create(1, A, 1.0),
    verify(2, B, 2.0, NOT_FOUND),
]


def drawn(events: list[TraceEvent]) -> list[str]:
    return [line.text for line in draw_text(explain_trace(events, "a test").messages, width=160)]


def test_a_passing_trace_is_drawn_in_one_line_for_each_command() -> None:
    assert drawn(PASSING) == [
        "   client       proxy              captcha-api-a      gate                 redis",
        "      │           │         [ USE_REDIS=true (guide) ]  │                    │",
        "      │───────── create abstract ───────►│              │                    │",
        "      │           │                      │── SETEX 3f2a44 EX 60: attempts 0 ►│",
        "      │◄╌╌╌╌╌╌╌╌╌╌╌╌ 3f2a44 ╌╌╌╌╌╌╌╌╌╌╌╌╌│              │                    │",
        "      │── verify abstract 3f2a44 [0, 4] ►│              │                    │",
        "      │           │                      │───── GET 3f2a44 → attempts 0 ────►│",
        "      │           │                      │────────── DEL 3f2a44 → 1 ────────►│",
        "      │◄╌╌╌╌╌╌ success, attempt 1 ╌╌╌╌╌╌╌│              │                    │",
    ]


def rows(read: RedisCommand) -> list[str]:
    """What stands in the picture about one command of a verify."""
    result = drawn([create(1, A, 1.0), verify(2, A, 2.0, NOT_FOUND, 9.0), read])
    return [" ".join(line.replace("│", " ").split()) for line in result[4:-1]]


@pytest.mark.parametrize(
    ("more", "shown"),
    [
        ({}, ["── GET 3f2a44 → nothing ─►"]),
        ({"reply": 'user|s:5:"alice";'}, ["── GET 3f2a44 → a value ─►"]),
        ({"reply": "42"}, ["── GET 3f2a44 → 42 ─►"]),
        ({"reply": ""}, ["── GET 3f2a44 → empty text ─►"]),
        ({"rule": "hold"}, ["── GET 3f2a44 → nothing ⏸ ─►"]),
        ({"reply": "-OOM no"}, ["GET 3f2a44 → -OOM no"]),
        ({"fate": "error", "reply": "-OOM no", "forwarded": None}, ["GET 3f2a44", "-OOM no"]),
        (
            {"fate": "reply-dropped", "delivered": None},
            ["GET 3f2a44", "nothing", "[ ✗ the reply is lost ]"],
        ),
        (
            {
                "fate": "request-dropped",
                "delivered": None,
                "answered": None,
                "forwarded": None,
                "reply": None,
            },
            ["GET 3f2a44", "[ ✗ the request is lost ]"],
        ),
        (
            {"fate": "unanswered", "delivered": None, "answered": None, "reply": None},
            ["GET 3f2a44", "[ ✗ no answer came ]"],
        ),
        (
            {"fate": "held", "delivered": None, "answered": None, "forwarded": None, "reply": None},
            ["GET 3f2a44", "[ ⏸ held ]"],
        ),
        (
            {"fate": "undelivered", "delivered": None, "answered": 5.1},
            ["GET 3f2a44", "nothing after 2.1 s", "[ ✗ the pod had gone ]"],
        ),
        (
            {"fate": "released", "rule": "h", "forwarded": 4.5, "answered": 4.5, "delivered": 4.5},
            ["GET 3f2a44", "[ ⏸ held 1.50 s ]", "GET → nothing"],
        ),
        (
            {"fate": "released", "rule": "h", "delivered": 4.5},
            ["GET 3f2a44", "nothing", "[ ⏸ reply held 1.50 s ]", "nothing"],
        ),
    ],
)
def test_what_became_of_a_command_is_visible(more: dict[str, Any], shown: list[str]) -> None:
    all_rows = rows(command(1, A, "GET", **{"reply": "(nil)", "moment": 3.0, **more}))
    assert len(all_rows) == len(shown)
    for line, words in zip(all_rows, shown, strict=True):
        assert words.strip("─► ") in line


def test_what_was_done_to_the_stack_stands_in_the_picture() -> None:
    events = [
        *BROKEN,
        StackEvent(1.5, "restart", B),
        StackEvent(1.6, "pod", B, {"USE_REDIS": "false"}),
        StackEvent(1.7, "redis", None, {"action": "expire", "key": KEY}),
        StackEvent(1.8, "rule", None, {"action": "hold", "rule": "hold:GET"}),
        StackEvent(1.9, "restart", B, {"removed": "true"}),
    ]
    text = "\n".join(drawn(events))
    for label in ("[ restart ]", "[ USE_REDIS=false ]", "[ the key expires ]", "[ hold:GET ]", "[ removed ]"):
        assert label in text


def test_the_keys_of_two_prefixes_are_told_apart() -> None:
    other = f"other:abstract:{CHALLENGE_ID}"
    events: list[TraceEvent] = [
        create(1, A, 1.0),
        command(1, A, "SETEX", "OK", 1.001, args=(KEY, "60", DOC)),
        verify(2, B, 2.0, NOT_FOUND),
        command(2, B, "GET", "(nil)", 2.001, key=other, args=(other,)),
    ]
    text = "\n".join(drawn(events))
    assert "SETEX rcaptcha:abstract:3f2a44 EX 60" in text
    assert "GET other:abstract:3f2a44 → nothing" in text


# -- findings ------------------------------------------------------------------------------------------------


def many(count: int) -> list[TraceEvent]:
    events: list[TraceEvent] = []
    for number in range(count):
        challenge_id, position = f"{number:032x}", 10.0 * number
        events += [
            create(2 * number + 1, A, position, challenge_id),
            verify(2 * number + 2, B, position + 1, NOT_FOUND, challenge_id=challenge_id),
        ]
    return events


def test_equal_findings_are_one_group_with_one_picture() -> None:
    explanation = explain_trace(many(15), "a test")
    assert [(group.cause, group.count) for group in explanation.groups] == [("pod-memory", 15)]
    assert {message.label for message in explanation.groups[0].picture} >= {
        "create abstract",
        "Challenge not found",
    }
    assert len(explanation.groups[0].picture) == 4
    assert explanation.verdict == "pod-memory × 15: 15 challenges, 15 answers: 15 not found"


def test_sentences_that_differ_in_their_key_only_are_told_once() -> None:
    events: list[TraceEvent] = []
    for number in range(3):
        challenge_id, position = f"{number:032x}", 10.0 * number
        wrote, read = f"rcaptcha:abstract:{challenge_id}", f"other:abstract:{challenge_id}"
        events += [
            create(2 * number + 1, A, position, challenge_id),
            replace(
                command(2 * number + 1, A, "SETEX", "OK", position + 0.005),
                key=wrote,
                args=(wrote, "60", DOC),
            ),
            verify(2 * number + 2, B, position + 1, NOT_FOUND, challenge_id=challenge_id),
            replace(command(2 * number + 2, B, "GET", "(nil)", position + 1.005), key=read, args=(read,)),
        ]
    (group,) = explain_trace(events, "a test").groups
    assert (group.cause, group.count, group.also) == ("prefix-mismatch", 3, ())
    assert f"{0:032x}" in group.first.sentence


def test_long_traces_are_bounded_for_programs() -> None:
    data = explain_trace(many(1000), "a test").to_json()
    assert len(data["messages"]) == MOST_MESSAGES
    assert data["messages_total"] == 4000
    assert len(data["findings"][0]["challenges"]) == 20
    assert data["findings"][0]["count"] == 1000


def test_nothing_wrong_in_plain_words() -> None:
    explanation = explain_trace(PASSING, "a test")
    assert not explanation.wrong
    assert explanation.verdict == "nothing wrong: 1 challenge, 1 answer: 1 passed"


def _lost_claim(seq: int, moment: float, reply: str = "[right, 1, {}]") -> RedisCommand:
    return command(seq, A, "EVALSHA", reply, moment, fate="disconnected", delivered=None)


def test_a_right_answer_that_nobody_could_tell_is_noted() -> None:
    """All replies lost: 503, and the next try is "already solved". No fault, and yet somebody will ask."""
    solved = {"success": False, "message": "Challenge already solved"}
    events: list[TraceEvent] = [
        create(1, A, 1.0),
        command(1, A, "SET", "OK", 1.005),
        verify(2, A, 2.0, {"detail": "Session store unreachable: " + "x" * 80}, 2.1, status=503),
        _lost_claim(2, 2.02),
        _lost_claim(3, 2.04),
        verify(3, B, 3.0, solved),
        command(4, B, "EVALSHA", "[solved, 0]", 3.005),
    ]
    explanation = explain_trace(events, "a trace")
    assert not explanation.wrong
    (note,) = explanation.remarks
    assert note.startswith("the answer to 3f2a44 on captcha-api-a has counted")
    assert "“Challenge already solved”: never a second success" in note
    assert explanation.to_json()["remarks"] == [note]
    assert explanation.summary.endswith("x…), 1 answered with 'already solved'")
    alone = explain_trace(events[:-2], "a trace")
    assert len(alone.remarks) == 1
    assert "already solved" not in alone.remarks[0]


@pytest.mark.parametrize("reply", ["[absent, 0, ]", "[solved, 0]", "-OOM command not allowed", None])
def test_an_answer_that_did_not_count_is_not_noted(reply: str | None) -> None:
    events: list[TraceEvent] = [
        create(1, A, 1.0),
        verify(2, A, 2.0, {"detail": "Session store unreachable"}, 2.1, status=503),
        command(2, A, "EVALSHA", reply, 2.02, fate="disconnected", delivered=None),
    ]
    assert explain_trace(events, "a trace").remarks == ()


def test_many_notes_are_bounded() -> None:
    events: list[TraceEvent] = []
    for n in range(5):
        events.append(create(2 * n + 1, A, 10.0 * n, challenge_id=f"{n}" * 32))
        sent = verify(2 * n + 2, A, 10.0 * n + 1, {"detail": "x"}, challenge_id=f"{n}" * 32, status=503)
        key = f"rcaptcha:abstract:{n}" + f"{n}" * 31
        events += [sent, replace(_lost_claim(n + 1, 10.0 * n + 1.005), key=key, args=(key,))]
    explanation = explain_trace(events, "a trace").remarks
    assert len(explanation) == 4
    assert explanation[-1] == "the same happened 2 times more"


def test_evidence_has_its_time_since_the_first_request() -> None:
    explanation = explain_trace(BROKEN, "a test")
    assert [line.at for line in explanation.groups[0].evidence] == [0.0, 1.0]
    assert [line.number for line in explanation.groups[0].evidence] == [None, None]


def test_a_second_finding_about_the_same_requests_is_not_drawn_twice() -> None:
    challenge_id = {"success": True, "attempts": 1}
    events: list[TraceEvent] = [create(1, A, 1.0), command(1, A, "SETEX", "OK", 1.001, args=(KEY, "60", DOC))]
    for seq, where in ((2, A), (3, B)):
        events += [verify(seq, where, 2.0, challenge_id, 3.0), command(seq, where, "GET", DOC, 2.5)]
    groups = explain_trace(events, "a test").groups
    assert [group.cause for group in groups] == ["double-success", "double-click"]
    assert groups[0].picture
    assert groups[1].picture == ()


def test_what_was_not_kept_is_said() -> None:
    gone = StackEvent(1.0, "missing", None, {"what": "commands", "from": "3", "to": "9"})
    explanation = explain_trace([*PASSING, gone], "a test")
    assert explanation.missing == ("commands 3 to 9 were not kept",)
    assert explanation.to_json()["missing"] == list(explanation.missing)


# -- where it comes from -------------------------------------------------------------------------------------


def nothing_runs() -> JournaledStack:
    raise EnvironmentProblem("no stack is running")


def record(state_dir: Path, events: list[TraceEvent], name: str = "replay") -> Run:
    run = open_run(state_dir, name, 0.0)
    run.write_text("trace.jsonl", json_lines(trace_lines(events)))
    return run


def explain(word: str | None, state_dir: Path, since: float | None = None) -> Explanation:
    return explain_word(word, state_dir, nothing_runs, since=since, started=0.0, now=0.0)[0]


def test_runs_by_every_name(tmp_path: Path) -> None:
    run = record(tmp_path, BROKEN)
    trace = run.folder / "trace.jsonl"
    for word in (run.id, run.id[:12], "latest", None, str(run.folder)):
        explanation = explain(word, tmp_path)
        assert explanation.run == run.id
        assert [line.number for line in explanation.groups[0].evidence] == [3, 4]
    assert explain(str(trace), tmp_path).run is None


@pytest.mark.parametrize(("verdict", "code"), [("fails", 3), ("holds", 0)])
def test_a_replay_that_fails_is_not_nothing_wrong(tmp_path: Path, verdict: str, code: int) -> None:
    run = record(tmp_path, PASSING)
    messages = {"told": "expected status 401, got 200"}
    run.write_json("results.json", {"kind": "replay", "verdict": verdict, "deviations": [messages]})
    explanation = explain(run.id, tmp_path)
    assert explanation.exit_code == code
    assert ("expected status 401, got 200" in explanation.verdict) == (code == 3)
    assert explanation.verdict.startswith("nothing wrong") == (code == 0)


def test_other_requests_of_a_session_are_drawn_with_their_pod() -> None:
    logout = exchange(3, B, "/logout?from=" + CHALLENGE_ID, {}, {}, 2.1, 2.2, 204)
    lines = drawn([*PASSING, logout, command(4, B, "DEL", "0", 2.15)])
    assert any("POST /logout" in line for line in lines)
    assert any("HTTP 204" in line for line in lines)
    assert any("DEL 3f2a44 → 0" in line for line in lines)
    assert B in lines[0]


@pytest.mark.parametrize(
    ("word", "prepare", "error", "sentence"),
    [
        ("nope", None, UsageProblem, "no run 'nope'"),
        ("nope.jsonl", None, UsageProblem, "no trace file nope.jsonl"),
        ("latest", lambda state: open_run(state, "demo", 0.0), UsageProblem, "has no trace.jsonl"),
        ("latest", lambda state: record(state, [BROKEN[0]]), Inconclusive, "no captcha request in it"),
        (None, None, EnvironmentProblem, "no stack is running"),
    ],
)
def test_nothing_to_explain(
    tmp_path: Path, word: str | None, prepare: Callable[[Path], object], error: type[Exception], sentence: str
) -> None:
    if prepare is not None:
        prepare(tmp_path)
    with pytest.raises(error, match=sentence):
        explain(word, tmp_path)


def test_since_is_about_a_running_stack(tmp_path: Path) -> None:
    record(tmp_path, BROKEN)
    with pytest.raises(EnvironmentProblem, match="no stack is running"):
        explain(None, tmp_path, since=5.0)


def test_since_counts_from_when_the_command_began(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow machine: the command began at 100 s and looks at the stack at 500 s."""
    recorded = [create(1, "captcha-api-a", 30.0), create(2, "captcha-api-a", 45.0, OTHER_CID)]
    monkeypatch.setattr("devenv.verbs.explain.source.live_trace", lambda status, journal, now: recorded)
    result, _ = explain_word(None, tmp_path, MagicMock(), since=60.0, started=100.0, now=500.0)
    assert OTHER_CID[:6] in str(result.to_json()) and CHALLENGE_ID[:6] not in str(result.to_json())


def test_a_trace_that_was_just_written_is_not_read_again(tmp_path: Path) -> None:
    run = record(tmp_path, BROKEN)
    assert explain_written(BROKEN, run).to_json() == explain_run(run).to_json()
    numbers = [line.number for group in explain_written(BROKEN, run).groups for line in group.evidence]
    assert numbers and all(number is not None for number in numbers)


def test_what_is_left_in_the_runs_folder(tmp_path: Path) -> None:
    run = record(tmp_path, BROKEN)
    explanation = explain_run(run)
    keep(explanation, run)
    assert (run.folder / "sequence.mmd").read_text(encoding="utf-8") == mermaid(explanation)
    assert mermaid(explanation).startswith("sequenceDiagram\n    participant p0 as client\n")
    assert "participant p1 as proxy" in mermaid(explanation)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    for words in ("pod-memory", "USE_REDIS=true on every pod", "Challenge not found", "<svg"):
        assert words in page
    for name in ("report.html", "sequence.mmd"):
        run.write_text(name, "of the demo")
        keep(explanation, run)
        assert (run.folder / name).read_text(encoding="utf-8") == "of the demo"
    keep(explanation, run, replace=True)
    assert (run.folder / "sequence.mmd").read_text(encoding="utf-8") == mermaid(explanation)


def test_a_report_of_what_is_fine(tmp_path: Path) -> None:
    write_report(explain_trace(PASSING, "a <test>"), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "nothing wrong: 1 challenge" in page
    assert "a &lt;test&gt;" in page
    with pytest.raises(UsageProblem, match="cannot be written"):
        write_report(explain_trace(PASSING, "a test"), tmp_path)


SESSION_ONLY: list[TraceEvent] = [
    StackEvent(0.0, "service", None, {"profile": json.dumps(replace(CAPTCHA, kinds={}).to_json())}),
    exchange(1, A, "/login", {}, {}, 1.0, 1.1),
    exchange(2, A, "/set?a=1", {}, {}, 2.0, 2.5),
    exchange(3, B, "/logout", {}, {}, 2.1, 2.3, 204),
    command(1, A, "GET", "a:1:{}", 2.05, key="sess:1", args=("sess:1",)),
    command(2, B, "DEL", "1", 2.2, key="sess:1", args=("sess:1",)),
]


def test_a_service_of_sessions_alone_is_drawn_whole(tmp_path: Path) -> None:
    """Whatever its keys are called: what a pod says while the requests are under way belongs to them."""
    run = record(tmp_path, SESSION_ONLY)
    explanation = explain_run(run)
    labels = [message.label for message in explanation.messages]
    assert labels == [
        "POST /login", "HTTP 200", "POST /set", "GET sess:1 → a value", "POST /logout", "DEL sess:1 → 1",
        "HTTP 204", "HTTP 200",
    ]  # fmt: skip
    assert explanation.verdict.startswith("drawn and not judged: 3 requests: 2 answered 200, 1 answered 204;")
    assert explanation.exit_code == 3
    run.write_json(RESULTS, {"kind": "replay", "verdict": "holds", "violations": []})
    assert explain_run(run).exit_code == 0


def test_what_no_sequence_explains_is_the_cause_of_its_replay(tmp_path: Path) -> None:
    run = record(tmp_path, SESSION_ONLY)
    violations = [
        {"kind": "session-came-back", "sentence": "GET /me 200"}, {"kind": "no-ttl", "sentence": "no TTL"},
    ]  # fmt: skip
    run.write_json(RESULTS, {"kind": "replay", "verdict": "fails", "violations": violations})
    explanation = explain_run(run)
    [group] = explanation.groups
    assert (group.cause, group.first.sentence) == ("session-came-back", "GET /me 200")
    assert "while the key is there" in group.first.change
    assert group.picture == explanation.messages
    assert (explanation.exit_code, explanation.unexplained) == (1, "")


def test_an_exploration_whose_order_has_no_cause_is_no_all_clear(tmp_path: Path) -> None:
    """No rule finds a fault in the records of an order, and the search says that it violates something."""
    run = record(tmp_path, PASSING)
    values = {"kind": "not-linearizable", "sentence": "V1: success", "confirmed": True}
    other = {"kind": "no-ttl", "sentence": "no TTL", "confirmed": False}
    run.write_json("results.json", {"kind": "explore", "violations": [values, other]})
    explained = explain_run(run)
    assert (explained.exit_code, explained.unexplained) == (
        3,
        "these orders violate: not-linearizable, no-ttl (not confirmed)",
    )
    assert "no cause was found, though this run fails" in explained.verdict
    run.write_json("results.json", {"kind": "explore", "violations": []})
    assert explain_run(run).exit_code == 0
