"""The shipped scenarios against the schema, the failure table's causes, and each other."""

from __future__ import annotations

from importlib.resources import files

import pytest
import yaml
from jsonschema import Draft202012Validator

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import PRESETS
from devenv.core.model.vocabulary import CATALOGUE_STORES, CaptchaType, Strategy
from devenv.core.scenario import Scenario, catalogue, find, for_services, parse
from devenv.core.scenario.expect import expected_of
from devenv.core.scenario.schema import schema
from devenv.verbs.replay.observed import title
from tools.failures_page.page import FAULTS

FILES = sorted(
    item.name
    for item in files("devenv").joinpath("scenarios", "catalog").iterdir()
    if item.name != "__init__.py"
)
FIRST_ISSUE = (
    "pod-memory", "handwriting-global", "pod-restart", "mixed-flags", "attempts-limit", "prefix-mismatch",
    "flag-off-regression", "double-click", "guide-local-test", "guide-checklist",
)  # fmt: skip


def test_the_schema_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("name", FILES)
def test_each_file_is_valid_and_named_by_its_id(name: str) -> None:
    text = files("devenv").joinpath("scenarios", "catalog", name).read_text(encoding="utf-8")
    Draft202012Validator(schema()).validate(yaml.safe_load(text))
    assert f"{parse(text, name).id}.yaml" == name


def test_every_file_is_listed() -> None:
    assert sorted(f"{scenario.id}.yaml" for scenario in catalogue()) == FILES
    services = files("devenv").joinpath("scenarios", "services").iterdir()
    assert [f"{scenario.id}.yaml" for scenario in for_services()] == sorted(
        item.name for item in services if item.name.endswith(".yaml")
    )


def test_the_kind_of_service_of_each() -> None:
    assert {scenario.id for scenario in catalogue() if scenario.service == "any"} == {
        "double-click", "double-success", "empty-bypass", "expiry-inside-verify", "lost-attempt",
        "reply-lost", "resurrected-key", "ttl-rounds-to-zero",
    }  # fmt: skip
    assert {scenario.service for scenario in catalogue()} == {"any", "captcha"}
    assert {scenario.id: scenario.service for scenario in for_services()} == {
        "lost-session": "any",
        "mcp-handle-lost": "mcp-handle",
        "mcp-session-lost": "mcp-session",
    }


def test_a_preset_is_one_of_the_profiles_that_come_along() -> None:
    assert schema()["properties"]["preset"]["enum"] == sorted(PRESETS)
    assert set(FIRST_ISSUE) <= {scenario.id for scenario in catalogue()}


@pytest.mark.parametrize("scenario", catalogue(), ids=lambda scenario: scenario.id)
def test_each_store_is_expected_to_do_something(scenario: Scenario) -> None:
    assert scenario.strategies
    for strategy in scenario.strategies:
        checks = [expected_of(step, strategy, scenario) for step in scenario.steps]
        assert any(
            set(check) - {"status", "starts"} or check.get("status", 200) != 200 for check in checks
        ), f"{strategy} is never checked"
        assert scenario.stores[strategy].shows
    assert all(title(step) for step in scenario.steps)


def test_a_bug_is_expected_to_look_otherwise_than_its_fix() -> None:
    for scenario in catalogue():
        buggy = [s for s in scenario.strategies if scenario.stores[s].bug]
        fixed = [s for s in scenario.strategies if not scenario.stores[s].bug]
        for bug in buggy:
            for fix in fixed:
                assert [expected_of(step, bug, scenario) for step in scenario.steps] != [
                    expected_of(step, fix, scenario) for step in scenario.steps
                ], f"{scenario.id}: {bug} and {fix}"


def test_the_pod_memory_scenario_is_about_all_three_types() -> None:
    assert set(find("pod-memory").sessions.values()) == set(CaptchaType)
    assert find("pod-memory").strategies == CATALOGUE_STORES


def test_an_unknown_name_suggests_near_ones() -> None:
    with pytest.raises(UsageProblem, match="no scenario 'pod-memry'") as caught:
        find("pod-memry")
    assert "pod-memory" in (caught.value.hint or "")


@pytest.mark.parametrize("name", sorted(name for name, _ in FAULTS if name != "flushed"))
def test_the_atomic_store_is_bound_to_answer_after_one_more_try_while_redis_fails(name: str) -> None:
    """As docs/failures.md says. Counted in connections, as a limit in seconds depends on the machine."""
    scenario = find(name)
    expected = [expected_of(step, Strategy.ATOMIC, scenario) for step in scenario.steps]
    refused = [checks for checks in expected if checks.get("status") == 503]
    assert refused
    assert all(checks["connections"]["max"] <= 2 for checks in refused)


def test_no_scenario_of_the_catalogue_has_an_upper_limit_in_seconds() -> None:
    """Such a limit is missed by the machine, not by the service."""
    for scenario in catalogue():
        for step in scenario.steps:
            for checks in getattr(step, "expect", {}).values():
                assert "max" not in checks.get("seconds", {}), f"{scenario.id}, line {step.line}"
