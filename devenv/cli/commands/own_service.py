"""The options that make a user-provided service of the pods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import PRESETS
from devenv.core.model.service import ServiceSpec
from devenv.harness.config.devenv_toml_reader import advised, assignments, command_words, from_here

_PANEL = "Your own service"


def _option(flag: str, help_text: str, metavar: str | None = None) -> Any:
    return typer.Option(flag, help=help_text, metavar=metavar, rich_help_panel=_PANEL)


@dataclass(frozen=True, slots=True)
class ServiceFlags:
    """The options that describe a user-provided service."""

    app_dir: Annotated[
        Path | None, _option("--app-dir", "The service's folder [default: the one of devenv.toml].", "DIR")
    ] = None
    app: Annotated[
        str | None, _option("--app", "An ASGI app, served by uvicorn: main:app.", "MODULE:NAME")
    ] = None
    command: Annotated[
        str | None,
        _option("--command", 'What starts it, in any language: "node server.js --port {port}"; PORT is set.'),
    ] = None
    python: Annotated[
        str | None,
        _option("--python", "The interpreter for --app [default: the folder's .venv, else ours]."),
    ] = None
    env_file: Annotated[
        str | None, _option("--env-file", "Variables to give it, as from a start script.", "FILE")
    ] = None
    env: Annotated[
        list[str] | None,
        _option("--env", "A variable of your own; may have {redis_url} and the like.", "N=VALUE"),
    ] = None
    allow_env: Annotated[
        list[str] | None, _option("--allow-env", "A variable of its .env that may point outside.", "NAME")
    ] = None
    header: Annotated[
        list[str] | None, _option("--header", "A header that every request to it needs.", "N=VALUE")
    ] = None
    preset: Annotated[
        str | None,
        _option("--preset", f"How it is spoken to: {', '.join(PRESETS)} [default: captcha].", "NAME"),
    ] = None

    @property
    def any(self) -> bool:
        """Whether one was given at all."""
        return any((self.app_dir, self.app, self.command, self.python, self.env_file, self.preset)) or bool(
            self.env or self.allow_env or self.header
        )

    def over(self, present: ServiceSpec | None) -> ServiceSpec | None:
        """The service that these flags describe, over that of a devenv.toml; None where there is neither.

        Raises UsageProblem for flags that do not make a service.
        """
        if not self.any:
            return present
        if self.app and self.command:
            raise UsageProblem("--app and --command exclude each other", hint="leave one of them out")
        if self.preset is not None and self.preset not in PRESETS:
            raise UsageProblem(f"--preset {self.preset!r} is not one of {', '.join(PRESETS)}")
        if self.preset is not None and not PRESETS[self.preset].kinds:
            raise UsageProblem(
                f"--preset {self.preset} names no requests: a devenv.toml says which tools share a handle",
                hint=f"devenv init --preset {self.preset}",
            )
        service = present or ServiceSpec(str(Path.cwd()), replace(PRESETS["captcha"], oracle=""))
        if self.preset is not None:
            service = replace(service, profile=replace(PRESETS[self.preset], oracle=""))
            if not service.profile.switchable:
                service = replace(service, redis_on={}, redis_off={})
        if self.app_dir is not None:
            service = replace(service, directory=str(self.app_dir.resolve()))
        if self.app or self.command:
            service = replace(service, app=self.app, command=command_words(self.command))
        if not service.app and not service.command:
            raise UsageProblem(
                "what starts the service? neither --app nor --command was given",
                hint="--app main:app, or --command 'node server.js'; `devenv init` finds out",
            )
        service = replace(
            service,
            python=from_here(self.python, command=True) or service.python,
            env_file=from_here(self.env_file) or service.env_file,
        )
        headers: Mapping[str, str] = assignments(self.header or (), "--header")
        return advised(
            replace(
                service,
                env={**service.env, **assignments(self.env or (), "--env")},
                allow_env=(*service.allow_env, *(self.allow_env or ())),
                profile=replace(service.profile, headers={**service.profile.headers, **headers}),
            )
        )
