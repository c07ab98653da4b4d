"""What ``export`` and ``simulate --json`` write is read again as it was meant, whatever is in it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from devenv.core.kubernetes import ServiceOptions, StackOptions, service_manifests, stack_manifests, to_yaml
from devenv.core.model.yaml_lines import read_manifests
from devenv.core.rollout.progressive import Target, argo, flagger
from devenv.core.simulation.run import Effort, predict
from devenv.core.simulation.setting import Setting
from devenv.verbs.export.monitoring import rollout_files
from devenv.verbs.rollout.plans import load_plan
from devenv.verbs.simulate.randomness import Seeded

each_file = settings(max_examples=15, deadline=None)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
names = st.from_regex(r"[a-z]([a-z0-9-]{0,9}[a-z0-9])?", fullmatch=True)
FLAGGER = Draft202012Validator(
    json.loads(Path(__file__).with_name("flagger_crd.schema.json").read_text(encoding="utf-8"))
)
variables = st.dictionaries(st.from_regex(r"[A-Z][A-Z_]{0,5}", fullmatch=True), texts, max_size=3)


def read(text: str) -> list[Any]:
    """The documents of a YAML file."""
    return [document.data for document in read_manifests(text, "a.yaml")]


def plain(data: object) -> Any:
    """As JSON has it: tuples are lists."""
    return json.loads(json.dumps(data))


@each_file
@given(
    st.builds(
        ServiceOptions, name=names, namespace=st.none() | names, port=st.integers(1, 65535),
        variables=variables, on=variables, canary=st.integers(0, 2), shared=st.booleans(),
    ),
    st.lists(texts, max_size=2),
)  # fmt: skip
def test_the_manifests_of_a_service(options: ServiceOptions, notes: list[str]) -> None:
    manifests = service_manifests(options)
    assert read(to_yaml(manifests, notes)) == plain(manifests)


@each_file
@given(st.builds(StackOptions, pods=st.integers(1, 4), namespace=st.none() | names, variables=variables))
def test_the_manifests_of_a_stack(options: StackOptions) -> None:
    manifests = stack_manifests(options)
    assert read(to_yaml(manifests)) == plain(manifests)


@each_file
@given(
    st.sampled_from(["births", "guide", "cohort", "six-stages"]),
    st.builds(Target, name=texts, port=st.integers(1, 65535), prometheus=texts),
)
def test_the_files_of_a_rollout(plan_name: str, target: Target) -> None:
    plan, _ = load_plan(plan_name)
    for tool, objects in (("argo", argo(plan, target)), ("flagger", flagger(plan, target))):
        [text] = rollout_files(tool, plan, target).values()
        assert read(text) == plain(objects)
    [flags] = rollout_files("flagd", plan, target).values()
    json.loads(flags, parse_constant=pytest.fail)


@pytest.mark.parametrize("plan_name", ["births", "guide", "cohort", "six-stages"])
def test_flagger_allows_every_field_of_a_shipped_plan(plan_name: str) -> None:
    plan, _ = load_plan(plan_name)
    [text] = rollout_files("flagger", plan, Target()).values()
    objects = read(text)
    assert [each["kind"] for each in objects] == ["MetricTemplate", "Canary"]
    for each in objects:
        FLAGGER.validate(each)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda template, canary: template["spec"]["provider"].update(type="promtheus"),
        lambda template, canary: template["spec"].pop("query"),
        lambda template, canary: canary["spec"]["analysis"].pop("stepWeights"),
        lambda template, canary: canary["spec"]["analysis"].update(stepWeight=10),
        lambda template, canary: canary["spec"]["analysis"].update(interval="soon"),
        lambda template, canary: canary["spec"]["analysis"].update(steps=[10]),
        lambda template, canary: canary["spec"]["analysis"]["metrics"][0].pop("name"),
        lambda template, canary: canary["spec"]["service"].update(port="8000"),
        lambda template, canary: canary["spec"]["targetRef"].update(kind="StatefulSet"),
    ],
)
def test_a_field_that_flagger_does_not_allow_is_seen(spoil: Callable[[Any, Any], object]) -> None:
    template, canary = plain(flagger(load_plan("births")[0], Target()))
    spoil(template, canary)
    assert not (FLAGGER.is_valid(template) and FLAGGER.is_valid(canary))


@each_file
@given(
    st.builds(
        Setting, pods=st.integers(1, 4), workers=st.integers(1, 3), redis_pods=st.integers(0, 1),
        lookups=st.integers(1, 3), ttl=st.floats(0.001, 1e6), rate=st.floats(0.001, 1e6),
        crash_every=st.just(0.0) | st.floats(1, 1e6),
    ),
    st.integers(0, 2**32),
)  # fmt: skip
def test_the_result_of_a_simulation(setting: Setting, seed: int) -> None:
    result = predict(setting, Seeded(seed), Effort(40)).to_json()
    assert json.loads(json.dumps(result, allow_nan=False), parse_constant=pytest.fail) == plain(result)
