"""A scenario written back as YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import yaml

from devenv.core.render.visible import is_visible, visible
from devenv.core.scenario.data import scenario_data
from devenv.core.scenario.model import Scenario

_ELSEWHERE = re.compile(r'\\[^n"\\]')
"""In JSON: a character that libyaml writes in another way than PyYAML does, or a control character."""


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, short lists and mappings in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        """Scenarios know no anchors."""
        return True


class _FastDumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """The same by libyaml, where PyYAML was built with it: ten times faster."""

    def ignore_aliases(self, data: Any) -> bool:
        """Scenarios know no anchors."""
        return True


def reads_back(text: str, data: Mapping[str, Any]) -> bool:
    """Whether a file that was written says what it is to say."""
    fast = yaml.__with_libyaml__
    known = yaml.load(text, Loader=yaml.CSafeLoader) if fast else yaml.safe_load(text)
    return bool(known == data)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if not is_visible(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for _each in (_Dumper, _FastDumper):
    _each.add_representer(str, _text)


def scenario_yaml(data: Mapping[str, Any]) -> str:
    """A scenario's data as its file, in which every character is visible."""
    dumper = _Dumper if _ELSEWHERE.search(json.dumps(data, default=str)) else _FastDumper
    text: str = yaml.dump(
        dict(data), Dumper=dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None
    )
    return visible(text)  # what is not visible stands in double quotes: the escapes mean the same


def write_scenario(scenario: Scenario) -> str:
    """A scenario as the text of its file; ``parse`` reads it back, whatever ``source`` it has."""
    return scenario_yaml(scenario_data(scenario))
