"""Text → Scenario, and the one line that says what is wrong with a file."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.ids import SessionName
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import REDIS_STORES, Answer, CaptchaType, Strategy
from devenv.core.scenario import (
    Create,
    Gate,
    KeyEvent,
    Pause,
    Redis,
    RedisCommandStep,
    RedisServer,
    Request,
    Restart,
    Together,
    Toggle,
    Verify,
    parse,
)
from devenv.core.scenario.expect import expected_of

GOOD = """\
version: 1
id: example
title: An example
cause: pod-memory
needs: [R]
stack: {pods: 2, pod_env: {B: {REDIS_PREFIX: "other:", USE_REDIS: true, CAPTCHA_TTL: 30}}}
stores:
  memory: {not_applicable: No reason.}
  guide: {shows: It fails., bug: true}
  atomic: {shows: It holds.}
sessions: {alice: abstract, bob: handwriting, carol: handwriting}
steps:
  - create: alice
    pod: A
  - verify: alice
    pod: captcha-api-b
    answer: [0, 1]
    expect: {outcome: wrong}
  - create: bob
  - create: carol
    pod: b
    word_differs_from: bob
  - together:
      - {verify: alice, pod: A, answer: right}
      - {verify: alice, answer: empty}
    expect:
      guide: {outcomes: {success: {min: 1, max: 2}}}
  - toggle: [A, B]
    use_redis: false
  - redis: alice
    expect: {ttl: {min: 1, max: 60}}
  - redis_command: [PEXPIRE, "{key:alice}", 400]
