"""A user-provided service as a pod: its command, and an environment in which its .env names no host outside.

Every variable that is known to point outwards is set to a local value: a service's ``load_dotenv()`` leaves
alone what is set, also what is set to the empty string. A variable of the service's own files that is not
known and looks like an outside address stops the start, until it is allowed by name or given another value.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from devenv.core.model.env_file import read_env
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.outside import outside
from devenv.core.model.service import ServiceSpec
from devenv.core.model.switch import names_address, state_of
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import resolve_pod
from devenv.stack.environment import SECRETS, essentials
from devenv.stack.files import read_text

CONTRACT = (
    "REDIS_HOST", "REDIS_PORT", "REDIS_DB", "REDIS_PASSWORD", "REDIS_USERNAME", "REDIS_SSL", "REDIS_PREFIX",
    "REDIS_TIMEOUT_MS", "REDIS_CLUSTER", "CAPTCHA_TTL", "ML_SERVICE_URL", "ASSET_BASE_URL",
    "ABSTRACT_HMAC_SECRET", "OCR_IMAGE_FIELD", "SUCCESS_REDIRECT_URL", "POD_NAME", "USE_REDIS",
    "SESSION_STRATEGY", "WORKERS",
)  # fmt: skip
"""The variables of contract §3: of the pods' variables only these are ever shown."""
_THEIRS = ("REDIS_DB", "REDIS_PREFIX", "REDIS_TIMEOUT_MS", "CAPTCHA_TTL", "OCR_IMAGE_FIELD")
"""Of those, what says how and not where: the service's own word counts."""
_LOGIN = ("REDIS_USERNAME", "REDIS_PASSWORD")
"""Set to nothing only over a value of the service's files: redis-rb logs in with an empty password too."""
REDIS_URLS = ("REDIS_URL", "REDIS_URI", "REDIS_DSN", "REDIS_TLS_URL", "REDIS_CONNECTION_STRING", "CACHE_URL")
REDIS_PAIRS = (
    "REDIS_ADDR",
    "REDIS_ADDRESS",
    "REDIS_ENDPOINT",
    "REDIS_HOSTS",
    "REDIS_NODES",
    "REDIS_CLUSTER_NODES",
)
NOWHERE = (
    "REDIS_SENTINELS", "SENTRY_DSN", "OTEL_EXPORTER_OTLP_ENDPOINT", "DD_AGENT_HOST", "NEW_RELIC_HOST",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy",
)  # fmt: skip
"""Known to point outwards, and nothing here can take their place."""
_ITS_REDIS = re.compile(
    r"(?P<of>(?:\w{1,100}_)?(?:REDIS|CACHE|VALKEY)(?:_\w{1,100})?)_(?P<what>HOST|HOSTNAME|URL|URI|DSN)"
)
_TEMPLATES = (".example", ".sample", ".template", ".dist", ".md")
_VENVS = (".venv", "venv", "env")


@dataclass(frozen=True, slots=True)
class Variable:
    """A variable of the service's own files: its value, and where it stands (``.env:3``)."""

    value: str
    where: str


