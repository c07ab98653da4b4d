"""What the plugin is told on the command line and in the ini file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from devenv.core.model.vocabulary import Strategy
from devenv.pytest_plugin.options import read_options


@dataclass
class Given:
    """The two questions that the plugin asks of pytest's Config."""

    flags: dict[str, str] = field(default_factory=dict)
    ini: dict[str, str] = field(default_factory=dict)

    def getoption(self, name: str) -> str | None:
        return self.flags.get(name)

    def getini(self, name: str) -> str:
        return self.ini.get(name, "")


def read(flags: dict[str, str] | None = None, ini: dict[str, str] | None = None) -> Any:
    return read_options(cast("pytest.Config", Given(flags or {}, ini or {})))


def test_nothing_given() -> None:
    assert read() == {}


def test_the_command_line_wins_over_the_ini_file() -> None:
    ini = {"devenv_pods": "3", "devenv_strategy": "guide", "devenv_state_dir": "runs", "devenv_seed": "7"}
    assert read({"devenv_pods": "4", "devenv_backend": "Compose"}, ini) == {
        "pods": 4,
        "strategy": Strategy.GUIDE,
        "state_dir": Path("runs"),
        "seed": 7,
        "backend": "compose",
    }
    assert read({"devenv_strategy": "memory"}, ini)["strategy"] is Strategy.MEMORY


@pytest.mark.parametrize(
    ("flags", "ini", "sentence"),
    [
        ({"devenv_pods": "many"}, {}, "--devenv-pods is 'many', expected an integer from 1 to 26"),
        ({"devenv_pods": "27"}, {}, "--devenv-pods is '27', expected an integer from 1 to 26"),
        ({}, {"devenv_backend": "vm"}, "devenv_backend is 'vm', expected embedded or compose"),
        ({}, {"devenv_seed": "-1"}, "devenv_seed is '-1', expected an integer of 0 or more"),
        ({"devenv_strategy": "best"}, {}, f"'best', expected {' or '.join(Strategy)}"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_allowed(
    flags: dict[str, str], ini: dict[str, str], sentence: str
) -> None:
    with pytest.raises(pytest.UsageError) as caught:
        read(flags, ini)
    assert sentence in str(caught.value)
