"""devenv's own settings: ``.env`` of a folder, then the environment, then flags.

Only the product's own variables are taken over. Addresses and passwords of a Redis or an ML service that a
``.env`` names are never used for a local stack: such a file may name production.
"""

from __future__ import annotations

import locale
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devenv.core.balancers import parse_balancer
from devenv.core.model.backends import Backend, Language
from devenv.core.model.contract import CAPTCHA_TTL_SECONDS, REDIS_PREFIX, REDIS_TIMEOUT_MS
from devenv.core.model.env_file import read_env
from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import MAX_PODS, REDIS_STORES, Strategy, pod_names
from devenv.core.routing import parse_policy
from devenv.stack.files import SERVICE_FILE, STATE_FOLDER, read_text_if_there

MAX_PORT = 65535

FOREIGN = (
    "REDIS_HOST",
    "REDIS_PORT",
    "REDIS_PASSWORD",
    "REDIS_SSL",
    "ML_SERVICE_URL",
    "ASSET_BASE_URL",
    "ABSTRACT_HMAC_SECRET",
    "SUCCESS_REDIRECT_URL",
)
"""Variables of a real service that point outwards; a local stack sets its own."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a verb starts from."""

    backend: Backend | None = None
    """None where it was not chosen."""
    language: Language = "en"
    pods: int = 2
    workers: int = 1
    policy: str = "round-robin"
    balancer: str = ""
    """The load balancer in front of the pods; empty: the proxy chooses."""
    balancer_config: str = ""
    """The text of a team's own configuration file of it."""
    balancer_file: str = ""
    """The name of that file."""
    seed: int = 1
    use_redis: bool | None = None
    """None where it was not chosen."""
    strategy: Strategy = Strategy.ATOMIC
    ports: Ports = field(default_factory=Ports)
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables of the service that every pod gets."""
    state_dir: Path = Path(STATE_FOLDER)
    ignored: tuple[str, ...] = ()
    """The variables of ``.env`` that were deliberately not used."""
    notes: tuple[str, ...] = ()
    """One-line remarks for the user."""
    service: ServiceSpec | None = None
    """The user-provided service of a devenv.toml or of flags; None: the reference service."""
    redis: RedisMode | None = None
    """How Redis is to be set up; None where it was not chosen."""
    cold: bool = False
    """Whether each pod is started by itself, not as a fork of a process that has its imports."""

    def stack_spec(self) -> StackSpec:
        """The stack that these settings describe.

        Raises UsageProblem where the policy names no such policy, or a pod that there is not, and for a
        balancer that there is not.
        """
        parse_policy(self.policy, pod_names(self.pods))
        return StackSpec(
            pods=self.pods,
            use_redis=bool(self.use_redis),
            strategy=self.strategy,
            policy=self.policy,
            balancer=parse_balancer(self.balancer).text if self.balancer else "",
            balancer_config=self.balancer_config,
            balancer_file=self.balancer_file,
            env=dict(self.env),
            ports=self.ports,
            workers=self.workers,
            seed=self.seed,
            service=self.service,
            redis_mode=self.redis or self._mode_of_service(),
        )

    def _mode_of_service(self) -> RedisMode:
        """The mode of Redis where none was chosen: the one that the service needs."""
        named = self.service.redis_mode if self.service is not None else ""
        return RedisMode(named) if named else RedisMode.STANDALONE


@dataclass(frozen=True, slots=True)
class Variable:
    """One setting: its name, how its text becomes a value (ValueError says what is allowed), an example."""

    name: str
    read: Callable[[str], Any]
    example: str


def _integer(low: int, high: int | None = None) -> Callable[[str], int]:
    allowed = f"an integer from {low} to {high}" if high is not None else f"an integer of {low} or more"

    def read(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError(allowed) from None
        if value < low or (high is not None and value > high):
            raise ValueError(allowed)
        return value

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(" or ".join([", ".join(choices[:-1]), choices[-1]]))
        return text.lower()

    return read


def _flag(text: str) -> bool:
    """Exactly true or false: the service reads any other word as false, which would hide a typing error."""
    return _choice("true", "false")(text) == "true"


def _balancer(text: str) -> str:
    try:
        return parse_balancer(text).text
    except UsageProblem as problem:
        raise ValueError(f"{problem.hint or problem.message}") from None


_PORT = _integer(0, MAX_PORT)

VARIABLES = (
    Variable("DEVENV_BACKEND", _choice("embedded", "compose"), "embedded"),
    Variable("DEVENV_LANG", _choice("en", "ko"), "en"),
    Variable("DEVENV_PODS", _integer(1, MAX_PODS), "2"),
    Variable("DEVENV_WORKERS", _integer(1, 64), "1"),
    Variable("DEVENV_POLICY", str, "round-robin"),
    Variable("DEVENV_BALANCER", _balancer, "nginx:least_conn"),
    Variable("DEVENV_SEED", _integer(0), "1"),
    Variable("DEVENV_REDIS_MODE", _choice(*RedisMode), "standalone"),
    Variable("DEVENV_COLD", _flag, "true"),
    Variable("DEVENV_STATE_DIR", Path, STATE_FOLDER),
    Variable("DEVENV_TRAFFIC_PORT", _PORT, "8080"),
    Variable("DEVENV_CONTROL_PORT", _PORT, "8081"),
    Variable("DEVENV_ML_PORT", _PORT, "8001"),
    Variable("DEVENV_REDIS_PORT", _PORT, "6379"),
    Variable("DEVENV_GATE_PORT", _PORT, "6391"),
    Variable("USE_REDIS", _flag, "true"),
    Variable("SESSION_STRATEGY", _choice(*sorted(REDIS_STORES)), "atomic"),
    Variable("REDIS_PREFIX", str, REDIS_PREFIX),
    Variable("REDIS_DB", _integer(0, 15), "0"),
    Variable("REDIS_CLUSTER", _choice("auto", "true", "false"), "auto"),
    Variable("GUIDE_ERRORS", _choice("raise", "swallow"), "swallow"),
    Variable("REDIS_TIMEOUT_MS", _integer(1), str(REDIS_TIMEOUT_MS)),
    Variable("CAPTCHA_TTL", _integer(1), str(CAPTCHA_TTL_SECONDS)),
)

_FOR_PODS = ("REDIS_PREFIX", "REDIS_DB", "REDIS_CLUSTER", "GUIDE_ERRORS", "REDIS_TIMEOUT_MS", "CAPTCHA_TTL")


@dataclass(frozen=True, slots=True)
class _Given:
    """A variable's text and where it stands."""

    text: str
    where: str


