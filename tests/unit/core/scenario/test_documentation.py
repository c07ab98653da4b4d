"""docs/scenarios.md against the parser and the schema."""

from __future__ import annotations

import re
from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.scenario import parse
from devenv.core.scenario.schema import schema
from tests.support import ROOT

TEXT = ROOT.joinpath("docs", "scenarios.md").read_text(encoding="utf-8")
[EXAMPLE] = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)


def test_the_example_is_a_scenario() -> None:
    assert parse(EXAMPLE, "late-word.yaml").id == "late-word"


def test_the_error_that_it_quotes_is_what_one_gets() -> None:
    [quoted] = re.findall(r"error: (late-word\.yaml:.*)", TEXT)
    broken = EXAMPLE.replace("  - create: alice\n    pod: A\n", "  - create: alice\n    wait: 3\n")
    with pytest.raises(UsageProblem) as caught:
        parse(broken, "late-word.yaml")
    assert caught.value.message == quoted


def _keys(part: Any) -> set[str]:
    if isinstance(part, list):
        return set().union(*map(_keys, part))
    if not isinstance(part, dict):
        return set()
    properties = part.get("properties", {})
    named = set(properties) if isinstance(properties, dict) else set()
    return named.union(*map(_keys, part.values()))


def test_every_key_of_the_format_is_described() -> None:
    described = set(re.findall(r"[a-z_][a-z0-9_]*", " ".join(re.findall(r"`([^`\n]+)`", TEXT))))
    assert _keys(schema()) - described == set()
