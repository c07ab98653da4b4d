"""devenv.toml written: what was found of a service, as text that ``devenv_toml_reader`` reads."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request, Rule
from devenv.core.model.session_profile import GONE, SessionProfile
from devenv.core.render.visible import one_line, toml_string

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """What was found out about a service; each part may be missing."""

    preset: str
    app: str | None = None
    command: str | None = None
    directory: str = "."
    python: str | None = None
    env_file: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    neutral: tuple[str, ...] = ()
    """Variables of its own files that look outside and get no value."""
    allow_env: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    id_field: str = ""
    id_header: str = ""
    id_cookie: str = ""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    not_found: tuple[Rule, ...] = ()
    success: tuple[Rule, ...] = ()
    wrong: tuple[Rule, ...] = ()
    key: str | None = None
    limit: int | None = None
    """The graded answers that a session takes, 0 for any number; None where that is not known."""
    redis_use: str = "switched"
    """What was seen of sessions in Redis: switched, always, unused or unknown."""
    redis_mode: str = ""
    """How Redis must be set up; empty for any."""
    notes: tuple[str, ...] = ()
    """What is not known."""
    session: SessionProfile | None = None
    """The requests that open, use and ask about a login session, where such were found."""

    @property
    def switchable(self) -> bool:
        """Whether USE_REDIS may decide where its sessions are: it does, or what it does could not be seen."""
        return self.redis_use in ("switched", "unknown")

    @property
    def always_in_redis(self) -> bool:
        """Whether its login sessions were seen in Redis, and USE_REDIS=false was not seen to change that."""
        return self.by_session and self.redis_use in ("always", "unknown")

    @property
    def by_session(self) -> bool:
        """Whether its login session is all that is known of how it is spoken to."""
        return self.session is not None and not self.kinds and self.key is None

    @property
    def redis_words(self) -> str:
        """What was seen of its sessions in Redis, in words."""
        if self.preset != CAPTCHA.name:
            return "an MCP server's sessions and handles have no switch that init knows"
        if self.by_session and self.redis_use != "unused":
            return {
                "switched": "commands of a session with USE_REDIS=true, none with USE_REDIS=false",
                "always": "commands of a session with USE_REDIS=true and with USE_REDIS=false",
            }.get(
                self.redis_use,
                "commands reached Redis; not known whether USE_REDIS decides that: taken to be so always",
            )
        return {
            "switched": f"{self.key} with USE_REDIS=true, not there with USE_REDIS=false",
            "always": f"{self.key} whatever USE_REDIS says",
            "alike": "the same commands whatever USE_REDIS says",
            "unused": "with USE_REDIS=true new sessions were opened, and no command about one reached Redis",
        }.get(self.redis_use, "not known: commands reached Redis, and none had a key that is the session's")

    def to_json(self) -> dict[str, Any]:
        """What ``devenv init --json`` prints of it."""
        return {
            "preset": self.preset,
            "start": self.app or self.command,
            "sessions": {
                name: {
                    "create": _in_short(item.create),
                    "verify": _in_short(item.verify),
                }
                for name, item in self.kinds.items()
            },
            "id_field": self.id_field or None,
            "id_header": self.id_header or None,
            "id_cookie": self.id_cookie or None,
            "headers": list(self.headers),
            "neutralised": list(self.neutral),
            "redis": self.redis_use,
            "redis_key": self.key,
            "redis_mode": self.redis_mode or None,
            "limit": "none" if self.limit == 0 else self.limit,
            "session": None if self.session is None else _session_in_short(self.session),
            "notes": list(self.notes),
        }


def toml_text(detected: Found) -> str:
    """The whole file."""
    lines = [f"preset = {_value(detected.preset)}", "", "[service]"]
    for name, value in (("app", detected.app), ("command", detected.command), ("python", detected.python)):
        lines += [f"{name} = {_value(value)}"] if value else []
    lines += [f"directory = {_value(detected.directory)}"] if detected.directory != "." else []
    lines += [f"env-file = {_value(detected.env_file)}"] if detected.env_file else []
    lines += [f"allow-env = {_value(detected.allow_env)}"] if detected.allow_env else []
    lines += [f"redis-mode = {_value(detected.redis_mode)}"] if detected.redis_mode else []
    if detected.always_in_redis:
        lines += ['redis = "always"']
    elif not detected.switchable:
        lines += [f"redis = false  # {one_line(detected.redis_words)}"]
    if detected.env or detected.neutral:
        lines += ["", "[service.env]"]
        lines += [f"{_key(name)} = {_value(value)}" for name, value in detected.env.items()]
        if detected.neutral:
            lines += ["# These look like addresses outside this machine: without a value they lead nowhere."]
            lines += [f'{_key(name)} = ""' for name in detected.neutral]
    lines += _profile(detected)
    lines += ["", *_session(detected.session)] if detected.session is not None else []
    lines += [f"# {one_line(note)}" for note in detected.notes]
    return "\n".join(lines) + "\n"


def _profile(detected: Found) -> list[str]:
    lines: list[str] = []
    places = {"field": detected.id_field, "header": detected.id_header, "cookie": detected.id_cookie}
    # The preset's own limit needs no line, nor does one that is not known.
    limit = None if detected.limit == CAPTCHA.limit and not detected.kinds else detected.limit
    limit = None if detected.preset != CAPTCHA.name else limit
    if detected.headers or any(places.values()) or limit is not None:
        lines += ["", "[profile]"]
        lines += [f"id = {{ {place} = {_value(name)} }}" for place, name in places.items() if name]
        lines += [f"headers = {_value(detected.headers)}"] if detected.headers else []
        lines += [f"limit = {_value(limit or 'none')}"] if limit is not None else []
    for name, kind in detected.kinds.items():
        lines += ["", f"[profile.kinds.{_key(name)}]"]
        lines += [
            f"create = {_value(_request(kind.create))}",
            f"verify = {_value(_request(kind.verify))}",
        ]
        lines += [f"end = {_value(_request(kind.end))}"] if kind.end is not None else []
        lines += [f"also = {_value([_request(request) for request in kind.also])}"] if kind.also else []
        lines += [f"answers = {_value(kind.answers)}"] if kind.answers else []
    for title, rules in (
        ("not-found", detected.not_found),
        ("success", detected.success),
        ("wrong", detected.wrong),
    ):
        for rule in rules:
            lines += ["", f"[[profile.{title}]]"]
            parts = {"status": rule.status, "equals": rule.equals, "differs": rule.differs, "text": rule.text}
            lines += [f"{key} = {_value(item)}" for key, item in parts.items() if item]
    return lines


def _session(session: SessionProfile) -> list[str]:
    """The tables of a session."""
    opens = [_request(request) for request in session.open]
    gone = [f"gone = {{ status = {_value(rule.status)} }}" for rule in session.gone]
    lines = [
        f"[session]  # devenv explore {session.likely_meetings[0]}: docs/exploration.md",
        f"open = {_value(opens[0] if len(opens) == 1 else opens)}",
        f"ask = {_value(_request(session.ask))}",
        *(gone if session.gone != GONE else []),
        *([f"id = {{ field = {_value(session.id_field)} }}"] if session.id_field else []),
    ]
    lines += ["", "[session.requests]"]
    for name, item in session.requests.items():
        ends = {"ends": True} if item.ends else {}
        lines += [f"{_key(name)} = {_value({**_request(item.request), **ends})}"]
    return lines


def _session_in_short(session: SessionProfile) -> dict[str, str]:
    named = {"open": session.open[-1], "ask": session.ask}
    named |= {name: item.request for name, item in session.requests.items()}
    return {name: _in_short(request) for name, request in named.items()}


def _in_short(request: Request) -> str:
    """A request in a few words: of a tool call, with the tool's name."""
    tool = request.match.get("params.name", "")
    return f"{request.method} {request.path} {tool}".rstrip()


def _request(request: Request) -> dict[str, Any]:
    table: dict[str, Any] = {"path": request.path}
    if request.method != "POST":
        table["method"] = request.method
    if request.headers:
        table["headers"] = request.headers
    if request.body is not None:
        table["body"] = request.body
    if request.form is not None:
        table["form"] = request.form
    if request.match:
        table["match"] = request.match
    return table


def _value(value: Any) -> str:
    """A value as TOML writes it; JSON's texts and numbers are TOML's."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(str(name))} = {_value(item)}" for name, item in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return toml_string(value) if isinstance(value, str) else json.dumps(value)


def _key(name: str) -> str:
    """A key as TOML writes it: bare where it can be."""
    return name if _BARE_KEY.fullmatch(name) else toml_string(name)