def load(folder: Path, environ: Mapping[str, str]) -> Settings:
    """Read ``folder``/.env, if there is one, and ``environ``, which wins.

    A variable that is set to the empty string counts as not set. ``folder``/devenv.toml makes the pods
    a user-provided service. Raises UsageProblem that names file, line,
    variable, value and what is allowed.
    """
    service = _service_of(folder)
    from_file = _read_env_file(folder / ".env")
    if service is not None:  # the .env beside a devenv.toml is the service's: only what is ours is for us
        from_file = {name: item for name, item in from_file.items() if name.startswith("DEVENV_")}
    given = dict(from_file)
    for variable in VARIABLES:
        if environ.get(variable.name):
            given[variable.name] = _Given(environ[variable.name], "environment")
    values = {
        variable.name: _read(variable, given[variable.name])
        for variable in VARIABLES
        if variable.name in given and given[variable.name].text
    }
    ignored = tuple(name for name in FOREIGN if name in from_file)
    default = Settings()
    return Settings(
        backend=values.get("DEVENV_BACKEND"),
        language=values.get("DEVENV_LANG") or language_of(environ),
        pods=values.get("DEVENV_PODS", default.pods),
        workers=values.get("DEVENV_WORKERS", default.workers),
        policy=values.get("DEVENV_POLICY", default.policy),
        balancer=values.get("DEVENV_BALANCER", service.balancer if service is not None else ""),
        seed=values.get("DEVENV_SEED", default.seed),
        use_redis=values.get("USE_REDIS"),
        strategy=Strategy(values.get("SESSION_STRATEGY", default.strategy)),
        ports=_ports(values),
        env={name: str(values[name]) for name in _FOR_PODS if name in values},
        state_dir=values.get("DEVENV_STATE_DIR", default.state_dir),
        ignored=ignored,
        notes=_notes(ignored) if service is None else (f"{SERVICE_FILE}: the pods are {service.title}",),
        service=service,
        redis=RedisMode(values["DEVENV_REDIS_MODE"]) if "DEVENV_REDIS_MODE" in values else None,
        cold=values.get("DEVENV_COLD", default.cold),
    )


def _service_of(folder: Path) -> ServiceSpec | None:
    """What ``folder``/devenv.toml says; its schema is only imported where there is such a file."""
    if not os.path.lexists(folder / SERVICE_FILE):
        return None
    from devenv.harness.config.devenv_toml_reader import read_service

    return read_service(folder)


def language_of(environ: Mapping[str, str]) -> Language:
    """Korean where the locale is Korean, else English. POSIX order: LC_ALL, LC_MESSAGES, LANG."""
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        if environ.get(name):
            return "ko" if environ[name].lower().startswith("ko") else "en"
    if os.name == "nt":  # Windows keeps its language elsewhere
        return "ko" if (locale.getlocale()[0] or "").lower().startswith("ko") else "en"
    return "en"


def _ports(values: Mapping[str, Any]) -> Ports:
    default = Ports()
    return Ports(
        traffic=values.get("DEVENV_TRAFFIC_PORT", default.traffic),
        control=values.get("DEVENV_CONTROL_PORT", default.control),
        ml=values.get("DEVENV_ML_PORT", default.ml),
        redis=values.get("DEVENV_REDIS_PORT", default.redis),
        gate=values.get("DEVENV_GATE_PORT", default.gate),
    )


def _notes(ignored: tuple[str, ...]) -> tuple[str, ...]:
    if not ignored:
        return ()
    return (f".env: {', '.join(ignored)} not used: a local stack sets its own addresses and secrets",)


def _read(variable: Variable, given: _Given) -> Any:
    try:
        return variable.read(given.text.strip())
    except ValueError as problem:
        raise UsageProblem(
            f"{given.where}: {variable.name} is {given.text!r}, expected {problem}",
            hint=f"set it like {variable.name}={variable.example}, or remove it",
        ) from None


def _read_env_file(path: Path) -> dict[str, _Given]:
    """The file's variables with the line where each stands last; nothing where there is no file."""
    # A folder called .env is a virtual environment of Python.
    text = read_text_if_there(path, path.name, (FileNotFoundError, NotADirectoryError, IsADirectoryError))
    if text is None:
        return {}
    given = read_env(text, path.name)
    return {name: _Given(value, f"{path.name}:{line}") for name, (value, line) in given.items()}