class OwnService:
    """A service that can be started. Raises UsageProblem where its folder, files or variables forbid that.

    ``workers``: how many processes each pod is to have. ``pods``: the names of all pods. ``files`` are its
    variables by name, as it would read them.
    """

    def __init__(self, service: ServiceSpec, workers: int = 1, pods: Sequence[str] = ()) -> None:
        self.service = service
        if workers > 1 and service.command and not any("{workers}" in word for word in service.command):
            raise UsageProblem(
                f"{workers} workers for each pod: the command has no {{workers}} in it, so nothing tells it",
                hint="--command 'gunicorn --workers {workers} --bind 127.0.0.1:{port} main:app'",
            )
        self.directory = Path(service.directory)
        if not self.directory.is_dir():
            raise UsageProblem(f"--app-dir {service.directory}: there is no such folder")
        self.pod_env = _by_pod(service, pods)
        self.files = own_variables(service)
        refused = undecided(service, self.files)
        if refused:
            listed = ", ".join(f"{name} ({self.files[name].where})" for name in refused)
            raise UsageProblem(
                f"variables of the service that look like an address outside this machine: {listed}",
                hint="give each a value of your own (--env NAME=, empty is one), or let it through by name: "
                "--allow-env NAME",
            )

    def command(self, port: int, workers: int, pod: str) -> list[str]:
        """What to run so that it listens on 127.0.0.1:``port``."""
        service = self.service
        if service.command:
            values = {
                "port": str(port), "host": "127.0.0.1", "workers": str(workers), "pod": pod,
                "python": self._python(),
            }  # fmt: skip
            return [_put(word, values) for word in service.command]
        options = ["--host", "127.0.0.1", "--port", str(port), "--no-access-log"]
        more = ["--workers", str(workers)] if workers > 1 else []
        return [self._python(), "-m", "uvicorn", str(service.app), *options, *more]

    def _python(self) -> str:
        """The interpreter: the one that was named, else the folder's virtual environment's, else ours."""
        if self.service.python is not None:
            named = Path(self.service.python)
            return str(named if named.is_absolute() or len(named.parts) == 1 else self.directory / named)
        inside = ("Scripts", "python.exe") if os.name == "nt" else ("bin", "python")
        candidates = (self.directory.joinpath(folder, *inside) for folder in _VENVS)
        return str(next((path for path in candidates if path.is_file()), sys.executable))

    def environment(
        self,
        spec: StackSpec,
        pod: str,
        settings: Mapping[str, str],
        port: int,
        folders: Mapping[str, str] | None = None,
    ) -> dict[str, str]:
        """Everything that the pod gets.

        ``settings`` are the contract's, with this stack's addresses; ``folders`` name the pod's own folders.
        """
        service, chosen = self.service, spec.env_of(pod)
        variables_of_pod = self._of_contract(settings, chosen)
        values = _stack_values(variables_of_pod, port, pod)
        for name in _LOGIN:
            if not variables_of_pod.get(name) and name not in self.files:
                variables_of_pod.pop(name, None)
        switch = (
            service.redis_on if variables_of_pod.get("USE_REDIS", "").lower() == "true" else service.redis_off
        )
        base = {name: value for name, value in essentials().items() if name != "PYTHONPATH"}
        return {
            **base,
            **(folders or {}),
            **_from_env_file(service, self.files),
            **dict.fromkeys(NOWHERE, ""),
            **dict.fromkeys(REDIS_PAIRS, f"{values['redis_host']}:{values['redis_port']}"),
            **dict.fromkeys(REDIS_URLS, values["redis_url"]),
            "NO_PROXY": "*",
            "no_proxy": "*",
            "PORT": str(port),
            "HOST": "127.0.0.1",
            **variables_of_pod,
            **{name: _put(value, values) for name, value in switch.items()},
            **{name: _put(value, values) for name, value in service.env.items()},
            **{name: _put(value, values) for name, value in self.pod_env.get(pod, {}).items()},
            **chosen,
        }

    def _of_contract(self, settings: Mapping[str, str], chosen: Mapping[str, str]) -> dict[str, str]:
        """The contract's variables; of those that say how and not where, the service's own value counts."""
        variables = dict(settings)
        for name in _THEIRS:
            if name in chosen:
                continue
            variables.pop(name, None)  # the default of its own code
            if name in self.files:
                variables[name] = self.files[name].value
        return variables

    def replaced(self, variables: Mapping[str, str]) -> list[str]:
        """Which variables of its ``env_file`` a pod with these ``variables`` gets otherwise, in words.

        What devenv.toml or a flag sets is left out: it says so itself.
        """
        given = _from_env_file(self.service, self.files)
        decided = {*self.service.env, *(name for env in self.pod_env.values() for name in env)}
        differ = [
            name for name, value in given.items() if value != variables.get(name) and name not in decided
        ]
        emptied = [name for name in differ if not variables.get(name)]
        ours = [name for name in differ if variables.get(name)]
        reasons = [f"{', '.join(emptied)} without a value, as nothing here stands for it"] if emptied else []
        reasons += [f"{', '.join(ours)} as this stack has it"] if ours else []
        where = Path(str(self.service.env_file)).name
        hint = "--env NAME=VALUE keeps a value"
        return [f"{where}: not taken over: {'; '.join(reasons)} ({hint})"] if reasons else []

    def settings(self, spec: StackSpec, pod: str, settings: Mapping[str, str]) -> dict[str, str]:
        """Of a pod's variables what may be shown: the contract's, without secrets.

        Of a service with a switch of its own, USE_REDIS says whether that switch is on, for every source of
        its variables; it is left out where they have neither the values for on nor those for off.
        """
        whole = self.environment(spec, pod, settings, 0)
        shown = {name: whole[name] for name in CONTRACT if name in whole and name not in SECRETS}
        if self.service.profile.switch.usual or not self.service.switchable:
            return shown
        on, off = self.service.redis_on, self.service.redis_off
        values = _stack_values(self._of_contract(settings, spec.env_of(pod)), 0, pod)
        state = state_of(
            {name: _put(value, values) for name, value in on.items()},
            {name: _put(value, values) for name, value in off.items()},
            whole,
            [name for name, value in on.items() if names_address(value)],
        )
        shown.pop("USE_REDIS", None)
        return shown if state is None else {**shown, "USE_REDIS": "true" if state else "false"}