"""


def test_every_part_arrives() -> None:
    scenario = parse(GOOD, "example.yaml")
    assert scenario.strategies == (Strategy.GUIDE, Strategy.ATOMIC)
    assert scenario.sessions[SessionName("carol")] is CaptchaType.HANDWRITING
    assert scenario.stack.pod_env == {
        "captcha-api-b": {"REDIS_PREFIX": "other:", "USE_REDIS": "true", "CAPTCHA_TTL": "30"}
    }
    create, verify, bob, carol, together, toggle, redis, command = scenario.steps
    assert create == Create(13, SessionName("alice"), "captcha-api-a")
    assert isinstance(verify, Verify)
    assert (verify.pod, verify.answer) == ("captcha-api-b", (0, 1))
    assert verify.expect == {store: {"outcome": "wrong"} for store in Strategy}
    assert isinstance(bob, Create)
    assert bob.pod is None
    assert isinstance(carol, Create)
    assert (carol.pod, carol.word_differs_from) == ("captcha-api-b", "bob")
    assert isinstance(together, Together)
    assert [(v.pod, v.answer) for v in together.verifies if isinstance(v, Verify)] == [
        ("captcha-api-a", Answer.RIGHT),
        (None, Answer.EMPTY),
    ]
    assert together.expect == {Strategy.GUIDE: {"outcomes": {"success": {"min": 1, "max": 2}}}}
    assert toggle == Toggle(28, ("captcha-api-a", "captcha-api-b"), False)
    assert isinstance(redis, Redis)
    assert command == RedisCommandStep(32, ("PEXPIRE", "{key:alice}", "400"))


def test_parsing_is_a_function_of_the_text() -> None:
    assert parse(GOOD, "example.yaml") == parse(GOOD, "example.yaml")


def _replace(old: str, new: str) -> str:
    assert GOOD.count(old) == 1
    return GOOD.replace(old, new)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("", "x.yaml:1: the file is empty"),
        ("- 1\n- 2\n", "x.yaml:1: [1, 2] is not a mapping"),
        ("version: 1\nid: [1\ntitle: a\n", "x.yaml:3: not readable as YAML: "),
        ("version: 1\nid: a\x00b\n", "x.yaml:1: not readable as YAML: "),
        ("version: 1\nid: 2026-99-99\n", "x.yaml:1: not readable as YAML: "),
        ("version: 1\nversion: 1\n", "x.yaml:2: key 'version' is given twice (first in line 1)"),
        ("a: &x 1\nb: *x\n", "x.yaml:1: anchors (&, *) are not supported"),
        ("a: &x [*x]\n", "x.yaml:1: anchors (&, *) are not supported"),
        ("1: a\n", "x.yaml:1: a key must be text and '1' is not "),
        ("a: 1\noff: b\n", "x.yaml:2: a key must be text and 'off' is not "),
        ("[a]: b\n", "x.yaml:1: a key must be text and a list or mapping is not"),
        (_replace("version: 1", "version: 2"), "x.yaml:1: version: 2 is not 1"),
        (_replace("version: 1\n", ""), "x.yaml:1: key 'version' is missing"),
        (_replace("id: example", "id: Not Good"), 'x.yaml:2: id: "Not Good" does not match '),
        (
            _replace("cause: pod-memory", "cause: gremlins"),
            'x.yaml:4: cause: "gremlins" is not one of pod-memory, ',
        ),
        (_replace("{pods: 2,", "{pods: 0,"), "x.yaml:6: stack.pods: 0 is below 1"),
        (_replace("{pods: 2,", "{pods: two,"), 'x.yaml:6: stack.pods: "two" is not a whole number'),
        (_replace("{pods: 2,", "{policy: dice,"), "x.yaml:6: stack.policy: "),
        (_replace("{B: {", "{C: {"), "x.yaml:6: stack.pod_env: no pod 'C'; this scenario has A, B"),
        (
            _replace("{REDIS_PREFIX:", "{prefix:"),
            "x.yaml:6: stack.pod_env.B: 'prefix' cannot be a key here: ",
        ),
        (
            _replace("{not_applicable: No reason.}", "{}"),
            "x.yaml:8: stores.memory: needs exactly one of shows, ",
        ),
        (
            _replace("alice: abstract", "alice: sudoku"),
            'x.yaml:11: sessions.alice: "sudoku" is not one of abstract, ',
        ),
        (
            _replace("  - create: alice\n    pod: A\n", "  - create: alice\n    wait: 3\n"),
            "x.yaml:14: steps[1]: unknown key 'wait'; known: create, expect, node, pod, word_differs_from",
        ),
        (
            _replace("  - create: alice\n    pod: A\n", "  - sleep: 3\n"),
            "x.yaml:13: steps[1]: needs exactly one of create, verify, together, restart, toggle, redis, "
            "redis_command, redis_server, get, expire, age, failover, gate, request, pause; it has sleep",
        ),
        (
            _replace("  - create: alice\n    pod: A\n", "  - create: alice\n    restart: A\n"),
            "x.yaml:13: steps[1]: needs exactly one of ",
        ),
        (_replace("    answer: [0, 1]\n", ""), "x.yaml:15: steps[2]: key 'answer' is missing"),
        (
            _replace("answer: [0, 1]", "answer: maybe"),
            'x.yaml:17: steps[2].answer: "maybe" is not one of right, ',
        ),
        (
            _replace("{outcome: wrong}", "{outcome: lost}"),
            'x.yaml:18: steps[2].expect.outcome: "lost" is not one of ',
        ),
        (
            _replace("{outcome: wrong}", "{ttl: 3}"),
            "x.yaml:18: steps[2].expect: unknown key 'ttl'; known: attempts, ",
        ),
        (_replace("{outcome: wrong}", "{}"), "x.yaml:18: steps[2].expect: needs at least 1 entry"),
        (
            _replace("pod: captcha-api-b", "pod: C"),
            "x.yaml:16: steps[2].pod: no pod 'C'; this scenario has A, B",
        ),
        (
            _replace("word_differs_from: bob", "word_differs_from: alice"),
            "x.yaml:22: steps[4].word_differs_from: session 'alice' is not of type handwriting",
        ),
        (
            _replace("  - redis: alice\n    expect: {ttl: {min: 1, max: 60}}", "  - failover: alice"),
            "x.yaml:30: steps[7]: 'failover' needs a cluster: stack: {redis: cluster}",
        ),
        (
            _replace("  - redis: alice", "  - redis: dora"),
            "x.yaml:30: steps[7].redis: no session 'dora'; sessions: ",
        ),
        (_replace("{key:alice}", "{key:dora}"), "x.yaml:32: steps[8].redis_command[2]: no session 'dora'; "),
        (
            _replace("  - create: bob\n", ""),
            "x.yaml:21: steps[3].word_differs_from: session 'bob' is not created before this step",
        ),
        (
            _replace("carol: handwriting}", "carol: handwriting, eve: abstract}"),
            "x.yaml:11: sessions: session 'eve' is never created",
        ),
        (
            _replace("    expect: {ttl: {min: 1, max: 60}}\n", ""),
            "x.yaml:30: steps[7]: key 'expect' is missing",
        ),
    ],
)
def test_an_error_names_file_line_and_part(text: str, begins: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse(text, "x.yaml")
    assert caught.value.message.startswith(begins), caught.value.message
    assert "\n" not in caught.value.message


def test_the_first_of_several_errors_is_named_and_the_others_counted() -> None:
    text = _replace("pod: captcha-api-b", "pod: 3").replace("version: 1", "version: 9")
    with pytest.raises(UsageProblem, match=r"^x\.yaml:1: version: 9 is not 1 \(and 1 more\)$"):
        parse(text, "x.yaml")


def test_a_misspelt_key_is_told_before_the_key_that_it_should_be() -> None:
    with pytest.raises(UsageProblem, match=r"^x\.yaml:3: unknown key 'titel'; known: .* \(and 1 more\)$"):
        parse(_replace("title: An", "titel: An"), "x.yaml")


def test_selections_are_no_answer_to_handwriting() -> None:
    text = GOOD + "  - {verify: bob, answer: [1]}\n"
    with pytest.raises(UsageProblem, match=r"^x\.yaml:33: steps\[9\]\.answer: session 'bob' is handwriting"):
        parse(text, "x.yaml")


MORE = """\
  - together:
      first: {verify: alice, pod: A, answer: right}
      second: {verify: alice, pod: B, answer: wrong}
    order:
      guide: ["second:GET before first:DEL", "@expire:alice after first:GET"]
      atomic: second after first
    expect: {requests: {first: {outcome: success}}}
  - together: [{verify: alice, answer: wrong, times: 3}]
  - gate: {action: error, command: SETEX, key: "{key:alice}", pod: A, text: OOM no}
  - gate: {guide: [{action: delay, seconds: 1}], memory: {action: disconnect}}
  - gate: reset
  - expire: alice
  - age: alice
  - redis_server: flush
  - restart: B
    env: {REDIS_PORT: "tcp://x", USE_REDIS: false}
    expect: {starts: false, says: REDIS_PORT}
