"""Stages: their settings are what the service takes."""

from __future__ import annotations

import pytest

from devenv.captcha_api.settings import Settings
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import Strategy
from devenv.core.rollout.stages import STRATEGIES, rollout_stage, stage_names

EVERY = [(strategy, name) for strategy in STRATEGIES for name in stage_names(strategy)]


@pytest.mark.parametrize(("strategy", "name"), EVERY)
def test_the_service_starts_with_the_settings_of_every_stage(strategy: str, name: str) -> None:
    variables = rollout_stage(strategy, name).settings(Strategy.ATOMIC)
    settings = Settings.model_validate(
        {key.lower(): value for key, value in variables.items()} | {"redis_host": "localhost"}
    )
    assert str(settings.migration_stage or "") == ("" if strategy == "flag" else name)


def test_an_unknown_stage_is_named() -> None:
    with pytest.raises(UsageProblem, match="births has no stage 'shadow'"):
        rollout_stage("births", "shadow")
