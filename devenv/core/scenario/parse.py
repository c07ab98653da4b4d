"""Text → Scenario. The schema says what may stand where; here is what one part says about another."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.ids import SessionName
from devenv.core.model.topology import RedisMode, SettingChanges
from devenv.core.model.vocabulary import REDIS_STORES, Answer, CaptchaType, Strategy, resolve_pod
from devenv.core.model.yaml_lines import MOST_CHARACTERS, Document, Path, read_document
from devenv.core.routing import parse_policy
from devenv.core.scenario.model import (
    ANY_KIND,
    Create,
    Expectation,
    Gate,
    GateRule,
    Get,
    KeyEvent,
    Pause,
    Redis,
    RedisCommandStep,
    RedisServer,
    Request,
    Restart,
    Scenario,
    StackRequirements,
    Step,
    StoreNote,
    Together,
    Toggle,
    Verify,
)
from devenv.core.scenario.ordering import events_of, parse_order, requests_of
from devenv.core.scenario.schema import check
from devenv.core.serializability.ends import End, HttpAnswer

KEY_REFERENCE = re.compile(r"\{key:([^{}]*)\}")
"""A session's Redis key inside a word of ``redis_command``."""
VALUE_REFERENCE = re.compile(r"\{(challenge|captured):([^{}]*)\}")
"""A session's challenge id or a captured value inside a request."""


MOST_ITEMS = 10_000
"""Steps and other items of lists in one file; said before the file is read, which takes a while."""


def parse(text: str, name: str) -> Scenario:
    """Parse a scenario file; ``name`` is how messages call it.

    Raises UsageProblem ("pod-memory.yaml:7: steps[2]: unknown key 'wait'; known: …") for broken YAML,
    what the schema does not allow, and names of sessions or pods that do not exist.
    """
    short = len(text) <= MOST_CHARACTERS
    items = sum(line.lstrip().startswith("- ") for line in text.splitlines()) if short else 0
    if items > MOST_ITEMS:
        raise UsageProblem(
            f"{name}: its lists have {items} items, steps among them; at most {MOST_ITEMS} are read"
        )
    document = read_document(text, name)
    check(document)
    return _Builder(document).scenario(text)


def parse_data(data: Mapping[str, Any], text: str, name: str) -> Scenario:
    """As ``parse``, of a file whose data is known: it was just written. Errors have no lines."""
    document = Document(name, data, {}, {})
    check(document)
    return _Builder(document).scenario(text)


