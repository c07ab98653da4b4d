"""devenv.toml written: what was found of a service, as text that ``service_file`` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Kind, Request, Rule


@dataclass(frozen=True, slots=True)
class Found:
    """What looking at a service found; each part may be missing. ``notes`` say what nobody could tell.

    ``neutral``: variables of its own files that look outside and get no value. ``switchable``: whether it
    keeps sessions in Redis where USE_REDIS=true.
    """

    preset: str
    app: str | None = None
    command: str | None = None
    directory: str = "."
    python: str | None = None
    env_file: str | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    neutral: tuple[str, ...] = ()
    allow_env: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    id_field: str = ""
    id_header: str = ""
    id_cookie: str = ""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    not_found: tuple[Rule, ...] = ()
    success: tuple[Rule, ...] = ()
    wrong: tuple[Rule, ...] = ()
    switchable: bool = True
    key: str | None = None
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """What ``devenv init --json`` prints of it."""
        return {
            "preset": self.preset,
            "start": self.app or self.command,
            "sessions": {
                name: {
                    "create": f"{item.create.method} {item.create.path}",
                    "verify": f"{item.verify.method} {item.verify.path}",
                }
                for name, item in self.kinds.items()
            },
            "id_field": self.id_field or None,
            "id_header": self.id_header or None,
            "id_cookie": self.id_cookie or None,
            "headers": list(self.headers),
            "neutralised": list(self.neutral),
            "redis_key": self.key,
            "notes": list(self.notes),
        }


def toml_text(found: Found) -> str:
    """The whole file."""
    lines = [f"preset = {_value(found.preset)}", "", "[service]"]
    for name, value in (("app", found.app), ("command", found.command), ("python", found.python)):
        lines += [f"{name} = {_value(value)}"] if value else []
    lines += [f"directory = {_value(found.directory)}"] if found.directory != "." else []
    lines += [f"env-file = {_value(found.env_file)}"] if found.env_file else []
    lines += [f"allow-env = {_value(found.allow_env)}"] if found.allow_env else []
    if not found.switchable:
        seen = ": no key of one was seen in Redis" if found.preset == CAPTCHA.name else ""
        seen = ": they are in Redis whatever USE_REDIS says" if found.key else seen
        lines += [f"redis = false  # no switch for where new sessions are{seen}"]
    if found.env or found.neutral:
        lines += ["", "[service.env]"]
        lines += [f"{name} = {_value(value)}" for name, value in found.env.items()]
        if found.neutral:
            lines += ["# These look like addresses outside this machine: without a value they lead nowhere."]
            lines += [f'{name} = ""' for name in found.neutral]
    lines += _profile(found)
    lines += [f"# {note}" for note in found.notes]
    return "\n".join(lines) + "\n"


def _profile(found: Found) -> list[str]:
    lines: list[str] = []
    places = {"field": found.id_field, "header": found.id_header, "cookie": found.id_cookie}
    if found.headers or any(places.values()):
        lines += ["", "[profile]"]
        lines += [f"id = {{ {place} = {_value(name)} }}" for place, name in places.items() if name]
        lines += [f"headers = {_value(found.headers)}"] if found.headers else []
    for name, kind in found.kinds.items():
        lines += ["", f"[profile.kinds.{name}]"]
        lines += [
            f"create = {_value(_request(kind.create))}",
            f"verify = {_value(_request(kind.verify))}",
        ]
        lines += [f"answers = {_value(kind.answers)}"] if kind.answers else []
    for title, rules in (("not-found", found.not_found), ("success", found.success), ("wrong", found.wrong)):
        for rule in rules:
            lines += ["", f"[[profile.{title}]]"]
            parts = {"status": rule.status, "equals": rule.equals, "differs": rule.differs}
            lines += [f"{key} = {_value(item)}" for key, item in parts.items() if item]
    return lines


def _request(request: Request) -> dict[str, Any]:
    words: dict[str, Any] = {"path": request.path}
    if request.method != "POST":
        words["method"] = request.method
    if request.headers:
        words["headers"] = request.headers
    if request.body is not None:
        words["body"] = request.body
    if request.form is not None:
        words["form"] = request.form
    if request.match:
        words["match"] = request.match
    return words


def _value(value: Any) -> str:
    """A value as TOML writes it; JSON's texts and numbers are TOML's."""
    if isinstance(value, Mapping):
        inner = ", ".join(f"{json.dumps(str(k), ensure_ascii=False)} = {_value(v)}" for k, v in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(_value(item) for item in value)}]"
    return json.dumps(value, ensure_ascii=False)