def _by_pod(service: ServiceSpec, pods: Sequence[str]) -> dict[str, Mapping[str, str]]:
    """The variables of single pods by full name. Raises UsageProblem for a pod that there is not."""
    named: dict[str, Mapping[str, str]] = {}
    for word, env in service.pod_env.items():
        pod = resolve_pod(word, pods)
        if pod is None:
            raise UsageProblem(
                f"pod-env: no pod is called {word!r}", hint=f"the pods are {', '.join(pods) or 'not known'}"
            )
        named[pod] = {**named.get(pod, {}), **env}
    return named


def known_variables(service: ServiceSpec) -> frozenset[str]:
    """The variables whose values this stack decides, over those of the service's own files."""
    ours = {*CONTRACT, *REDIS_URLS, *REDIS_PAIRS, *NOWHERE, "NO_PROXY", "no_proxy", "PORT", "HOST"}
    switched = set(service.redis_on) & set(service.redis_off)
    return frozenset((ours - set(_THEIRS)) | set(service.env) | switched)


def undecided(service: ServiceSpec, files: Mapping[str, Variable]) -> list[str]:
    """The variables of ``files`` that look outside and that are not decided yet."""
    values = {name: item.value for name, item in files.items()}
    return outside(values, [*known_variables(service), *service.allow_env])


def its_redis(service: ServiceSpec, files: Mapping[str, Variable]) -> dict[str, str]:
    """Variables of ``files`` that are called like the address of a Redis, with ours as a template.

    ``CACHE_HOST`` and, beside it, ``CACHE_PORT``; ``SESSION_REDIS_URL``. Only where it is not decided yet.
    """
    variables: dict[str, str] = {}
    for name in undecided(service, files):
        match = _ITS_REDIS.fullmatch(name)
        if match is None:
            continue
        if match["what"] in ("HOST", "HOSTNAME"):
            variables[name] = "{redis_host}"
            port = match["of"] + "_PORT"
            variables |= {port: "{redis_port}"} if port in files else {}
        elif files[name].value.startswith(("redis://", "rediss://")):
            variables[name] = "{redis_url}"
    return variables


