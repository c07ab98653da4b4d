"""``devenv.toml``: a user-provided service, how it is started and how it is spoken to.

``preset`` names the profile to begin with; ``[profile]`` says what is different. docs/own-service.md has
every key.
"""

from __future__ import annotations

import os
import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError, model_validator

from devenv.core.balancers import parse_balancer
from devenv.core.diagnosis.findings import changes_of
from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA, PRESETS
from devenv.core.model.service import COOKIE, ID, Kind, ServiceProfile, ServiceSpec
from devenv.core.model.session_profile import Fix
from devenv.core.model.switch import Switch
from devenv.harness.config.session_tables import FixTable, SessionTable
from devenv.harness.config.tables import IdTable, RequestTable, RuleTable, Table, Variables
from devenv.harness.config.toml_lines import MOST_PARTS, line_of, line_of_long_key
from devenv.stack.files import SERVICE_FILE, read_text_if_there

_ID_PLACES = ("id_field", "id_header", "id_cookie")
_HINT = "docs/own-service.md describes every key; `devenv init` writes a working file"


class _Kind(Table):
    create: RequestTable
    verify: RequestTable
    end: RequestTable | None = None
    also: list[RequestTable] = []
    aliases: list[str] = []
    answers: dict[Literal["right", "wrong", "empty"], Any] = {}

    def made(self) -> Kind:
        answers: dict[str, Any] = {str(name): value for name, value in self.answers.items()}
        end = self.end.made() if self.end is not None else None
        also = tuple(request.made() for request in self.also)
        return Kind(self.create.made(), self.verify.made(), tuple(self.aliases), answers, end, also)


class _Profile(Table):
    id: IdTable | None = None
    headers: dict[str, str] = {}
    fields: dict[str, str] = {}
    kinds: dict[str, _Kind] = {}
    not_found: list[RuleTable] = []
    success: list[RuleTable] = []
    wrong: list[RuleTable] = []
    oracle: Literal["", "mock-ml"] = ""
    words: tuple[str, str] | None = None
    reusable: bool | None = None
    changes: dict[str, str] = {}
    limit: Annotated[int, Field(ge=0, strict=True)] | Literal["none"] | None = None

    def over(self, preset: ServiceProfile) -> ServiceProfile:
        """The preset with what the file says in its place; kinds replace all of the preset's."""
        given: dict[str, Any] = {
            "kinds": {name: kind.made() for name, kind in self.kinds.items()},
            **{
                name: tuple(rule.made() for rule in getattr(self, name))
                for name in ("not_found", "success", "wrong")
            },
            "headers": self.headers,
            "fields": self.fields,
            "oracle": self.oracle,
            "words": self.words,
            "changes": self.changes,
        }
        if self.id is not None:
            given |= {name: getattr(self.id, name.removeprefix("id_")) for name in _ID_PLACES}
        if self.reusable is not None:
            given["reusable"] = self.reusable
        given["limit"] = self._limit(preset)
        kept = {
            name: item for name, item in given.items() if item or name in (*_ID_PLACES, "reusable", "limit")
        }
        return _with_cookie(replace(preset, **kept))

    def _limit(self, preset: ServiceProfile) -> int | None:
        """As ``ServiceProfile.limit``; the preset's limit is not known to hold for other kinds."""
        if self.limit == "none":
            return 0
        if self.limit is not None:
            return self.limit
        goes_on = preset.reusable if self.reusable is None else self.reusable
        return None if self.kinds and not goes_on else preset.limit


def _with_cookie(profile: ServiceProfile) -> ServiceProfile:
    """Uses that do not say where the id goes send it back in the profile's cookie."""
    if not profile.id_cookie:
        return profile
    cookie = f"{profile.id_cookie}={ID}"
    kinds = {
        name: kind
        if kind.verify.carries_id
        else replace(kind, verify=kind.verify.with_header(COOKIE, cookie))
        for name, kind in profile.kinds.items()
    }
    return replace(profile, kinds=kinds)


class _Redis(Table):
    """What USE_REDIS=true and false mean for the service."""

    on: Variables = {"USE_REDIS": "true"}
    off: Variables = {"USE_REDIS": "false"}


class _Service(Table):
    app: str | None = None
    command: str | list[str] | None = None
    directory: str = "."
    python: str | None = None
    env_file: str | None = None
    env: Variables = {}
    allow_env: list[str] = []
    pod_env: dict[str, Variables] = {}
    shared_folder: bool = False
    ready: list[str] = []
    redis: _Redis | Literal[False, "always"] | None = None
    redis_mode: Literal["", "standalone", "cluster", "tls", "acl", "replica"] = ""

    @model_validator(mode="after")
    def _one(self) -> _Service:
        if (self.app is None) == (self.command is None):
            raise ValueError("needs exactly one of app, command")
        if not (self.app or self.command):
            raise ValueError("app or command is empty: what starts the service?")
        return self


