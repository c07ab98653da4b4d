"""Options that every verb has, and what they come to together with ``.env`` and the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, cast

import typer

from devenv.cli.screen import Screen
from devenv.core.model.backends import Backend
from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import RedisMode
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings, load
from devenv.harness.runs.store import write_atomically


class BackendName(StrEnum):
    """The two backends."""

    EMBEDDED = "embedded"
    COMPOSE = "compose"


class StoreName(StrEnum):
    """What USE_REDIS=true can mean."""

    ATOMIC = "atomic"
    GUIDE = "guide"
    WATCH = "watch"
    GETDEL = "getdel"
    INCR = "incr"


Json = Annotated[
    bool, typer.Option("--json", help="One JSON object on standard output, progress on standard error.")
]
BackendOption = Annotated[
    BackendName | None,
    typer.Option("--backend", envvar="DEVENV_BACKEND", help="Default: the one that runs, else embedded."),
]
NoColor = Annotated[bool, typer.Option("--no-color", help="Plain text; NO_COLOR does the same.")]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", envvar="DEVENV_SEED", min=0, metavar="N", help="Makes every choice the same again."
    ),
]
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


@dataclass(frozen=True, slots=True)
class CommandContext:
    """What a verb works with: where its words go, and the settings with its flags over them."""

    screen: Screen
    settings: Settings


def desk(
    as_json: bool, no_color: bool, backend: BackendName | None, seed: int | None, **flags: Any
) -> CommandContext:
    """The verb's screen and settings; ``flags`` are fields of Settings, None where not given.

    Raises UsageProblem for a bad value in ``.env`` or the environment.
    """
    screen = Screen(as_json=as_json, no_color=no_color)
    settings = load(Path.cwd(), os.environ)
    given = {"backend": cast("Backend | None", backend and backend.value), "seed": seed, **flags}
    for note in settings.notes:
        screen.note(note)
    return CommandContext(
        screen, replace(settings, **{name: item for name, item in given.items() if item is not None})
    )


def write_file(option: str, path: Path, text: str) -> None:
    """Write what ``option`` asked for. Raises UsageProblem where that cannot be."""
    try:
        write_atomically(path, text)
    except OSError as error:
        raise UsageProblem(f"{option} {path}: cannot be written: {error.strerror}") from error


def store(name: StoreName | None) -> Strategy | None:
    """The strategy behind the flag."""
    return Strategy(name.value) if name is not None else None
