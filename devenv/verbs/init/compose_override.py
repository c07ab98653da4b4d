"""docker-compose.own.yml: the compose stack with a team's own image, or build folder, as its pods."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from devenv.core.model.service import ServiceSpec
from devenv.core.render.visible import is_visible, visible
from devenv.stack.own_service import NOWHERE, REDIS_PAIRS, REDIS_URLS

OVERRIDE_FILE = "docker-compose.own.yml"
PRIVATE_FILE = "docker-compose.own.env"
"""In the folder of the stack's state."""
_PORT = "8000"
_PODS = ("captcha-api-a", "captcha-api-b")
_HEAD = """\
# Your own service as the pods of the compose stack:
#   docker compose -f docker-compose.yml -f docker-compose.own.yml up --wait
# Written by `devenv init --compose`. Variables that are set here win over a .env in the image.
"""


@dataclass(frozen=True, slots=True)
class Override:
    """What ``init --compose`` writes."""

    text: str
    """docker-compose.own.yml; no value of a header is in it."""
    private: str
    """The proxy's variables with the values of headers, for a private file; "" without any."""


def override_of(service: ServiceSpec, source: str, private_file: str) -> Override:
    """The files; ``source`` is an image, or a folder with a Dockerfile (made absolute).

    ``private_file``: where ``Override.private`` will be, from the folder of docker-compose.yml. The service
    must listen on PORT, 8000, on all interfaces.
    """
    image = _Replaced({"context": str(Path(source).resolve())}) if _is_folder(source) else None
    values = {
        "redis_host": "proxy", "port": _PORT, "host": "0.0.0.0", "ml_url": "http://mock-ml:8001",
        "workers": "1", "python": "python",
    }  # fmt: skip
    services: dict[str, Any] = {}
    for index, pod in enumerate(_PODS):
        redis_port = str(6391 + index)
        pod_values = {
            **values,
            "redis_port": redis_port,
            "redis_url": f"redis://proxy:{redis_port}/0",
            "pod": pod,
        }
        env = {
            **dict.fromkeys(NOWHERE, ""),
            **dict.fromkeys(REDIS_URLS, pod_values["redis_url"]),
            **dict.fromkeys(REDIS_PAIRS, f"proxy:{redis_port}"),
            "PORT": _PORT,
            "HOST": values["host"],
            **_switch(service, pod_values),
            **{name: _put(value, pod_values) for name, value in service.env.items()},
        }
        body: dict[str, Any] = {
            "image": source if image is None else f"${{DEVENV_IMAGES:-${{COMPOSE_PROJECT_NAME}}}}-{pod}-own",
            "pull_policy": "missing" if image is None else "build",
            "build": _Reset() if image is None else image,
            "command": _command(service, pod_values),
            "read_only": False,
            "environment": env,
            "healthcheck": {"test": _health(service)},
        }
        services[pod] = body
    services["proxy"], private = _proxy(service, private_file)
    text = yaml.dump({"services": services}, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return Override(_HEAD + visible(text), private)


def _proxy(service: ServiceSpec, private_file: str) -> tuple[dict[str, Any], str]:
    """So that every verb knows how these pods are spoken to: in the open where no header has a value."""
    public = service.public()
    known = json.dumps(replace(public, profile=service.profile, session=service.session).to_json())
    environment = {"DEVENV_SESSION_CARRIER": service.profile.carrier} if service.profile.carrier else {}
    if known == json.dumps(public.to_json()):
        return {"environment": {"DEVENV_SERVICE": known.replace("$", "$$"), **environment}}, ""
    quoted = known.replace("'", "\\u0027")  # Compose takes what stands in apostrophes as it is
    return {"env_file": [private_file], "environment": environment}, f"DEVENV_SERVICE='{quoted}'\n"


def _switch(service: ServiceSpec, values: dict[str, str]) -> dict[str, str]:
    """Its own switch, off unless compose's environment says otherwise; USE_REDIS is in the file below."""
    names = [item for item in {**service.redis_on, **service.redis_off} if item != "USE_REDIS"]
    return {name: f"${{{name}:-{_put(service.redis_off.get(name, ''), values)}}}" for name in names}


def _command(service: ServiceSpec, values: dict[str, str]) -> Any:
    """The command of a ``--command`` service; of an app, uvicorn as the image has it."""
    if service.command:
        return _Replaced([_put(word, values) for word in service.command])
    options = ["--host", values["host"], "--port", values["port"]]
    return _Replaced(["python", "-m", "uvicorn", str(service.app), *options])


def _health(service: ServiceSpec) -> list[str]:
    """Whether a process listens on PORT, by a program that is surely in the image; else no check at all."""
    if service.app is not None:
        return ["CMD", "python", "-c", f"import socket; socket.create_connection(('127.0.0.1', {_PORT}), 3)"]
    if service.command[0].rpartition("/")[2] == "node":
        listening = f"require('net').connect({_PORT}, '127.0.0.1').on('connect', () => process.exit(0))"
        return ["CMD", "node", "-e", f"{listening}.on('error', () => process.exit(1))"]
    return ["CMD-SHELL", "exit 0"]


def _put(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text.replace("$", "$$")  # compose would interpolate it


def _is_folder(source: str) -> bool:
    return source.startswith((".", "/", "~")) or Path(source).is_dir()


class _Reset:
    """``!reset null``: as if the file below had not said it (Compose 2.24)."""


class _Replaced:
    """``!override``: in place of what the file below says, not merged with it (Compose 2.24)."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Dumper(yaml.SafeDumper):
    """Text that is not visible in double quotes, where ``visible`` escapes it."""


def _represent_text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, None if is_visible(text) else '"')


def _represent_replaced(dumper: yaml.SafeDumper, replaced: _Replaced) -> yaml.Node:
    node = dumper.represent_data(json.loads(json.dumps(replaced.value)))
    node.tag = "!override"
    return node


_Dumper.add_representer(str, _represent_text)
_Dumper.add_representer(_Reset, lambda dumper, _: dumper.represent_scalar("!reset", "null"))
_Dumper.add_representer(_Replaced, _represent_replaced)
