"""The plugin's options: the command line over the ini file; what neither says, devenv's settings say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from devenv.core.model.vocabulary import Strategy

_WORDS = {
    "backend": "what the stack is made of: embedded or compose",
    "strategy": f"the session store of its pods: {', '.join(Strategy)}",
    "pods": "how many pods it has",
    "seed": "makes its pictures the same again",
    "state-dir": "where runs are kept [default: .devenv in the root folder]",
}


def add_options(parser: pytest.Parser) -> None:
    """``--devenv-NAME`` for every option, and ``devenv_NAME`` in the ini file."""
    group = parser.getgroup("devenv", "devenv: a captcha service on several pods")
    for name, choices in _WORDS.items():
        field = _field(name)
        group.addoption(f"--devenv-{name}", dest=field, default=None, help=choices, metavar=name.upper())
        parser.addini(field, choices, default="")


def read_options(config: pytest.Config) -> Mapping[str, Any]:
    """The options that were given, by their names in ``devenv.harness.config.settings.Settings``.

    ``strategy`` may be memory. Raises pytest.UsageError that names the option and what is allowed.
    """
    given: dict[str, Any] = {}
    for name in _WORDS:
        flag, ini = config.getoption(_field(name)), config.getini(_field(name))
        text = str(ini or "") if flag is None else str(flag)
        if not text:
            continue
        where = f"--devenv-{name}" if flag is not None else _field(name)
        try:
            given[name.replace("-", "_")] = _read(name, text.strip())
        except ValueError as allowed:
            raise pytest.UsageError(f"{where} is {text!r}, expected {allowed}") from None
    return given


def _read(name: str, text: str) -> Any:
    if name == "strategy":
        if text not in set(Strategy):
            raise ValueError(" or ".join(Strategy))
        return Strategy(text)
    from devenv.harness.config.settings import (
        VARIABLES,  # only where it is asked for: this runs in every test run
    )

    [variable] = [
        one_variable
        for one_variable in VARIABLES
        if one_variable.name == f"DEVENV_{name.replace('-', '_').upper()}"
    ]
    return variable.read(text)


def _field(name: str) -> str:
    return f"devenv_{name.replace('-', '_')}"
