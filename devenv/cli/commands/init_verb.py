"""init."""

from __future__ import annotations

import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from devenv.cli.commands.own_service import ServiceFlags
from devenv.cli.grouped import grouped
from devenv.cli.options import Common, write_file
from devenv.cli.screen import Screen, Text
from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA, PRESETS
from devenv.core.model.service import ServiceSpec
from devenv.harness.config.devenv_toml_reader import assignments, parse_service
from devenv.harness.config.devenv_toml_writer import Found, toml_text
from devenv.stack.files import SERVICE_FILE, state_folder, write_atomically
from devenv.verbs.init.compose_override import OVERRIDE_FILE, PRIVATE_FILE, override_of
from devenv.verbs.init.detect import InitOptions, look
from devenv.verbs.init.start_commands import starts

_REQUESTS = "Where it has no OpenAPI"


@dataclass(frozen=True, slots=True)
class RequestFlags:
    """The options that say how a service without OpenAPI is used."""

    create: Annotated[
        str | None,
        typer.Option(metavar="'METHOD /PATH'", help="Opens a session.", rich_help_panel=_REQUESTS),
    ] = None
    create_body: Annotated[
        str | None,
        typer.Option(metavar="JSON", help="The body that opens a session.", rich_help_panel=_REQUESTS),
    ] = None
    verify: Annotated[
        str | None,
        typer.Option(
            metavar="'METHOD /PATH'", help="Uses it; may have {id} in it.", rich_help_panel=_REQUESTS
        ),
    ] = None
    body: Annotated[
        str | None,
        typer.Option(
            metavar="JSON", help="The use's body with a wrong answer; {id} in it.", rich_help_panel=_REQUESTS
        ),
    ] = None


@grouped
def init(
    *,
    flags: ServiceFlags,
    requests: RequestFlags,
    compose: Annotated[
        str | None,
        typer.Option(metavar="IMAGE|DIR", help="Also write docker-compose.own.yml for this image or folder."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what was found.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over what is there.")] = False,
    common: Common,
) -> None:
    """Write a devenv.toml for your own service: it looks at the folder, starts the service once and tries it.

    Afterwards `devenv up`, `demo`, `replay`, `explain` and `explore` in this folder are about it.
    """
    here = Path.cwd()
    target = here / SERVICE_FILE
    if target.exists() and not force:
        raise UsageProblem(f"{SERVICE_FILE} is there already", hint="--force writes over it")
    if flags.preset is not None and flags.preset not in PRESETS:
        raise UsageProblem(f"--preset {flags.preset!r} is not one of {', '.join(PRESETS)}")
    if flags.app and flags.command:
        raise UsageProblem("--app and --command exclude each other", hint="leave one of them out")
    folder = flags.app_dir or here
    if not folder.is_dir():
        raise UsageProblem(f"--app-dir {folder}: there is no such folder")
    context = common.context()
    asking = not (yes or common.as_json) and sys.stdin.isatty()
    options = InitOptions(
        folder=folder,
        preset=flags.preset,
        app=flags.app,
        command=flags.command,
        python=flags.python,
        env_file=flags.env_file,
        env=assignments(flags.env or (), "--env"),
        allow_env=tuple(flags.allow_env or ()),
        headers=assignments(flags.header or (), "--header"),
        create=requests.create,
        create_body=requests.create_body,
        verify=requests.verify,
        body=requests.body,
    )
    if asking:
        options = _ask_start(options, context.screen)
    with context.screen.working("examining the service") as progress:
        detected = look(options, context.settings.state_dir, progress)
    if asking:
        detected = _ask_variables(detected, context.screen)
    detected = replace(detected, directory="." if flags.app_dir is None else str(flags.app_dir))
    text = toml_text(detected)
    service = parse_service(text, here)  # what is written can be read
    write_file("devenv.toml", target, text)
    written = [SERVICE_FILE]
    if compose is not None:
        written += _write_override(here, context.settings.state_dir, service, compose)
    context.screen.result({**detected.to_json(), "written": written})
    _show(detected, written, context.screen)


def _write_override(here: Path, state_dir: Path, service: ServiceSpec, source: str) -> list[str]:
    """docker-compose.own.yml, and beside the stack's state what of it is secret; gives the files' names."""
    private_file = state_dir / PRIVATE_FILE
    inside = here.resolve() in private_file.resolve().parents
    named = private_file.resolve().relative_to(here.resolve()).as_posix() if inside else str(private_file)
    override = override_of(service, source, named)
    write_file("--compose", here / OVERRIDE_FILE, override.text)
    if not override.private:
        return [OVERRIDE_FILE]
    write_atomically(state_folder(state_dir) / PRIVATE_FILE, override.private)
    return [OVERRIDE_FILE, named]


def _ask_start(options: InitOptions, screen: Screen) -> InitOptions:
    """Which of several starts it is."""
    commands = starts(options.folder)
    if options.app or options.command or len(commands) < 2:
        return options
    choices = [start.removeprefix("app:") for start in commands]
    start = commands[screen.choose("What starts the service?", choices)]
    if start.startswith("app:"):
        return replace(options, app=start.removeprefix("app:"))
    return replace(options, command=start)


def _ask_variables(detected: Found, screen: Screen) -> Found:
    """What the variables that look outside are to say here."""
    env, neutral, allowed = dict(detected.env), [], list(detected.allow_env)
    for name in detected.neutral:
        answer = screen.ask(
            f"{name} looks like an address outside. A value for here (empty: none, keep: let it through)"
        )
        if answer == "keep":
            allowed.append(name)
        elif answer:
            env[name] = answer
        else:
            neutral.append(name)
    return replace(detected, env=env, neutral=tuple(neutral), allow_env=tuple(allowed))


def _show(detected: Found, written: list[str], screen: Screen) -> None:
    facts = detected.to_json()
    screen.show(Text.assemble(("wrote ", "bold green"), ", ".join(written)))
    screen.show(f"  starts    {facts['start']}")
    for name, pair in facts["sessions"].items():
        screen.show(f"  {name:9} {pair['create']}, then {pair['verify']}")
    for name, request in (facts["session"] or {}).items():
        screen.show(f"  {name:9} {request}")
    if not facts["sessions"] and not detected.by_session:
        screen.show(f"  speaks    as the preset {detected.preset} says")
    if detected.headers:
        screen.show(f"  headers   {', '.join(detected.headers)}")
    if detected.neutral:
        names = ", ".join(detected.neutral)
        screen.show(f"  emptied   {names}: addresses outside, it seems (--env NAME=VALUE, --allow-env NAME)")
    switch = "" if detected.switchable else "; [service] redis = false"
    switch = '; [service] redis = "always"' if detected.always_in_redis else switch
    screen.show(f"  in Redis  {detected.redis_words}{switch}")
    if detected.limit is not None:
        ended = "1 wrong answer ends" if detected.limit == 1 else f"{detected.limit} wrong answers end"
        screen.show(f"  answers   {ended if detected.limit else 'no number of wrong answers ends'} a session")
    for note in detected.notes:
        screen.show(Text(f"  note: {note}", "yellow"))
    scenario = "lost-session" if detected.preset == CAPTCHA.name else f"{detected.preset}-lost"
    if detected.session is not None:
        expressions = " ".join(map(_quoted, detected.session.likely_meetings))
        screen.show(Text(f"next: devenv explore {expressions}", "dim"))
    if detected.by_session:
        return
    screen.show(Text(f"next: devenv demo, or devenv up -d and devenv replay {scenario}", "dim"))


def _quoted(expression: str) -> str:
    """As shells of every system take it for one word."""
    return f'"{expression}"' if " " in expression else expression