def own_variables(service: ServiceSpec) -> dict[str, Variable]:
    """The variables of every .env file that the service may read by itself, and of its ``env_file``.

    A value of ``env_file`` counts before all: the pod gets it, and load_dotenv() leaves alone what is set.
    Of one that stands in several others a value that looks outside is the one that counts.
    Raises UsageProblem for a file that cannot be read, with its line.
    """
    variables: dict[str, Variable] = {}
    given: frozenset[str] | None = None  # the variables of env_file, which comes first
    for path in _env_files(service):
        shown = path.name if path.parent == Path(service.directory) else str(path)
        for name, (value, line) in read_env(read_text(path, shown), shown, interpolate=False).items():
            known = variables.get(name)
            settled = known is not None and (name in (given or ()) or outside({name: known.value}, ()))
            if known is None or (not settled and outside({name: value}, ())):
                variables[name] = Variable(value, f"{shown}:{line}")
        if given is None:
            given = frozenset(variables) if service.env_file is not None else frozenset()
    return variables


def _env_files(service: ServiceSpec) -> Iterator[Path]:
    directory = Path(service.directory)
    given = None
    if service.env_file is not None:
        given = directory / service.env_file  # an absolute one stays as it is
        if not given.is_file():
            raise UsageProblem(f"--env-file {service.env_file}: there is no such file")
        yield given
    for path in sorted(directory.glob(".env*")):
        if path.is_file() and path != given and not path.name.endswith(_TEMPLATES):
            yield path
    # load_dotenv() goes up until it finds one.
    if not (directory / ".env").is_file():
        above = (parent / ".env" for parent in directory.parents)
        yield from [path for path in above if path.is_file()][:1]


def _from_env_file(service: ServiceSpec, files: Mapping[str, Variable]) -> dict[str, str]:
    """The variables of the file that was named: the pod gets them, as from a start script."""
    if service.env_file is None:
        return {}
    path = Path(service.directory) / service.env_file
    text = read_text(path, path.name)
    return {name: value for name, (value, _) in read_env(text, path.name).items()}


def _stack_values(variables: Mapping[str, str], port: int, pod: str) -> dict[str, str]:
    """What ``{redis_url}`` and the like stand for in a pod with the contract's ``variables``."""
    return {
        "redis_host": variables["REDIS_HOST"],
        "redis_port": variables["REDIS_PORT"],
        "redis_url": _redis_url(variables),
        "ml_url": variables["ML_SERVICE_URL"],
        "port": str(port),
        "host": "127.0.0.1",
        "pod": pod,
    }


def _redis_url(settings: Mapping[str, str]) -> str:
    scheme = "rediss" if settings.get("REDIS_SSL", "").lower() == "true" else "redis"
    user, password = settings.get("REDIS_USERNAME", ""), settings.get("REDIS_PASSWORD", "")
    who = f"{quote(user, safe='')}:{quote(password, safe='')}@" if password else ""
    database = settings.get("REDIS_DB") or "0"
    return f"{scheme}://{who}{settings['REDIS_HOST']}:{settings['REDIS_PORT']}/{database}"


def _put(text: str, values: Mapping[str, str]) -> str:
    """``{name}`` replaced by its value; other braces stay as they are."""
    for name, value in values.items():
        text = text.replace(f"{{{name}}}", value)
    return text


def not_on_compose(service: ServiceSpec | None) -> None:
    """Raise EnvironmentProblem where a service of one's own was to be started: compose has an override."""
    if service is not None:
        raise EnvironmentProblem(
            "Docker Compose starts and restarts your own service itself, from docker-compose.own.yml",
            hint="USE_REDIS=true docker compose -f docker-compose.yml -f docker-compose.own.yml up --wait; "
            "`devenv init --compose IMAGE` writes that file",
        )


def service_from_text(text: str) -> ServiceSpec | None:
    """The service that an override names, in its JSON text; None where it names none."""
    try:
        return ServiceSpec.from_json(json.loads(text)) if text else None
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