class _Builder:
    """Builds the parts of one checked document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._data: Mapping[str, Any] = document.data
        self._pods: tuple[str, ...] = ()
        self._sessions: dict[SessionName, str] = {}
        self._created: dict[str, int] = {}
        self._captured: dict[str, int] = {}
        self._redis: RedisMode | None = None

    def scenario(self, source: str) -> Scenario:
        data = self._data
        stack = self._stack(data.get("stack", {}))
        self._sessions = {
            SessionName(name): kind if kind == ANY_KIND else CaptchaType(kind)
            for name, kind in data.get("sessions", {}).items()
        }
        steps = tuple(self._step(step, ("steps", index)) for index, step in enumerate(data["steps"]))
        for name in self._sessions:
            if name not in self._created:
                raise self._document.problem(
                    ("sessions", name), f"session {name!r} is never created", key=True
                )
        notes = data["stores"]
        stores = {strategy: StoreNote(**notes[strategy]) for strategy in Strategy if strategy in notes}
        return Scenario(
            data["id"], data["title"], data["cause"], tuple(data["needs"]), data.get("about", "").strip(),
            stack, stores, self._sessions, steps, self._document.name, source,
            data.get("preset"),
        )  # fmt: skip

    def _stack(self, data: Mapping[str, Any]) -> StackRequirements:
        requirements = StackRequirements(
            data.get("pods", 2), data.get("workers", 1), data.get("policy"), _settings(data.get("env", {}))
        )
        self._pods = requirements.pod_names
        if requirements.policy is not None:
            try:
                parse_policy(requirements.policy, self._pods)
            except UsageProblem as problem:
                raise self._document.problem(
                    ("stack", "policy"), problem.message, hint=problem.hint
                ) from None
        pod_env: dict[str, Mapping[str, str]] = {}
        for word, settings in data.get("pod_env", {}).items():
            pod = self._pod(word, ("stack", "pod_env", word), key=True)
            if pod in pod_env:
                raise self._document.problem(("stack", "pod_env", word), f"{pod} is given twice", key=True)
            pod_env[pod] = _settings(settings)
        self._redis = RedisMode(data["redis"]) if "redis" in data else None
        return replace(requirements, pod_env=pod_env, redis=self._redis, fix=data.get("fix", ""))

    def _step(self, data: Mapping[str, Any], path: Path) -> Step:
        line = self._document.line(path)
        expect = _expectation(data.get("expect", {}))
        match data:
            case {"create": session}:
                return self._create(data, path, line, session, expect)
            case {"verify": _}:
                return self._verify(data, path, expect)
            case {"together": _}:
                return self._together(data, path, line, expect)
            case {"restart": pods}:
                env = _changes(data.get("env", {}))
                return Restart(line, self._several(pods, (*path, "restart")), env, expect)
            case {"expire": session}:
                return KeyEvent(line, "expire", self._known(session, (*path, "expire")))
            case {"age": session}:
                return KeyEvent(line, "age", self._known(session, (*path, "age")))
            case {"failover": session}:
                if self._redis is not RedisMode.CLUSTER:
                    why = "'failover' needs a cluster: stack: {redis: cluster}"
                    raise self._document.problem((*path, "failover"), why, key=True)
                return KeyEvent(line, "failover", self._known(session, (*path, "failover")))
            case {"gate": rules}:
                return self._gate(rules, (*path, "gate"), line)
            case {"toggle": pods, "use_redis": use_redis}:
                return Toggle(line, self._several(pods, (*path, "toggle")), use_redis)
            case {"redis": session}:
                return Redis(line, self._known(session, (*path, "redis")), expect)
            case {"redis_command": words}:
                return self._redis_command(words, path, line)
            case {"redis_server": action}:
                return RedisServer(line, action)
            case {"get": target}:
                return Get(line, target, self._pod_of(data, path), expect)
            case {"request": _}:
                return self._request(data, path, expect)
            case {"pause": seconds}:
                return Pause(line, seconds)
        raise AssertionError(f"the schema let a step pass that is none: {sorted(data)}")

    def _create(
        self, data: Mapping[str, Any], path: Path, line: int, session: SessionName, expect: Expectation
    ) -> Create:
        if session not in self._sessions:
            known = ", ".join(self._sessions) or "none"
            raise self._document.problem((*path, "create"), f"no session {session!r}; sessions: {known}")
        other = data.get("word_differs_from")
        if other is not None:
            self._known(other, (*path, "word_differs_from"))
            for name, key in ((session, "create"), (other, "word_differs_from")):
                if self._sessions[name] != CaptchaType.HANDWRITING:
                    raise self._document.problem((*path, key), f"session {name!r} is not of type handwriting")
        self._created[session] = line
        return Create(line, session, self._pod_of(data, path), other, expect, data.get("node"))

    def _verify(self, data: Mapping[str, Any], path: Path, expect: Expectation) -> Verify:
        session = self._known(data["verify"], (*path, "verify"))
        answer = data["answer"]
        if isinstance(answer, list) and self._sessions[session] == CaptchaType.HANDWRITING:
            raise self._document.problem(
                (*path, "answer"),
                f"session {session!r} is handwriting: right, wrong or empty, not selections",
            )
        parsed = tuple(answer) if isinstance(answer, list) else Answer(answer)
        return Verify(self._document.line(path), session, parsed, self._pod_of(data, path), expect)

    def _request(self, data: Mapping[str, Any], path: Path, expect: Expectation) -> Request:
        if "json" in data and "body" in data:
            raise self._document.problem((*path, "body"), "a request has json or body, not both", key=True)
        for key in ("request", "headers", "json", "body"):
            for kind, name in VALUE_REFERENCE.findall(json.dumps(data.get(key), ensure_ascii=False)):
                if kind == "challenge":
                    self._known(name, (*path, key))
                elif name not in self._captured:
                    known = ", ".join(self._captured) or "none"
                    raise self._document.problem(
                        (*path, key), f"no value {name!r} is captured before this step; captured: {known}"
                    )
        line = self._document.line(path)
        captured = data.get("capture", {})
        capture = {name: _place(value)[0] for name, value in captured.items()}
        matches = {name: match for name, value in captured.items() if (match := _place(value)[1]) is not None}
        for name, match in matches.items():
            self._pattern(match, (*path, "capture", name, "match"))
        self._captured |= dict.fromkeys(capture, line)
        method, _, target = data["request"].partition(" ")
        return Request(
            line, method, target, self._pod_of(data, path), data.get("headers", {}),
            data.get("json", data.get("body")), "json" in data, capture, expect, matches,
        )  # fmt: skip

    def _pattern(self, match: str, path: Path) -> None:
        """Must be a regular expression with one group."""
        try:
            groups = re.compile(match).groups
        except re.error as error:
            raise self._document.problem(path, f"{match!r} is no regular expression: {error}") from None
        if groups != 1:
            raise self._document.problem(
                path, f"{match!r} has {groups} groups; the value is that of its one group"
            )

    def _part(self, data: Mapping[str, Any], path: Path) -> Verify | Request:
        """A request of ``together``."""
        if "request" not in data:
            return self._verify(data, path, {})
        if "expect" in data:
            why = "goes to the step: expect: {requests: {NAME: …}}"
            raise self._document.problem((*path, "expect"), why, key=True)
        return self._request(data, path, {})

    def _together(self, data: Mapping[str, Any], path: Path, line: int, expect: Expectation) -> Together:
        parts = data["together"]
        place_of_step = (*path, "together")
        if isinstance(parts, list):
            each = [
                (self._verify(item, (*place_of_step, i), {}), item.get("times", 1))
                for i, item in enumerate(parts)
            ]
            verifies: tuple[Verify | Request, ...] = tuple(item for item, times in each for _ in range(times))
            names: tuple[str, ...] = ()
        else:
            verifies = tuple(self._part(item, (*place_of_step, name)) for name, item in parts.items())
            names = tuple(parts)
        for store, checks in expect.items():
            by_store = store in data["expect"]
            where = (*path, "expect", str(store)) if by_store else (*path, "expect")
            self._requests(checks.get("requests", ()), names, (*where, "requests"))
        order = self._order(data.get("order"), (*path, "order"), names)
        for name, verify in zip(names, verifies, strict=False):
            if order and verify.pod is None:
                why = "key 'pod' is missing: an order needs to know every request's pod"
                raise self._document.problem((*place_of_step, name), why)
        ask = None if "ask" not in data else self._request(data["ask"], (*path, "ask"), {})
        sequences = tuple(_end(item) for item in data.get("sequences", ()))
        if sequences and (ask is None or not names):
            why = "sequences need ask, and requests with names"
            raise self._document.problem((*path, "sequences"), why, key=True)
        for index, item in enumerate(data.get("sequences", ())):
            self._requests(item.get("answers", ()), names, (*path, "sequences", index, "answers"))
        places = data.get("masked", {}).items()
        masked = {name: tuple(tuple(place) for place in several) for name, several in places}
        return Together(line, verifies, expect, names, order, ask, sequences, masked)

    def _requests(self, wanted: Iterable[str], names: tuple[str, ...], path: Path) -> None:
        """Each must be the name of a request of the step."""
        for name in wanted:
            if name not in names:
                known = ", ".join(names) or "none has a name: write NAME: {verify: …}"
                raise self._document.problem(path, f"no request {name!r}; requests: {known}")

    def _order(self, text: Any, path: Path, names: tuple[str, ...]) -> dict[Strategy, tuple[str, ...]]:
        """By store; one that is given for all is for those that speak to Redis and are spoken of."""
        if text is None:
            return {}
        every = [store for store in REDIS_STORES if store in self._data["stores"]]
        by_store = text if isinstance(text, dict) else dict.fromkeys(every, text)
        orders = {}
        for store, lines in by_store.items():
            where = (*path, store) if isinstance(text, dict) else path
            lines = (lines,) if isinstance(lines, str) else tuple(lines)
            try:
                order = parse_order(lines)
            except UsageProblem as problem:
                raise self._document.problem(where, problem.message, hint=problem.hint) from None
            if not names:
                raise self._document.problem(where, "an order needs requests with names: NAME: {verify: …}")
            self._requests(requests_of(order), names, where)
            for event in events_of(order):
                if event.event in ("expire", "age"):
                    self._known(SessionName(event.target), where)
                if event.event == "restart":
                    self._pod(event.target, where)
            orders[Strategy(store)] = lines
        return orders

    def _gate(self, rules: Any, path: Path, line: int) -> Gate:
        """By store; rules that are given for all are for those that speak to Redis."""
        if rules == "reset":
            return Gate(line, None)
        if isinstance(rules, dict) and "action" not in rules:
            return Gate(line, {Strategy(s): self._rules(item, (*path, s)) for s, item in rules.items()})
        return Gate(line, dict.fromkeys(REDIS_STORES, self._rules(rules, path)))

    def _rules(self, rules: Any, path: Path) -> tuple[GateRule, ...]:
        several = rules if isinstance(rules, list) else [rules]
        for rule in several:
            for name in KEY_REFERENCE.findall(rule.get("key", "")):
                self._known(name, path)
            if "pod" in rule:
                self._pod(rule["pod"], path)
        return tuple(several)

    def _redis_command(self, words: list[str | int], path: Path, line: int) -> RedisCommandStep:
        for index, word in enumerate(words):
            for name in KEY_REFERENCE.findall(str(word)):
                self._known(name, (*path, "redis_command", index))
        return RedisCommandStep(line, tuple(str(word) for word in words))

    def _known(self, session: SessionName, path: Path) -> SessionName:
        """The session, which must have been created in an earlier step."""
        if session not in self._sessions:
            known = ", ".join(self._sessions) or "none"
            raise self._document.problem(path, f"no session {session!r}; sessions: {known}")
        if session not in self._created:
            raise self._document.problem(path, f"session {session!r} is not created before this step")
        return session

    def _pod_of(self, data: Mapping[str, Any], path: Path) -> str | None:
        return None if "pod" not in data else self._pod(data["pod"], (*path, "pod"))

    def _several(self, names: str | list[str], path: Path) -> tuple[str, ...]:
        if isinstance(names, str):
            return (self._pod(names, path),)
        return tuple(self._pod(word, (*path, index)) for index, word in enumerate(names))

    def _pod(self, word: str, path: Path, *, key: bool = False) -> str:
        pod = resolve_pod(word, self._pods)
        if pod is None:
            names = ", ".join(name[-1].upper() for name in self._pods)
            raise self._document.problem(path, f"no pod {word!r}; this scenario has {names}", key=key)
        return pod


def _end(data: Mapping[str, Any]) -> End[str]:
    """How requests ended, as the file has it."""
    answers = {name: HttpAnswer.from_description(answer) for name, answer in data.get("answers", {}).items()}
    return End(answers, HttpAnswer.from_description(data["ask"]))


def _expectation(data: Mapping[str, Any]) -> Expectation:
    if data and all(name in set(Strategy) for name in data):
        return {Strategy(name): checks for name, checks in data.items()}
    return dict.fromkeys(Strategy, data) if data else {}


def _place(capture: str | Mapping[str, str]) -> tuple[str, str | None]:
    """Where a captured value stands in the answer, and what of it is captured."""
    return (capture, None) if isinstance(capture, str) else (capture["from"], capture["match"])


def _changes(data: Mapping[str, Any]) -> SettingChanges:
    """As ``_settings``; null takes a variable away."""
    given = _settings({name: value for name, value in data.items() if value is not None})
    return {**dict.fromkeys(data), **given}


def _settings(data: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in data.items()
    }
