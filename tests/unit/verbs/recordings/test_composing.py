"""From a recording to a scenario: sessions, captures, overlap, pauses, pods, expectations, secrets."""

from __future__ import annotations

import json
import random
import tracemalloc
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.mcp import MCP_SESSION
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind
from devenv.core.model.service import Request as Template
from devenv.core.scenario import Create, Request, parse
from devenv.verbs.recordings import composing, sorted_lines
from devenv.verbs.recordings.composing import Composed, ImportOptions, compose, compose_log
from devenv.verbs.recordings.formats.access_log import parse_access_log
from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.har import parse_har
from devenv.verbs.recordings.formats.recorded import Recorded, Recording
from devenv.verbs.recordings.import_file import checked
from devenv.verbs.recordings.sorted_lines import SortedLines

DATA = Path(__file__).parent / "data"
ID = "0123456789abcdef0123456789abcdef"


def made(*requests: Recorded, options: ImportOptions | None = None, **fields: Any) -> Composed:
    composed = compose(Recording("x.har", "HAR", requests, **fields), CAPTCHA, options or ImportOptions())
    parse(composed.text, "x.yaml")
    return composed


def post(
    path: str, body: Any = None, answer: Any = None, started: float | None = None, **fields: Any
) -> Recorded:
    given: dict[str, Any] = {
        "status": 200,
        "seconds": 0.01,
        "answer_headers": {"content-type": "application/json"},
    }
    return Recorded(
        1, "POST", path, started, body=None if body is None else json.dumps(body),
        answer=None if answer is None else json.dumps(answer), **(given | fields),
    )  # fmt: skip


def create(challenge_id: str = ID, started: float | None = None, **fields: Any) -> Recorded:
    return post("/api/abstract-captcha", None, {"challenge_id": challenge_id, "ttl": 60}, started, **fields)


def verify(
    answer: Mapping[str, Any], challenge_id: str = ID, started: float | None = None, **fields: Any
) -> Recorded:
    return post(
        "/api/abstract-verify", {"challenge_id": challenge_id, "selections": [1]}, answer, started, **fields
    )


RIGHT = {"success": True, "attempts": 1}
WRONG = {"success": False, "attempts": 1}
NOT_FOUND = {"success": False, "message": "Challenge not found"}


@pytest.mark.parametrize("browser", ["chromium", "firefox", "safari"])
def test_the_same_scenario_from_each_browser(browser: str) -> None:
    recording = parse_har((DATA / f"{browser}.har").read_text(encoding="utf-8"), f"{browser}.har")
    composed = compose(recording, CAPTCHA, ImportOptions(pods=2))
    steps = [step for step in composed.data["steps"] if "request" not in step]
    assert steps == [
        {"create": "c1", "pod": "A"},
        {"pause": steps[1]["pause"]},
        {"verify": "c1", "pod": "B", "answer": "wrong", "expect": {"outcome": "wrong"}},
        {"create": "c2", "pod": "B"},
        {"pause": steps[4]["pause"]},
        {
            "together": {
                "c2-1": {"verify": "c2", "pod": "A", "answer": "wrong"},
                "c2-2": {"verify": "c2", "pod": "B", "answer": "wrong"},
            },
            "expect": {"requests": {"c2-1": {"outcome": "wrong"}, "c2-2": {"outcome": "wrong"}}},
        },
        {"create": "c3", "pod": "A"},
        {"pause": steps[7]["pause"]},
        {"verify": "c3", "pod": "B", "answer": "right", "expect": {"outcome": "success"}},
    ]
    assert composed.data["sessions"] == {"c1": "abstract", "c2": "imagegrid", "c3": "abstract"}
    for secret in ("not-a-real", "sid", ID):
        assert secret not in composed.text
    assert parse(composed.text, "x.yaml").stack.pods == 2


def test_recorded_pods_are_kept_unless_others_are_wished() -> None:
    requests = (create(pod="captcha-api-c"), verify(RIGHT, pod="captcha-api-a"))
    assert [step["pod"] for step in made(*requests).data["steps"]] == ["C", "A"]
    assert made(*requests).data["stack"] == {"pods": 3}
    assert [step["pod"] for step in made(*requests, options=ImportOptions(pods=2)).data["steps"]] == [
        "A",
        "B",
    ]
    assert all(
        "pod" not in step for step in made(*requests, options=ImportOptions(routed=True)).data["steps"]
    )
    foreign = [request._replace(pod="web-7d4b9") for request in requests]
    assert [step["pod"] for step in made(*foreign).data["steps"]] == ["A", "B"]


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ([RIGHT], [("right", "success")]),
        ([WRONG, RIGHT], [("wrong", "wrong"), ("right", "success")]),
        # What was lost was perhaps right: a wrong answer must be judged, that is all that is known.
        ([NOT_FOUND], [("wrong", "wrong")]),
        # After the second graded answer, and after success, the session may be gone.
        ([WRONG, WRONG, WRONG], [("wrong", "wrong"), ("wrong", "wrong"), ("wrong", None)]),
        ([RIGHT, WRONG], [("right", "success"), ("wrong", None)]),
    ],
)
def test_what_is_expected_is_what_is_certain(answers: list[Any], expected: list[Any]) -> None:
    steps = made(create(), *map(verify, answers)).data["steps"][1:]
    assert [(step["answer"], step.get("expect", {}).get("outcome")) for step in steps] == expected


