"""``devenv gate`` and ``devenv explain`` on a stack that runs, as people type them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from devenv.verbs.explain.picture import LONG_HOLD_S
from tests.support import HANG_GUARD_S, until

from .conftest import CommandLine

A, B = "captcha-api-a", "captcha-api-b"


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CommandLine]:
    """A detached stack of two pods with the guide's store; its waits and sessions outlast a slow machine."""
    line = CommandLine(tmp_path_factory.mktemp("gate"))
    (line.folder / ".env").write_text("REDIS_TIMEOUT_MS=300000\nCAPTCHA_TTL=3600\n", encoding="utf-8")
    line.json("up", "--detach", "--use-redis", "--strategy", "guide")
    yield line
    line.json("down")


@pytest.fixture
def traffic(guide: CommandLine) -> Iterator[httpx.Client]:
    url = guide.json("status")["endpoints"]["traffic"]
    with httpx.Client(base_url=url, timeout=HANG_GUARD_S, trust_env=False) as client:
        yield client
    guide.json("gate", "reset")


def create(traffic: httpx.Client, pod: str) -> str:
    answer = traffic.post("/api/abstract-captcha", headers={"X-Devenv-Pod": pod})
    answer.raise_for_status()
    return str(answer.json()["challenge_id"])


def verify(traffic: httpx.Client, pod: str, challenge_id: str, selections: list[int]) -> dict[str, Any]:
    body = {"challenge_id": challenge_id, "selections": selections}
    data: dict[str, Any] = traffic.post(
        "/api/abstract-verify", json=body, headers={"X-Devenv-Pod": pod}
    ).json()
    return data


def test_rules_are_idempotent_and_counted(guide: CommandLine, traffic: httpx.Client) -> None:
    words = ("gate", "error", "--command", "setex", "--pod", "b", "--nth", "2", "--text", "OOM no room")
    first, again = guide.json(*words), guide.json(*words)
    assert first["id"] == again["id"]
    state = guide.json("gate", "list")
    assert [rule["id"] for rule in state["rules"]] == [first["id"]]
    assert state["rules"][0]["pod"] == B
    create(traffic, B)
    refused = traffic.post("/api/abstract-captcha", headers={"X-Devenv-Pod": B})
    assert refused.status_code == 500
    create(traffic, B)
    rule = guide.json("gate", "list")["rules"][0]
    assert (rule["matched"], rule["applied"]) == (3, 1)
    assert guide.json("gate", "reset", "--rule", first["id"]) == {"removed": first["id"]}
    assert guide.json("gate", "list")["rules"] == []


@pytest.mark.parametrize(
    ("words", "action", "direction"),
    [
        (("hold",), "hold", "request"),
        (("hold", "--direction", "reply", "--seconds", "2"), "hold", "reply"),
        (("delay", "--seconds", "0.5", "--key", "*:abstract:*"), "delay", "request"),
        (("drop",), "drop-request", "request"),
        (("drop", "--direction", "reply", "--times", "3"), "drop-reply", "reply"),
        (("disconnect", "--command", "GET"), "disconnect", "request"),
        (("blackhole", "--id", "mine"), "blackhole", "request"),
    ],
)
def test_every_verb_is_a_rule(
    guide: CommandLine, traffic: httpx.Client, words: tuple[str, ...], action: str, direction: str
) -> None:
    rule = guide.json("gate", *words)
    assert (rule["action"], rule["direction"]) == (action, direction)
    if "--id" in words:
        assert rule["id"] == "mine"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("hold", "--pod", "z"), "no pod is called 'z'"),
        (("delay", "--seconds", "1000"), "rule.seconds is 1000.0"),
        (("error", "--text", "two\nlines"), "rule.text is more than one line"),
        (("delay", "--seconds", "inf"), "rule.seconds is inf"),
        (("hold", "--key", ""), "rule.key is empty"),
        (("error", "--text", "\udcff"), "no text in UTF-8"),
        (("release", "--command", "\udcff"), "no text in UTF-8"),
        (("release", "--then", "answer"), "'pass', 'lose-reply', 'cut-reply', 'drop', 'cut'"),
        (("reset", "--rule", "nope"), "the gate has no rule 'nope'"),
    ],
)
def test_what_the_gate_refuses(guide: CommandLine, words: tuple[str, ...], sentence: str) -> None:
    error = guide.json("gate", *words, code=2)["error"]
    assert sentence in error["message"]
    assert error["hint"]


