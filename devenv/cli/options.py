"""Options that several verbs have, and the settings that they make with ``.env`` and the environment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from devenv.cli import STARTED
from devenv.cli.screen import Screen
from devenv.core.model.backends import Backend
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings, load
from devenv.stack.files import write_atomically


class BackendName(StrEnum):
    """The two backends."""

    EMBEDDED = "embedded"
    COMPOSE = "compose"


def balancers(incomplete: str) -> list[str]:
    """Completions of a balancer's name and policy."""
    from devenv.core.balancers import PRODUCTS

    names = [*PRODUCTS, *(f"{name}:{policy}" for name in PRODUCTS for policy in PRODUCTS[name].policies)]
    return [name for name in names if name.startswith(incomplete)]


class StoreName(StrEnum):
    """What USE_REDIS=true can mean."""

    ATOMIC = "atomic"
    GUIDE = "guide"
    WATCH = "watch"
    GETDEL = "getdel"
    INCR = "incr"


Junit = Annotated[
    Path | None, typer.Option("--junit", dir_okay=False, metavar="FILE", help="Also write JUnit XML there.")
]
Summary = Annotated[
    Path | None,
    typer.Option(
        "--summary", dir_okay=False, metavar="FILE", help="Also write a page of Markdown there, for CI."
    ),
]
StoreOption = Annotated[
    StoreName | None,
    typer.Option(
        "--strategy",
        envvar="SESSION_STRATEGY",
        help="With USE_REDIS=true: atomic (the fix), guide (the migration guide's, faults included), or a "
        "teaching store: watch, getdel, incr (docs/stores.md).",
    ),
]


RedisOption = Annotated[
    RedisMode | None,
    typer.Option(
        "--redis",
        envvar="DEVENV_REDIS_MODE",
        help="How Redis stands, docs/redis.md [default: standalone].",
    ),
]


ColdOption = Annotated[
    bool | None,
    typer.Option(
        "--cold",
        envvar="DEVENV_COLD",
        show_default=False,
        help="Start each pod by itself, not as a fork of a process that has the service's imports.",
    ),
]


BalancerOption = Annotated[
    str | None,
    typer.Option(
        "--balancer",
        envvar="DEVENV_BALANCER",
        metavar="NAME[:POLICY]",
        show_default=False,
        help="A real load balancer in front of the pods: nginx, haproxy, envoy, traefik or caddy, with a "
        "policy by its own name, docs/operations.md.",
        autocompletion=balancers,
    ),
]


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a verb works with."""

    screen: Screen
    """Where its output goes."""
    settings: Settings
    """The settings of ``.env`` and the environment, with the verb's options over them."""
    started: float
    """When the command began, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Common:
    """The options that every verb has."""

    as_json: Annotated[
        bool,
        typer.Option("--json", help="One JSON object on standard output, progress on standard error."),
    ] = False
    backend: Annotated[
        BackendName | None,
        typer.Option("--backend", envvar="DEVENV_BACKEND", help="Default: the one that runs, else embedded."),
    ] = None
    no_color: Annotated[bool, typer.Option("--no-color", help="Plain text; NO_COLOR does the same.")] = False
    seed: Annotated[
        int | None,
        typer.Option(
            "--seed", envvar="DEVENV_SEED", min=0, metavar="N", help="Makes every choice the same again."
        ),
    ] = None

    def context(self, **flags: Any) -> CommandContext:
        """The verb's screen and settings; ``flags`` are fields of Settings, None where not given.

        Raises UsageProblem for a bad value in ``.env`` or the environment.
        """
        screen = Screen(as_json=self.as_json, no_color=self.no_color)
        settings = load(Path.cwd(), os.environ)
        backend = cast("Backend | None", self.backend and self.backend.value)
        given = {"backend": backend, "seed": self.seed, **flags}
        for note in settings.notes:
            screen.note(note)
        chosen = {name: value for name, value in given.items() if value is not None}
        return CommandContext(screen, replace(settings, **chosen), STARTED.get(time.time()))


def write_file(option: str, path: Path, text: str | Iterable[str]) -> None:
    """Write what ``option`` asked for. Raises UsageProblem (wrong name), EnvironmentProblem (full disk)."""
    write_atomically(path, text, option)


def store(name: StoreName | None) -> Strategy | None:
    """The strategy behind the flag."""
    return Strategy(name.value) if name is not None else None
