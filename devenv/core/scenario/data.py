"""A Scenario as the data of its file: the inverse of parsing, lines and comments apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any

from devenv.core.model.vocabulary import REDIS_STORES, Strategy
from devenv.core.scenario.expect import alike
from devenv.core.scenario.model import (
    Create,
    Expectation,
    Gate,
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
from devenv.core.serializability.ends import End

VERSION = 1


def scenario_data(scenario: Scenario) -> dict[str, Any]:
    """The data of a file that ``parse`` reads as this scenario."""
    stack = _stack(scenario.stack)
    return _without_none(
        version=VERSION,
        id=scenario.id,
        title=scenario.title,
        cause=scenario.cause,
        needs=list(scenario.needs),
        preset=scenario.preset,
        about=scenario.about or None,
        stack=stack or None,
        stores={str(store): _note(note) for store, note in scenario.stores.items()},
        sessions={str(name): str(kind) for name, kind in scenario.sessions.items()} or None,
        steps=[_step(step) for step in scenario.steps],
    )


def _without_none(**items: Any) -> dict[str, Any]:
    return {name: value for name, value in items.items() if value is not None}


def _stack(stack: StackRequirements) -> dict[str, Any]:
    usual = StackRequirements()
    return _without_none(
        pods=stack.pods if stack.pods != usual.pods else None,
        workers=stack.workers if stack.workers != usual.workers else None,
        policy=stack.policy,
        env=dict(stack.env) or None,
        pod_env={_letter(pod): dict(settings) for pod, settings in stack.pod_env.items()} or None,
        redis=str(stack.redis) if stack.redis is not None else None,
        fix=stack.fix or None,
    )


def _note(note: StoreNote) -> dict[str, Any]:
    return {
        field.name: value for field in fields(note) if (value := getattr(note, field.name)) != field.default
    }


def _letter(pod: str) -> str:
    return pod[-1].upper()


def _pod(pod: str | None) -> str | None:
    return None if pod is None else _letter(pod)


def _letters(pods: Sequence[str]) -> str | list[str]:
    letters = [_letter(pod) for pod in pods]
    return letters[0] if len(letters) == 1 else letters


def _expect(expect: Expectation) -> Any:
    return _by_store(expect, tuple(Strategy))


def _by_store(values: Mapping[Strategy, Any], every: Sequence[Strategy]) -> Any:
    """One value where every store has it, else one for each store that has one; None for nothing."""
    if not values:
        return None
    if (one := alike(values, every)) is not None:
        return one
    return {str(store): value for store, value in values.items()}


def _step(step: Step) -> dict[str, Any]:
    """One step; its first key says what it is."""
    match step:
        case Create():
            return _without_none(
                create=step.session,
                pod=_pod(step.pod),
                word_differs_from=step.word_differs_from,
                node=step.node,
                expect=_expect(step.expect),
            )
        case Verify():
            return _verify(step)
        case Request():
            return _request(step)
        case Together():
            return _together(step)
        case Get():
            return _without_none(get=step.path, pod=_pod(step.pod), expect=_expect(step.expect))
        case Restart():
            env = dict(step.env) or None
            return _without_none(restart=_letters(step.pods), env=env, expect=_expect(step.expect))
        case Toggle():
            return {"toggle": _letters(step.pods), "use_redis": step.use_redis}
        case Redis():
            return _without_none(redis=step.session, expect=_expect(step.expect))
        case RedisCommandStep():
            return {"redis_command": list(step.words)}
        case RedisServer():
            return {"redis_server": step.action}
        case KeyEvent():
            return {step.event: step.session}
        case Gate():
            return {"gate": _rules(step)}
        case Pause():
            return {"pause": step.seconds}


def _verify(step: Verify) -> dict[str, Any]:
    answer = list(step.answer) if isinstance(step.answer, tuple) else str(step.answer)
    return _without_none(verify=step.session, pod=_pod(step.pod), answer=answer, expect=_expect(step.expect))


def _request(step: Request) -> dict[str, Any]:
    data = _without_none(
        request=f"{step.method} {step.target}", pod=_pod(step.pod), headers=dict(step.headers) or None
    )
    if step.as_json:
        data["json"] = step.content
    elif step.content is not None:
        data["body"] = step.content
    capture = {
        name: {"from": place, "match": step.matches[name]} if name in step.matches else place
        for name, place in step.capture.items()
    }
    return data | _without_none(capture=capture or None, expect=_expect(step.expect))


def _together(step: Together) -> dict[str, Any]:
    parts = [_verify(part) if isinstance(part, Verify) else _request(part) for part in step.verifies]
    orders = {str(store): list(lines) for store, lines in step.order.items()}
    return _without_none(
        together=dict(zip(step.names, parts, strict=True)) if step.names else _counted(parts),
        order=orders or None,
        ask=None if step.ask is None else _request(step.ask),
        sequences=[end_data(end) for end in step.sequences] or None,
        masked={name: [list(place) for place in places] for name, places in step.masked.items()} or None,
        expect=_expect(step.expect),
    )


def end_data(end: End[str]) -> dict[str, Any]:
    """How requests ended, as a file has it."""
    answers = {name: answer.described() for name, answer in end.answers.items()}
    return {**({"answers": answers} if answers else {}), "ask": end.ask.described()}


def _counted(parts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Equal requests that follow each other are written once, with how many they are."""
    groups = [(part, len(list(several))) for part, several in groupby(parts)]
    return [part | ({"times": count} if count > 1 else {}) for part, count in groups]


def _rules(step: Gate) -> Any:
    if step.rules is None:
        return "reset"
    rules = {store: [dict(rule) for rule in several] for store, several in step.rules.items()}
    return _by_store(rules, tuple(REDIS_STORES))