def test_after_its_time_nothing_is_expected() -> None:
    steps = made(create(started=0.0), verify(NOT_FOUND, started=61.0)).data["steps"]
    assert steps[1] == {"pause": 60.99}
    assert "expect" not in steps[2]
    [_, step] = made(
        create(started=0.0), verify(NOT_FOUND, started=61.0), options=ImportOptions(waits=False)
    ).data["steps"]
    assert step["expect"] == {"outcome": "wrong"}


def test_overlap_needs_every_two_to_overlap() -> None:
    requests = [
        create(started=0.0), create("b" * 32, started=0.02),
        verify(WRONG, started=1.0, seconds=0.2), verify(WRONG, started=1.1, seconds=0.3),
        verify(WRONG, "b" * 32, started=1.25, seconds=0.1),  # overlaps the second, not the first
    ]  # fmt: skip
    composed = made(*requests)
    kinds = [next(iter(step)) for step in composed.data["steps"]]
    assert kinds == ["create", "create", "pause", "together", "verify"]
    assert composed.data["needs"] == ["R", "X", "T"]


def test_values_of_answers_are_captured_and_put_in() -> None:
    token = "Tk-0123456789"
    requests = [
        Recorded(1, "GET", "/api/session", status=200, answer=json.dumps({"data": {"csrf": token}}),
                 answer_headers={"content-type": "application/json", "x-visit": "visit-778899"}),
        create(),
        post(f"/api/note/{ID}?v=visit-778899", {"csrf": token, "of": [ID]}, {"ok": True},
             headers={"x-csrf": token, "cookie": "a=b"}),
        verify(RIGHT),
    ]  # fmt: skip
    first, _, note, _ = made(*requests).data["steps"]
    assert first["capture"] == {"csrf": "data.csrf", "x-visit": "header:x-visit"}
    assert note["request"] == "POST /api/note/{challenge:c1}?v={captured:x-visit}"
    assert note["json"] == {"csrf": "{captured:csrf}", "of": ["{challenge:c1}"]}
    assert note["headers"] == {"x-csrf": "{captured:csrf}"}
    scenario = parse(made(*requests).text, "x.yaml")
    assert [type(step) for step in scenario.steps[:3]] == [Request, Create, Request]


def test_what_was_taken_out_is_counted_and_not_expected_to_work() -> None:
    secret = post("/api/login", {"password": "hunter2", "email": "a@b.c", "n": 1}, {"ok": True})
    composed = made(secret, create(), post("/api/plain", {"n": 1}, {"ok": True}))
    login, _, plain = composed.data["steps"]
    assert login["json"] == {"password": "REDACTED", "email": "REDACTED", "n": 1}
    assert "expect" not in login
    assert plain["expect"] == {"status": 200}
    assert "redacted: field email (1), field password (1)" in composed.notes
    kept = made(secret, create(), options=ImportOptions(keep=("email",))).data["steps"][0]
    assert kept["json"]["email"] == "a@b.c"


def test_an_answer_from_a_browsers_cache_is_expected_whole_too() -> None:
    """The header with which the browser asked is not sent again: the answer to the replay is a 200."""
    seen = post("/api/me", started=1.0, status=304, headers={"if-none-match": "x"})
    [*_, step] = made(create(started=0.5), seen).data["steps"]
    assert "headers" not in step
    assert step["expect"] == {"status": [200, 304]}


def test_other_hosts_and_pages_are_left_out() -> None:
    page = Recorded(1, "GET", "/", status=200, host="x", answer_headers={"content-type": "text/html"})
    other = post("/collect", {"a": 1}, host="tracker.example")
    composed = made(page, other, create(host="x"), verify(RIGHT, host="x"))
    assert [next(iter(step)) for step in composed.data["steps"]] == ["create", "verify"]
    assert composed.notes == ("left out as not about the service: 2",)
    with pytest.raises(UsageProblem, match="none of its 1 requests is one of the service's"):
        made(page)


