"""The contract's values are written once, and the service that has its own has the same."""

from __future__ import annotations

import re

from devenv.captcha_api.settings import Settings
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS, DEFAULTS, REDIS_PREFIX, REDIS_TIMEOUT_MS
from devenv.harness.config.settings import VARIABLES
from tests.support import ROOT


def test_the_reference_service_has_the_same_defaults() -> None:
    fields = Settings.model_fields
    one_service = {name: fields[name.lower()].default for name in DEFAULTS}
    assert {name: str(value).lower() for name, value in one_service.items()} == dict(DEFAULTS)


def test_the_examples_of_settings_are_the_defaults() -> None:
    one_service = {variable.name: variable.example for variable in VARIABLES}
    assert {name: one_service[name] for name in ("REDIS_PREFIX", "REDIS_TIMEOUT_MS", "CAPTCHA_TTL")} == {
        "REDIS_PREFIX": REDIS_PREFIX,
        "REDIS_TIMEOUT_MS": str(REDIS_TIMEOUT_MS),
        "CAPTCHA_TTL": str(CAPTCHA_TTL_SECONDS),
    }


def test_the_prefix_is_written_nowhere_else() -> None:
    places = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "devenv").rglob("*.py"))
        if re.search(r"[\"']rcaptcha:", path.read_text(encoding="utf-8"))
    ]
    assert places == ["devenv/captcha_api/settings.py", "devenv/core/model/contract.py"]