def test_the_list_says_what_a_rule_does_whatever_its_name(guide: CommandLine, traffic: httpx.Client) -> None:
    guide.json("gate", "delay", "--seconds", "0.25", "--direction", "reply", "--id", "mine")
    guide.json("gate", "error", "--text", "OOM no room", "--command", "SETEX", "--id", "full")
    shown = [line.split("  ") for line in guide.run("gate", "list").stdout.splitlines()]
    cells = {line[0]: [cell.strip() for cell in line if cell.strip()] for line in shown}
    assert cells["mine"][1:3] == ["delay the reply 0.25 s", "every command"]
    assert cells["full"][1:3] == ["error OOM no room", "command SETEX"]


def test_a_rule_for_a_command_that_no_pod_sends_says_so_at_once(
    guide: CommandLine, traffic: httpx.Client
) -> None:
    create(traffic, B)
    rule = guide.json("gate", "error", "--command", "INCR", "--pod", "b", "--id", "never")
    assert "SETEX" in rule["commands_seen"] and "PING" not in rule["commands_seen"]
    for words in (("error", "--command", "INCR", "--pod", "b", "--id", "never"), ("list",)):
        shown = guide.run("gate", *words).stdout
        assert "INCR: matched 0; commands seen: " in shown
        assert "redis-py and valkey-py send INCRBY for it" in " ".join(shown.split())
    assert "commands_seen" not in guide.json("gate", "error", "--command", "SET*", "--id", "met")
    assert "commands_seen" not in guide.json("gate", "error", "--id", "every")


def test_the_reset_names_the_connections_that_it_closes(guide: CommandLine, traffic: httpx.Client) -> None:
    challenge_id = create(traffic, B)
    guide.json("gate", "drop", "--command", "GET", "--direction", "reply", "--pod", "b", "--id", "loses")
    waiting = threading.Thread(target=lambda: verify(traffic, B, challenge_id, [0]))
    waiting.start()
    until(lambda: any(pod["severed"] for pod in guide.json("gate", "list")["gate"]["pods"]), "reply lost")
    assert "severed" in guide.run("gate", "list").stdout
    ended = guide.json("gate", "reset")
    assert [(closed["pod"], closed["rule"]) for closed in ended["closed"]] == [(B, "loses")]
    waiting.join(HANG_GUARD_S)
    assert not waiting.is_alive()
    assert guide.json("gate", "reset") == {"released": [], "closed": []}


def test_without_a_stack_there_is_no_gate(devenv: CommandLine) -> None:
    assert "no stack is running" in devenv.json("gate", "list", code=4)["error"]["message"]


def test_a_race_made_by_hand_and_explained(guide: CommandLine, traffic: httpx.Client) -> None:
    """B is held between reading and writing, A's second wrong answer ends the session, B writes it back."""
    challenge_id = create(traffic, A)
    rule = guide.json("gate", "hold", "--pod", "B", "--command", "TTL", "--seconds", "300", "--id", "race")
    assert rule["seconds"] == 300.0
    answers: list[dict[str, Any]] = []
    late = threading.Thread(target=lambda: answers.append(verify(traffic, B, challenge_id, [0])))
    late.start()
    until(lambda: bool(guide.json("gate", "list")["held"]), "TTL held")
    held = guide.json("gate", "list")["held"][0]
    assert (held["pod"], held["command"], held["direction"]) == (B, "TTL", "request")
    shown = guide.run("gate", "list").stdout
    assert f"#{held['seq']}" in shown
    assert challenge_id in shown
    assert verify(traffic, A, challenge_id, [])["attempts"] == 1
    assert verify(traffic, A, challenge_id, [])["attempts"] == 2
    # Held long enough to be drawn in its parts.
    until(lambda: time.time() - held["since"] > 2 * LONG_HOLD_S, "the hold to be long")
    assert [item["seq"] for item in guide.json("gate", "release", "--rule", "race")["released"]] == [
        held["seq"]
    ]
    late.join(HANG_GUARD_S)
    assert answers[0]["attempts"] == 1
    explanation = guide.json("explain", "--since", "3600", code=1)
    assert explanation["run"] is None
    about = {one["cause"]: one for one in explanation["findings"] if challenge_id in one["challenges"]}
    assert list(about) == ["resurrected-key", "lost-attempt"]
    crossed = [line["text"] for line in about["resurrected-key"]["evidence"] if "redis #" in line["text"]]
    assert [text.split(": ")[1] for text in crossed[1:]] == ["DEL → 1", "SET → OK"]
    labels = [message["label"] for message in explanation["messages"]]
    assert any("⏸ held" in label for label in labels)