class _File(Table):
    preset: str = CAPTCHA.name
    balancer: str = ""
    service: _Service
    profile: _Profile = _Profile()
    session: SessionTable | None = None
    fixes: dict[Annotated[str, Field(pattern=r"^[A-Za-z][\w-]*$")], FixTable] = {}


MOST_CHARACTERS = 64 * 1024
"""Of a devenv.toml; the largest that `devenv init` writes has some thousands."""


def read_service(folder: Path) -> ServiceSpec | None:
    """The service of ``folder``/devenv.toml; None where there is no such file.

    Raises UsageProblem that names the file and the key.
    """
    path = folder / SERVICE_FILE
    text = read_text_if_there(path, SERVICE_FILE)
    return None if text is None else parse_service(text, folder)


def _balancer(text: str) -> str:
    try:
        return parse_balancer(text).text if text else ""
    except UsageProblem as problem:
        raise UsageProblem(f"{SERVICE_FILE}: balancer: {problem.message}", hint=problem.hint) from problem


def parse_service(text: str, folder: Path) -> ServiceSpec:
    """The service that a devenv.toml in ``folder`` describes; UsageProblem names the key that is wrong."""
    if len(text) > MOST_CHARACTERS:
        raise UsageProblem(
            f"{SERVICE_FILE}: it has {len(text)} characters, at most {MOST_CHARACTERS} are read"
        )
    if (line := line_of_long_key(text)) is not None:
        raise UsageProblem(f"{SERVICE_FILE}:{line}: a key has more than {MOST_PARTS} parts", hint=_HINT)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageProblem(f"{SERVICE_FILE}: {error}", hint=_HINT) from error
    except (ValueError, RecursionError) as error:  # an integer of 5,000 digits, a list in a list in a list …
        reason = "nested too deeply" if isinstance(error, RecursionError) else str(error)
        raise UsageProblem(f"{SERVICE_FILE}: cannot be read: {reason}", hint=_HINT) from error
    try:
        file = _File.model_validate(data)
    except ValidationError as error:
        raise UsageProblem(_first(error, data, text), hint=_HINT) from error
    if file.preset not in PRESETS:
        raise UsageProblem(
            f"{SERVICE_FILE}: preset: {file.preset!r} is not one of {', '.join(PRESETS)}", hint=_HINT
        )
    service = file.service
    always = service.redis == "always"
    given = service.redis if isinstance(service.redis, _Redis) else None
    has_switch = PRESETS[file.preset].switchable if service.redis is None else given is not None
    redis = given or (_Redis() if has_switch else _Redis(on={}, off={}))
    # The mock ML service knows the answers to its own pictures only: a preset's word does not hold here.
    profile = replace(file.profile.over(PRESETS[file.preset]), oracle=file.profile.oracle)
    profile = replace(profile, switchable=bool(redis.on or redis.off))
    session = None if file.session is None else file.session.made()
    if session is not None and not file.profile.kinds:
        profile = replace(profile, kinds={})  # the preset's are not this service's
    else:
        _check(profile)
    return advised(
        ServiceSpec(
            directory=str((folder / service.directory).resolve()),
            profile=profile,
            balancer=_balancer(file.balancer),
            app=service.app,
            command=_file_words(service.command),
            python=_located(service.python, folder, service.directory, command=True),
            env_file=_located(service.env_file, folder, service.directory),
            env=service.env,
            allow_env=tuple(service.allow_env),
            pod_env=service.pod_env,
            shared_folder=service.shared_folder,
            ready=tuple(service.ready),
            redis_mode=service.redis_mode,
            redis_on=redis.on,
            redis_off=redis.off,
            always_redis=always,
            session=session,
            fixes={name: _fix(name, item, folder) for name, item in file.fixes.items()},
        )
    )


def _fix(name: str, table: FixTable, folder: Path) -> Fix:
    """A fix with its folder as an absolute path. Raises UsageProblem for a command with an open quote."""
    directory = None if table.directory is None else str((folder / table.directory).resolve())
    return Fix(table.env, _file_words(table.command, f"fixes.{name}.command"), table.app, directory)