def test_a_session_from_before_the_recording_is_opened_first() -> None:
    composed = made(verify(WRONG), create("c" * 32), verify(WRONG))
    assert [next(iter(step)) for step in composed.data["steps"]] == ["create", "verify", "create", "verify"]
    assert [step.get("verify") for step in composed.data["steps"]] == [None, "c1", None, "c1"]
    assert "challenges from before the recording, created before their first use: 1" in composed.notes


def test_an_access_log_is_matched_by_client_and_answers_are_wrong() -> None:
    line = '{client} - - [24/Nov/2026:10:00:0{second} +0000] "POST /api/abstract-{what} HTTP/1.1" 200 5\n'
    events = [("1.1.1.1", 1, "captcha"), ("2.2.2.2", 2, "captcha"), ("1.1.1.1", 3, "verify"),
              ("2.2.2.2", 4, "verify"), ("1.1.1.1", 5, "verify")]  # fmt: skip
    text = "".join(line.format(client=c, second=s, what=w) for c, s, w in events)
    composed = compose(parse_access_log(text, "a.log"), CAPTCHA, ImportOptions())
    steps = [step for step in composed.data["steps"] if "pause" not in step]
    assert [step.get("verify") for step in steps] == [None, None, "c1", "c2", "c1"]
    assert [step.get("answer") for step in steps[2:]] == ["wrong"] * 3
    assert [step["pod"] for step in steps] == ["A", "B", "B", "A", "A"]
    assert any("a log has no bodies" in note for note in composed.notes)
    assert "1.1.1.1" not in composed.text


def test_ids_in_curl_commands_are_matched_with_creates_in_order() -> None:
    send = "curl -X POST http://x/api/abstract-captcha\n"
    check = 'curl http://x/api/abstract-verify --json \'{"challenge_id": "%s"}\'\n'
    text = send + send + check % ("a" * 32) + check % ("b" * 32) + check % ("a" * 32)
    composed = compose(parse_curl(text, "c.txt"), CAPTCHA, ImportOptions())
    assert [step.get("verify") for step in composed.data["steps"]] == [None, None, "c1", "c2", "c1"]
    assert "a" * 32 not in composed.text


def test_a_service_of_another_profile() -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {}}
    listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
    session = {"content-type": "application/json", "mcp-session-id": "s-0123456789"}
    requests = (
        post("/mcp", hello, {"result": {}}, answer_headers=session),
        post("/mcp", listed, {"result": {}}, headers={"mcp-session-id": "s-0123456789"}),
    )
    composed = compose(Recording("m.har", "HAR", requests), MCP_SESSION, ImportOptions())
    assert composed.data["sessions"] == {"c1": "any"}
    assert [next(iter(step)) for step in composed.data["steps"]] == ["create", "verify"]
    assert composed.data["steps"][1]["answer"] == "right"
    parse(composed.text, "x.yaml")


@pytest.mark.parametrize(("right", "answer"), [({}, "wrong"), ({"right": 3}, "right")])
def test_a_recorded_success_is_right_only_where_somebody_knows_how(
    right: dict[str, Any], answer: str
) -> None:
    """A body that is always the same was written down as a wrong answer."""
    body = {"id": "{id}", "n": "{answer}" if right else 1}
    kind = Kind(Template("/new"), Template("/use", body=body), answers=right)
    game = replace(CAPTCHA, kinds={"game": kind}, id_field="id", oracle="", limit=0)
    requests = (
        post("/new", {}, {"id": "s-0123456789"}),
        post("/use", {"id": "s-0123456789", "n": 3}, {"success": True}),
    )
    step = compose(Recording("g.har", "HAR", requests), game, ImportOptions()).data["steps"][1]
    assert step["answer"] == answer
    assert step["expect"]["outcome"] == ("success" if right else ["success", "wrong"])


def test_sessions_in_cookies_are_told_apart_and_their_values_are_not_kept() -> None:
    carts = Kind(Template("/carts"), Template("/carts/items", headers={"Cookie": "sid={id}"}))
    profile = replace(CAPTCHA, name="shop", kinds={"cart": carts}, id_field="", id_cookie="sid")
    first, second = "0123456789abcdef", "fedcba9876543210"
    given = {"content-type": "application/json"}
    requests = (
        post("/carts", None, {}, 1.0, answer_headers={**given, "set-cookie": f"sid={first}; Path=/"}),
        post("/carts", None, {}, 2.0, answer_headers={**given, "set-cookie": f"a=b, sid={second}; Path=/"}),
        post("/carts/items", None, {"success": True}, 3.0, headers={"cookie": f"a=b; sid={second}"}),
        post("/carts/items", None, {"success": True}, 4.0, headers={"cookie": f"sid={first}"}),
    )
    composed = compose(Recording("m.har", "HAR", requests), profile, ImportOptions())
    used = [step["verify"] for step in composed.data["steps"] if "verify" in step]
    assert used == ["c2", "c1"]
    assert first not in composed.text
    assert second not in composed.text


