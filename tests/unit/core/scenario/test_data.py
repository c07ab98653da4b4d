"""A scenario that is written back is the same scenario: for every shipped one, and for each kind of step."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any, get_args

import pytest
import yaml
from jsonschema import Draft202012Validator

from devenv.core.scenario import Scenario, catalogue, for_services, parse
from devenv.core.scenario.data import scenario_data
from devenv.core.scenario.model import Step
from devenv.core.scenario.schema import schema
from devenv.core.scenario.writer import write_scenario

EVERY_STEP = """
version: 1
id: everything
title: Every kind of step
cause: pod-memory
needs: []
preset: captcha
about: |
  Two lines,
  with a colon: and a #.
stack:
  pods: 3
  workers: 2
  policy: random
  redis: cluster
  env: {CAPTCHA_TTL: 30, USE_REDIS: true}
  pod_env: {B: {REDIS_TIMEOUT_MS: 500}}
stores:
  memory: {bug: true, shows: "x"}
  guide: {shows: "y"}
  atomic: {not_applicable: "z"}
sessions: {a: abstract, h: handwriting, i: handwriting, any: any}
steps:
  - {create: a, pod: C, node: first}
  - {create: h}
  - {create: i, word_differs_from: h, expect: {memory: {status: 200}}}
  - {create: any}
  - {verify: a, answer: [1, 2], expect: {outcome: wrong}}
  - {verify: h, pod: A, answer: right, expect: {memory: {outcome: wrong}, guide: {outcome: success}}}
  - together:
      one: {verify: a, pod: A, answer: wrong}
      two: {verify: a, pod: B, answer: empty}
    order: {guide: ["two:read before one:delete"]}
    expect: {requests: {one: {outcome: wrong}}}
  - together: [{verify: a, answer: wrong, times: 3}, {verify: h, answer: wrong}]
    expect: {outcomes: {wrong: 4}}
  - together:
      one: {verify: a, pod: A, answer: wrong}
      other: {request: "GET /x", pod: B}
  - together:
      one: {request: "POST /set", pod: A}
      other: {request: "POST /end", pod: B}
    order: "v1 one:start one:GET other:start other:DEL one:gives-up"
    ask: {request: "GET /me", pod: A}
    sequences:
      - {ask: {status: 200, json: {user: alice}}}
      - answers: {one: {status: 302, text: moved, location: /x}, other: {status: 200, base64: /w==}}
        ask: {status: 401, json: {error: gone}}
    masked: {ask: [[json, at]], one: [[text, "name=", "x"]]}
  - request: "POST /x/{challenge:a}?y=1"
    headers: {X-A: b}
    json: null
    capture: {v: a.b, w: {from: body, match: "(x)"}}
  - {request: "PUT /{captured:v}", body: "text"}
  - {restart: B}
  - {restart: [A, B], env: {USE_REDIS: false, REDIS_DB: null}}
  - {toggle: [A, C], use_redis: false}
  - {redis: a, expect: {exists: true}}
  - {redis_command: [CONFIG, SET, maxmemory, 1]}
  - {redis_server: pause}
  - {expire: a}
  - {age: a}
  - {failover: a}
  - {gate: {action: hold, key: "{key:a}", seconds: 1}}
  - {gate: {guide: [{action: error, text: OOM x}, {action: hold}]}}
  - {gate: reset}
  - {get: /health, pod: A, expect: {status: 200}}
  - {pause: 0.5}
"""


def without_lines(part: Any) -> Any:
    """The same without the lines where steps stand."""
    if isinstance(part, tuple):
        return tuple(map(without_lines, part))
    if is_dataclass(part) and not isinstance(part, type):
        values = {field.name: without_lines(getattr(part, field.name)) for field in fields(part)}
        return type(part)(**{**values, **({"line": 0} if "line" in values else {})})
    return part


def same(one: Scenario, other: Scenario) -> bool:
    return bool(without_lines(replace(one, source="")) == without_lines(replace(other, source="")))


@pytest.mark.parametrize(
    "scenario",
    [*catalogue(), *for_services(), parse(EVERY_STEP, "everything.yaml")],
    ids=lambda scenario: scenario.id,
)
def test_what_is_written_is_read(scenario: Scenario) -> None:
    data = scenario_data(scenario)
    Draft202012Validator(schema()).validate(data)
    again = parse(write_scenario(scenario), scenario.name)
    assert same(again, scenario)
    assert yaml.safe_load(again.source) == data
    assert scenario_data(again) == data


def test_the_scenario_above_has_every_kind_of_step() -> None:
    kinds = {type(step) for step in parse(EVERY_STEP, "everything.yaml").steps}
    assert kinds == set(get_args(Step))


def test_a_scenario_is_not_the_same_as_another() -> None:
    scenario = parse(EVERY_STEP, "everything.yaml")
    assert not same(scenario, replace(scenario, steps=scenario.steps[:-1]))