"""


def test_orders_faults_and_events_arrive() -> None:
    steps = parse(GOOD + MORE, "x.yaml").steps[8:]
    ordered, times, oom, by_store, reset, expire, age, flush, restart = steps
    assert isinstance(ordered, Together)
    assert ordered.names == ("first", "second")
    assert ordered.order == {
        Strategy.GUIDE: ("second:GET before first:DEL", "@expire:alice after first:GET"),
        Strategy.ATOMIC: ("second after first",),
    }
    assert isinstance(times, Together)
    assert (len(times.verifies), times.names, times.order) == (3, (), {})
    rule = {"action": "error", "command": "SETEX", "key": "{key:alice}", "pod": "A", "text": "OOM no"}
    assert oom == Gate(41, dict.fromkeys(REDIS_STORES, (rule,)))
    assert by_store == Gate(
        42,
        {Strategy.GUIDE: ({"action": "delay", "seconds": 1},), Strategy.MEMORY: ({"action": "disconnect"},)},
    )
    assert reset == Gate(43, None)
    assert (expire, age) == (
        KeyEvent(44, "expire", SessionName("alice")),
        KeyEvent(45, "age", SessionName("alice")),
    )
    assert flush == RedisServer(46, "flush")
    assert isinstance(restart, Restart)
    assert (restart.pods, restart.env) == (
        ("captcha-api-b",),
        {"REDIS_PORT": "tcp://x", "USE_REDIS": "false"},
    )
    assert restart.expect[Strategy.GUIDE] == {"starts": False, "says": "REDIS_PORT"}


@pytest.mark.parametrize(
    ("old", "new", "begins"),
    [
        ("second after first", "third after first", "x.yaml:38: steps[9].order.atomic: no request 'third'; "),
        (
            "second after first",
            "second then first",
            "x.yaml:38: steps[9].order.atomic: 'second then first' is ",
        ),
        ("@expire:alice", "@expire:dora", "x.yaml:37: steps[9].order.guide: no session 'dora'; "),
        (
            "second: {verify: alice, pod: B,",
            "second: {verify: alice,",
            "x.yaml:35: steps[9].together.second: key 'pod' is missing: an order needs ",
        ),
        ("{first: {outcome", "{frist: {outcome", "x.yaml:39: steps[9].expect.requests: no request 'frist'; "),
        ("times: 3", "times: 0", "x.yaml:40: steps[10].together[1].times: 0 is below 1"),
        (
            "action: error",
            "action: explode",
            'x.yaml:41: steps[11].gate.action: "explode" is not one of delay, ',
        ),
        ("{key:alice}", "{key:dora}", "x.yaml:41: steps[11].gate: no session 'dora'; "),
        ("pod: A, text", "pod: Z, text", "x.yaml:41: steps[11].gate: no pod 'Z'; "),
        ("gate: reset", "gate: rest", 'x.yaml:43: steps[13].gate: "rest" is not reset'),
        ("age: alice", "age: dora", "x.yaml:45: steps[15].age: no session 'dora'; "),
        ("flush", "burn", 'x.yaml:46: steps[16].redis_server: "burn" is not one of pause, '),
        ("starts: false", "starts: perhaps", 'x.yaml:49: steps[17].expect.starts: "perhaps" is not true or '),
    ],
)
def test_an_error_in_orders_and_faults(old: str, new: str, begins: str) -> None:
    assert MORE.count(old) == 1
    with pytest.raises(UsageProblem) as caught:
        parse(GOOD + MORE.replace(old, new), "x.yaml")
    assert caught.value.message.startswith(begins), caught.value.message
    assert "\n" not in caught.value.message


def test_an_order_needs_names() -> None:
    text = GOOD + "  - {together: [{verify: alice, pod: A, answer: wrong}], order: v1 A:GET}\n"
    with pytest.raises(
        UsageProblem, match=r"^x\.yaml:33: steps\[9\]\.order: an order needs requests with names"
    ):
        parse(text, "x.yaml")


def test_a_teaching_store_may_be_said_something_of() -> None:
    message = GOOD.replace("\nsessions:", "\n  watch: {shows: passes too}\nsessions:", 1)
    assert message != GOOD
    scenario = parse(message, "x.yaml")
    assert scenario.strategies == (Strategy.GUIDE, Strategy.ATOMIC, Strategy.WATCH)
    assert scenario.note(Strategy.INCR) is None
    assert "incr" not in scenario.to_json()["stores"]
    assert expected_of(scenario.steps[1], Strategy.INCR, scenario) == {}
    assert expected_of(scenario.steps[0], Strategy.WATCH, scenario)["status"] == 200
    pair = "one: {verify: alice, pod: A, answer: right}, two: {verify: alice, pod: B, answer: empty}"
    together = f"  - together: {{{pair}}}\n    order: one after two\n"
    step = parse(message.replace("  - toggle: [A, B]", together + "  - toggle: [A, B]"), "x.yaml").steps[5]
    assert isinstance(step, Together)
    assert [*step.order] == [Strategy.GUIDE, Strategy.ATOMIC, Strategy.WATCH]


REQUESTS = """\
version: 1
id: any-request
title: Requests that are neither a create nor a verify
cause: pod-memory
needs: []
stores: {memory: {shows: x}, guide: {shows: x}, atomic: {shows: x}}
sessions: {alice: abstract}
steps:
  - create: alice
    pod: A
  - request: POST /api/next?for={challenge:alice}
    pod: B
    headers: {X-Trace: "{challenge:alice}"}
    json: {of: ["{challenge:alice}", 1]}
    capture: {next: data.next, trace: "header:x-trace"}
    expect: {status: [200, 204], fields: {ok: true}}
  - pause: 0.5
  - together:
      one: {verify: alice, answer: wrong}
      two: {request: "GET /next/{captured:next}"}
    expect: {requests: {two: {status: 200}}}
  - request: PUT /x
    body: plain {captured:trace}