def _located(name: str | None, folder: Path, directory: str, *, command: bool = False) -> str | None:
    """A file that devenv.toml in ``folder`` names, as an absolute path; None where it names none.

    It is relative to that folder, or to the service's ``directory`` where it lies there only. The bare name
    of a ``command`` stays: PATH finds it.
    """
    if name is None or (command and len(Path(name).parts) == 1):
        return name
    places = (folder.absolute() / name, (folder / directory).absolute() / name)
    return str(next((place for place in places if place.exists()), places[0]))


def from_here(name: str | None, *, command: bool = False) -> str | None:
    """A file that a flag names, relative to the current folder, as an absolute path; else as ``_located``."""
    return _located(name, Path.cwd(), ".", command=command)


def pod_assignments(texts: Sequence[str], flag: str) -> dict[str, dict[str, str]]:
    """``POD:NAME=value`` words as variables by pod; UsageProblem names the flag for one that is none."""
    named: dict[str, dict[str, str]] = {}
    for word in texts:
        pod, mark, rest = word.partition(":")
        if not mark or not pod.strip() or "=" in pod:
            raise UsageProblem(f"{flag} {word!r} is not POD:NAME=value", hint=f"{flag} b:REDIS_PREFIX=x:")
        named.setdefault(pod.strip(), {}).update(assignments([rest], flag))
    return named


def advised(service: ServiceSpec) -> ServiceSpec:
    """``service`` with advice in its own words: its switch, not the reference service's variables."""
    changes = {**changes_of(service.redis_on, service.redis_off), **service.profile.changes}
    switch = Switch.of(service.redis_on, service.redis_off)
    return replace(service, profile=replace(service.profile, changes=changes, switch=switch))


def _file_words(command: str | Sequence[str] | None, key: str = "service.command") -> tuple[str, ...]:
    try:
        return command_words(command)
    except UsageProblem as error:
        message = error.message.replace("--command", f"{SERVICE_FILE}: {key}:")
        raise UsageProblem(message, hint=_HINT) from error


def command_words(command: str | Sequence[str] | None) -> tuple[str, ...]:
    """A command as its words; one text is split as a shell would. Raises UsageProblem for open quotes."""
    if command is None:
        return ()
    if not isinstance(command, str):
        return tuple(command)
    try:
        return tuple(shlex.split(command, posix=os.name != "nt"))
    except ValueError as error:
        raise UsageProblem(f"--command {command!r}: {error}") from error


def assignments(texts: Sequence[str], flag: str) -> dict[str, str]:
    """``NAME=value`` words as a mapping; UsageProblem names the flag for one that is none."""
    values = {}
    for word in texts:
        name, mark, value = word.partition("=")
        if not mark or not name.strip():
            raise UsageProblem(f"{flag} {word!r} is not NAME=value", hint=f"{flag} NAME= gives it no value")
        values[name.strip()] = value
    return values


def _check(profile: ServiceProfile) -> None:
    """What one key says about another."""
    if not profile.kinds:
        raise UsageProblem(
            f"{SERVICE_FILE}: profile.kinds: the preset {profile.name} has none of its own: which requests "
            "open and use a session?",
            hint="`devenv init` finds an MCP server's tools; docs/own-service.md",
        )
    for name, kind in profile.kinds.items():
        if not kind.verify.carries_id:
            raise UsageProblem(
                f"{SERVICE_FILE}: profile.kinds.{name}.verify: no {{id}} in it: which session is it about?",
                hint=_HINT,
            )


def _first(error: ValidationError, data: Any, text: str) -> str:
    """The first complaint in one line: the file, the line of its key, the key, what is wrong."""
    problem = error.errors(include_url=False)[0]
    place = tuple(_written(problem["loc"], data, missing=problem["type"] == "missing"))
    line = line_of(text, place)
    where = f"{SERVICE_FILE}{'' if line is None else f':{line}'}: {'.'.join(place) or 'the file'}"
    message = re.sub(
        r"dictionary( or instance of \w+)?$", "table", problem["msg"].removeprefix("Value error, ")
    )
    if problem["type"] == "extra_forbidden":
        return f"{where}: there is no such key"
    given = problem.get("input")
    shown = f" (it is {given!r:.60})" if isinstance(given, str | int | float | bool) else ""
    return f"{where}: {message[:1].lower()}{message[1:]}{shown}"


def _written(place: Sequence[str | int], data: Any, *, missing: bool) -> Iterator[str]:
    """The words of ``place`` that stand in the file, and the one that is missing.

    Of a key that may be of several types pydantic names, beside the key, the type that it tried.
    """
    for index, word in enumerate(place):
        there = isinstance(data, list) and isinstance(word, int) and word < len(data)
        if there or (isinstance(data, dict) and word in data):
            data = data[word]
            yield str(word)
        elif missing and index == len(place) - 1:
            yield str(word)
