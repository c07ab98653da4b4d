"""A pod's environment is complete, made from nothing, and the spec's settings win."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.captcha_api.settings import Settings
from devenv.core.model.errors import UsageProblem
from devenv.core.model.migration import MigrationStrategy, Stage
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.rollout.stages import rollout_stage
from devenv.stack import environment

A, B = "captcha-api-a", "captcha-api-b"
CONTRACT = {
    "USE_REDIS", "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_USERNAME", "REDIS_PASSWORD", "REDIS_SSL",
    "REDIS_PREFIX", "REDIS_TIMEOUT_MS", "CAPTCHA_TTL", "ML_SERVICE_URL", "ASSET_BASE_URL",
    "ABSTRACT_HMAC_SECRET", "OCR_IMAGE_FIELD", "SUCCESS_REDIRECT_URL", "SESSION_STRATEGY", "POD_NAME",
}  # fmt: skip


def settings(spec: StackSpec, pod: str = A) -> dict[str, str]:
    return environment.pod_settings(
        spec, pod, redis_host="h", redis_port=1, ml_url="http://ml", asset_url="http://assets", secret="s"
    )


def test_every_variable_of_the_contract_is_set() -> None:
    assert settings(StackSpec()).keys() == CONTRACT


def test_addresses_are_the_stacks_and_a_pods_own_settings_win() -> None:
    spec = StackSpec(env={"REDIS_PREFIX": "all:"}, pod_env={A: {"REDIS_PORT": "6397", "REDIS_PREFIX": "a:"}})
    assert settings(spec, A)["REDIS_PORT"] == "6397"
    assert settings(spec, A)["REDIS_PREFIX"] == "a:"
    assert settings(spec, B)["REDIS_PORT"] == "1"
    assert settings(spec, B)["REDIS_PREFIX"] == "all:"


def test_nothing_that_points_outwards_is_inherited() -> None:
    parent = {
        "PATH": "/bin",
        "REDIS_HOST": "production",
        "http_proxy": "http://elsewhere",
        "USE_REDIS": "true",
    }
    kept = environment.essentials(parent)
    assert kept["PATH"] == "/bin"
    assert not {"REDIS_HOST", "http_proxy", "USE_REDIS"} & kept.keys()


def test_secrets_are_not_shown() -> None:
    shown = environment.public(settings(StackSpec(env={"REDIS_PASSWORD": "hidden"})))
    assert "hidden" not in shown.values()
    assert not environment.SECRETS & shown.keys()
    spec = environment.public_spec(
        StackSpec(env={"REDIS_PASSWORD": "x"}, pod_env={A: {"REDIS_PASSWORD": "y"}})
    )
    assert (spec.env, spec.pod_env) == ({}, {A: {}})


def test_settings_of_one_pod_make_a_canary() -> None:
    spec = environment.with_settings(StackSpec(), {"A": {"USE_REDIS": "true"}})
    assert spec.use_redis is False
    assert spec.settings_of(A)["USE_REDIS"] == "true"
    assert spec.settings_of(B)["USE_REDIS"] == "false"


def test_when_all_pods_agree_the_spec_says_so_itself() -> None:
    canary = environment.with_settings(StackSpec(), {"a": {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}})
    spec = environment.with_settings(canary, {B: {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}})
    assert (spec.use_redis, spec.strategy) == (True, Strategy.GUIDE)
    assert spec.pod_env == {A: {}, B: {}}
    assert replace(spec, use_redis=False).settings_of(A)["USE_REDIS"] == "false"


def test_an_empty_value_removes_a_variable() -> None:
    spec = environment.with_settings(StackSpec(), {"a": {"REDIS_PREFIX": "other:"}})
    assert environment.with_settings(spec, {"a": {"REDIS_PREFIX": ""}}).pod_env == {A: {"REDIS_PREFIX": ""}}
    assert environment.with_settings(spec, {"a": {"REDIS_PREFIX": None}}).pod_env == {A: {}}


def test_a_value_that_is_no_flag_stays_as_it_is() -> None:
    spec = environment.with_settings(StackSpec(), {"a": {"USE_REDIS": "yes"}, "b": {"USE_REDIS": "yes"}})
    assert spec.use_redis is False
    assert spec.settings_of(A)["USE_REDIS"] == "yes"


def test_unknown_pods_are_named() -> None:
    with pytest.raises(UsageProblem, match="'c'") as caught:
        environment.with_settings(StackSpec(), {"c": {}})
    assert caught.value.hint is not None
    assert A in caught.value.hint


def test_what_can_be_no_variable_is_refused() -> None:
    for pods in ({"a": {"A": "x\0"}}, {"a": {"A": "x"}, "b": {"": "x"}}):
        with pytest.raises(UsageProblem):
            environment.with_settings(StackSpec(), pods)


def test_shared_and_own_is_read_back_as_it_was_written() -> None:
    spec = StackSpec(env={"CAPTCHA_TTL": "9"}, pod_env={B: {"REDIS_PREFIX": "b:"}})
    env, pod_env = environment.shared_and_own({pod: settings(spec, pod) for pod in (A, B)})
    assert env["CAPTCHA_TTL"] == "9"
    assert not environment.ADDRESSES & env.keys()
    assert pod_env == {A: {"REDIS_PREFIX": "rcaptcha:"}, B: {"REDIS_PREFIX": "b:"}}


BIRTHS = MigrationStrategy.BIRTHS
LEFT = {"MIGRATION_STRATEGY": "", "MIGRATION_STAGE": ""}


@pytest.mark.parametrize(
    ("stage", "changes", "leaves"),
    [
        (Stage.OFF, {"USE_REDIS": "true"}, True),
        (Stage.READY, {"USE_REDIS": "True", "SESSION_STRATEGY": "atomic"}, True),
        (Stage.BIRTHS, {"USE_REDIS": "false"}, True),
        (Stage.COMPLETE, {"SESSION_STRATEGY": "guide"}, True),
        (Stage.COMPLETE, {"USE_REDIS": "true"}, False),
        (Stage.OFF, {"USE_REDIS": "false"}, False),
        (Stage.OFF, {"REDIS_PREFIX": "other:"}, False),
    ],
)
def test_a_flag_that_contradicts_the_stage_of_a_migration_ends_it_for_that_pod(
    stage: Stage, changes: dict[str, str], leaves: bool
) -> None:
    at_stage = rollout_stage(BIRTHS, stage).settings(Strategy.ATOMIC)
    before = environment.with_settings(StackSpec(), {A: at_stage, B: at_stage})
    after = environment.with_settings(before, {A: changes})
    kept = {name: value for name, value in at_stage.items() if name in LEFT}
    assert {name: after.settings_of(A)[name] for name in LEFT} == (LEFT if leaves else kept)
    assert {name: after.settings_of(B)[name] for name in LEFT} == kept
    Settings.model_validate({name.lower(): value for name, value in settings(after).items()})


def test_a_stage_that_is_changed_with_the_flag_is_kept_as_it_was_said() -> None:
    before = environment.with_settings(
        StackSpec(), {A: rollout_stage(BIRTHS, Stage.OFF).settings(Strategy.ATOMIC)}
    )
    births = rollout_stage(BIRTHS, Stage.BIRTHS).settings(Strategy.ATOMIC)
    assert environment.with_settings(before, {A: births}).settings_of(A)["MIGRATION_STAGE"] == Stage.BIRTHS


def test_ones_own_service_keeps_its_variables_of_these_names() -> None:
    one_service = StackSpec(
        service=ServiceSpec("/srv", CAPTCHA, app="main:app"), env={"MIGRATION_STAGE": "off"}
    )
    assert (
        environment.with_settings(one_service, {A: {"USE_REDIS": "true"}}).settings_of(A)["MIGRATION_STAGE"]
        == "off"
    )


class TestOtherPods:
    def test_an_added_pod_has_the_stacks_settings_and_its_own(self) -> None:
        mixed = StackSpec(pod_env={A: {"USE_REDIS": "true"}})
        grown = environment.with_pods(mixed, ["b", A, "C"], {"c": {"USE_REDIS": "true", "CAPTCHA_TTL": "5"}})
        assert grown.pod_names == (A, B, "captcha-api-c")
        assert [grown.settings_of(pod)["USE_REDIS"] for pod in grown.pod_names] == ["true", "false", "true"]
        assert grown.settings_of("captcha-api-c")["CAPTCHA_TTL"] == "5"

    def test_what_is_left_may_agree(self) -> None:
        assert (
            environment.with_pods(StackSpec(pod_env={A: {"USE_REDIS": "true"}}), ["a"], {}).use_redis is True
        )

    @pytest.mark.parametrize(
        ("pods", "settings", "message"),
        [
            ([], {}, "one pod at least"),
            (["a", "ab"], {}, "'ab' is no name of a pod"),
            (["a", "c"], {"a": {}}, "'a': this pod is not added"),
            (["a", "c"], {"d": {}}, "'d': this pod is not added"),
        ],
    )
    def test_what_cannot_be_is_refused(
        self, pods: list[str], settings: dict[str, dict[str, str | None]], message: str
    ) -> None:
        with pytest.raises(UsageProblem, match=message):
            environment.with_pods(StackSpec(), pods, settings)