def test_explain_for_people(guide: CommandLine, traffic: httpx.Client) -> None:
    full = "OOM command not allowed when used memory > 'maxmemory'"
    guide.json("gate", "error", "--command", "SETEX", "--pod", "a", "--times", "1", "--text", full)
    assert traffic.post("/api/abstract-captcha", headers={"X-Devenv-Pod": A}).status_code == 500
    page = guide.folder / "why.html"
    live = guide.run("explain", "--since", "300", "--report", str(page))
    assert live.returncode == 1
    assert live.stdout.startswith("the last 300 s of the running stack\n")
    assert "writes-refused" in live.stdout
    assert "<svg" in page.read_text(encoding="utf-8")
    run = guide.json("replay", "pod-memory-abstract", "--strategy", "guide")["run"]
    recorded = guide.run("explain", run)
    assert recorded.returncode == 0
    assert "✓ nothing wrong: 2 challenges, 2 answers: 2 passed" in recorded.stdout
    head = next(line for line in recorded.stdout.splitlines() if "client" in line)
    assert head.split() == ["client", "proxy", A, B, "gate", "redis"]
    assert guide.run("explain", run, "--mermaid").stdout.startswith("sequenceDiagram\n")


def test_a_toggle_by_another_command_is_known(guide: CommandLine, traffic: httpx.Client) -> None:
    challenge_id = create(traffic, A)
    guide.json("toggle", "off", "--pod", "a")
    try:
        assert verify(traffic, A, challenge_id, [0])["message"] == "Challenge not found"
        explanation = guide.json("explain", "--since", "3600", code=1)
    finally:
        guide.json("toggle", "on", "--pod", "a")
    ours = [one for one in explanation["findings"] if challenge_id in one["challenges"]]
    assert [one["cause"] for one in ours] == ["mixed-flags"]
    journal = (guide.folder / ".devenv" / "stack-events.jsonl").read_text(encoding="utf-8")
    events = [json.loads(line) for line in journal.splitlines()]
    assert [event["pod"] for event in events if event["what"] == "restart"][-2:] == [A, A]


def test_replay_explains_what_did_not_go_as_expected(guide: CommandLine) -> None:
    scenario = guide.folder / "mine.yaml"
    scenario.write_text(_HOPEFUL, encoding="utf-8")
    failed = guide.json("replay", str(scenario), "--strategy", "memory", code=1)
    assert [one["cause"] for one in failed["findings"]] == ["pod-memory"]
    explanation = guide.json("explain", failed["run"], code=1)
    assert explanation["findings"] == failed["findings"]
    folder = guide.folder / ".devenv" / "runs" / failed["run"]
    assert (folder / "report.html").is_file()
    assert "Challenge not found" in (folder / "sequence.mmd").read_text(encoding="utf-8")
    message = guide.run("replay", str(scenario), "--strategy", "memory").stdout
    assert "pod-memory" in message
    assert f"devenv explain {guide.json('explain', 'latest', code=1)['run']}" in message
    passed = guide.json("replay", str(scenario), "--strategy", "atomic")
    assert "findings" not in passed
    assert guide.json("explain", "latest")["verdict"].startswith("nothing wrong: 1 challenge")


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("explain", "nope"), 2, "no run 'nope'"),
        (("explain", "latest", "--since", "3"), 2, "give one of them"),
        (("explain", "broken.jsonl"), 2, "broken.jsonl:1: not JSON"),
        (("explain",), 4, "no stack is running"),
    ],
)
def test_nothing_to_explain(devenv: CommandLine, words: tuple[str, ...], code: int, sentence: str) -> None:
    Path(devenv.folder, "broken.jsonl").write_text("{", encoding="utf-8")
    assert sentence in devenv.json(*words, code=code)["error"]["message"]


_HOPEFUL = """\
version: 1
id: hopeful
title: Another pod is expected to know it
cause: pod-memory
needs: [R]
stack: {pods: 2}
stores:
  memory: {shows: "It passes."}
  guide: {shows: "It passes."}
  atomic: {shows: "It passes."}
sessions: {alice: abstract}
steps:
  - create: alice
    pod: A
  - verify: alice
    pod: B
    answer: right
    expect: {outcome: success}
"""