def test_a_path_that_a_browser_wrote_as_people_read_it() -> None:
    step = made(create(), post("/api/näme of it?q=a b")).data["steps"][1]
    assert step["request"] == "POST /api/n%C3%A4me%20of%20it?q=a%20b"


def test_a_pause_of_more_than_a_day_is_a_day() -> None:
    composed = made(create(started=0.0), create("b" * 32, started=200_000.0))
    assert composed.data["steps"][1] == {"pause": 86400.0}
    assert "pauses of more than a day are replayed as a day; the longest was 2.3 days" in composed.notes


def log_of(seed: int, count: int) -> str:
    """Lines of an access log, as JSON or as text, with and without ids, out of order, of several clients."""
    chance, moment = random.Random(seed), 1_760_000_000.0
    ids = [f"{chance.getrandbits(64):016x}" for _ in range(12)]
    lines = []
    for _ in range(count):
        moment += chance.choice([0, 0.01, 0.3, 2, 400])
        kind, use = chance.choice(["abstract", "handwriting"]), chance.random()
        create = {"abstract": "captcha", "handwriting": "challenge"}[kind]
        path = "/style.css" if use > 0.9 else f"/api/{kind}-{create if use < 0.4 else 'verify'}"
        path += f"?id={chance.choice(ids)}" if chance.random() < 0.1 else ""
        client, status = f"203.0.113.{chance.randrange(5)}", chance.choice([200, 200, 429, 502])
        if seed % 2:
            line = {"time": moment, "method": "POST", "path": path, "status": status, "remote_addr": client}
            line |= {"request_time": round(chance.random() * 3, 3)}
            line |= {"challenge_id": chance.choice(ids)} if chance.random() < 0.5 else {}
            line |= {"pod": f"captcha-api-{chance.choice('abc')}"} if seed % 4 == 1 else {}
            lines.append(json.dumps(line))
        else:
            when = datetime.fromtimestamp(moment, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000")
            lines.append(
                f'{client} - - [{when}] "POST {path} HTTP/1.1" {status} 5 "-" "x" rt={chance.random()}'
            )
    if seed % 3 == 0:
        chance.shuffle(lines)
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("options", [ImportOptions(), ImportOptions(3), ImportOptions(None, True, False)])
def test_a_log_read_line_by_line_is_the_log_read_whole(
    seed: int, options: ImportOptions, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = log_of(seed, 120)
    whole = compose(parse_access_log(text, "a.log"), CAPTCHA, options)
    monkeypatch.setattr(composing, "SortedLines", lambda: SortedLines(held=7))  # nearly all in the file
    streamed = compose_log(text.splitlines(), "a.log", CAPTCHA, options)
    assert streamed.text == whole.text
    assert (streamed.notes, streamed.requests, streamed.sessions) == (
        whole.notes,
        whole.requests,
        whole.sessions,
    )
    assert streamed.data == whole.data
    assert checked(streamed).listed is None


def test_a_log_too_large_for_a_replay_is_said() -> None:
    line = '1.1.1.1 - - [24/Nov/2026:10:00:00 +0000] "POST /api/abstract-captcha HTTP/1.1" 200 5'
    assert compose_log([line] * 10, "a.log", CAPTCHA, ImportOptions()).too_large is None
    large = compose_log([line] * 10_001, "a.log", CAPTCHA, ImportOptions())
    assert large.too_large is not None and "at most 10000 steps" in large.too_large
    with pytest.raises(UsageProblem, match="at most 10000 are read"):
        parse(large.text, "x.yaml")


def test_what_is_held_of_a_log_does_not_grow_with_its_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    line = '1.1.1.{} - - [24/Nov/2026:10:00:00 +0000] "POST /api/abstract-{} HTTP/1.1" 200 5 "-" "{}"'
    monkeypatch.setattr(composing, "SortedLines", lambda: SortedLines(held=500))
    monkeypatch.setattr(composing, "_PIECE", 1000)
    monkeypatch.setattr(sorted_lines, "_BLOCK", 10)

    def peak(count: int) -> int:
        lines = (line.format(n % 50, "verify" if n % 3 else "captcha", "x" * 300) for n in range(count))
        tracemalloc.start()
        try:
            compose_log(lines, "a.log", CAPTCHA, ImportOptions())
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(500)
    assert peak(3000) - peak(1000) < 2000 * 60  # a line has 400 characters, a session some columns