"""


def test_any_request_and_pauses() -> None:
    steps = parse(REQUESTS, "x.yaml").steps
    first, pause, together, last = steps[1:]
    assert isinstance(first, Request)
    assert (first.method, first.target) == ("POST", "/api/next?for={challenge:alice}")
    assert (first.pod, first.as_json) == ("captcha-api-b", True)
    assert first.capture == {"next": "data.next", "trace": "header:x-trace"}
    assert first.expect[Strategy.GUIDE]["status"] == [200, 204]
    assert pause == Pause(17, 0.5)
    assert isinstance(together, Together)
    assert isinstance(together.verifies[1], Request)
    assert isinstance(last, Request)
    assert (last.content, last.as_json) == ("plain {captured:trace}", False)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("POST /api/next?", "/api/next?", '11: steps[2].request: "/api/next?'),
        ('Trace: "{challenge:alice}', 'Trace: "{challenge:bob}', "13: steps[2].headers: no session"),
        ("{captured:next}", "{captured:nix}", "20: steps[4].together.two.request: no value 'nix'"),
        ("    body: plain", "    json: 1\n    body: plain", "24: steps[5]: a request has json or body"),
        ("two: {request: ", "two: {expect: {status: 2}, request: ", "20: steps[4].together.two: goes to"),
        ("{verify: alice, answer: wrong}", "{verify: alice, answer: no}", "19: steps[4].together.one"),
        ("pause: 0.5", "pause: -1", "17: steps[3].pause: -1 is below 0"),
    ],
)  # fmt: skip
def test_an_error_in_any_request(old: str, new: str, message: str) -> None:
    assert old in REQUESTS
    with pytest.raises(UsageProblem) as caught:
        parse(REQUESTS.replace(old, new, 1), "x.yaml")
    assert caught.value.message.startswith(f"x.yaml:{message}"), caught.value.message


@pytest.mark.parametrize(
    ("capture", "message"),
    [
        ("{from: body}", "steps[2].capture.next: key 'match' is missing"),
        ("{from: body, match: a, to: b}", "steps[2].capture.next: unknown key 'to'"),
        ("{from: body, match: '(a'}", "steps[2].capture.next.match: '(a' is no regular expression"),
        ("{from: body, match: 'a'}", "steps[2].capture.next.match: 'a' has 0 groups"),
        ("5", "steps[2].capture.next: 5 is not text"),
    ],
)
def test_an_error_in_what_is_captured(capture: str, message: str) -> None:
    assert "next: data.next" in REQUESTS
    with pytest.raises(UsageProblem) as caught:
        parse(REQUESTS.replace("next: data.next", f"next: {capture}", 1), "x.yaml")
    assert caught.value.message.partition(":")[2].partition(": ")[2].startswith(message), caught.value


def test_a_part_of_an_answer_is_captured() -> None:
    capture = "next: {from: body, match: 'x(.)'}"
    steps = parse(REQUESTS.replace("next: data.next", capture, 1), "x.yaml").steps
    step = next(step for step in steps if isinstance(step, Request))
    assert (step.capture["next"], step.matches) == ("body", {"next": "x(.)"})


def test_what_a_cluster_is_asked_for() -> None:
    text = _replace("  - redis: alice\n    expect: {ttl: {min: 1, max: 60}}", "  - failover: alice")
    text = text.replace("stack: {pods: 2", "stack: {pods: 2, redis: cluster")
    text = text.replace("  - create: alice\n", "  - create: alice\n    node: other\n")
    scenario = parse(text, "x.yaml")
    assert scenario.stack.redis is RedisMode.CLUSTER
    assert isinstance(scenario.steps[0], Create) and scenario.steps[0].node == "other"
    failover = next(step for step in scenario.steps if isinstance(step, KeyEvent))
    assert (failover.event, failover.session) == ("failover", "alice")
