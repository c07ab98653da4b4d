"""Kubernetes manifests of a captcha service or of the stack: what goes in, and where it is written."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from devenv.core.kubernetes import HEADER, ServiceOptions, StackOptions, file_name, to_yaml
from devenv.core.kubernetes.parts import Manifest
from devenv.core.model.contract import DEFAULTS
from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings
from devenv.stack.files import write_atomically

# The contract's own defaults, written out: readers of a manifest do not find what it leaves out.
_DEFAULTS = {name: DEFAULTS[name] for name in ("REDIS_DB", "REDIS_PREFIX", "REDIS_TIMEOUT_MS", "CAPTCHA_TTL")}
_SET_BY_EXPORT = frozenset({"REDIS_HOST", "REDIS_PORT", "REDIS_SSL", "REDIS_CA_CERTS", "POD_NAME"})
_SECRET = re.compile(r"PASS(WORD|WD)?|SECRET|TOKEN|CREDENTIAL|API_?KEY|PRIVATE")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REDIS_WORD = re.compile(r"\{redis_(?:host|port|url)\}")
_WITH_PASSWORD = re.compile(r"://[^:/@\s]*:[^/@\s]+@")


def variables(settings: Settings, given: Sequence[str], redis: str = "redis://") -> dict[str, str]:
    """The ConfigMap's variables: the settings', and over them ``given`` ("NAME=VALUE").

    Of a service of one's own: its switch, and those of devenv.toml that name Redis, which is at ``redis``,
    a URL.
    Raises UsageProblem for what is no such pair, for a secret, and for what the export sets itself.
    """
    strategy = settings.strategy if settings.strategy != Strategy.MEMORY else Strategy.ATOMIC
    values = {
        "USE_REDIS": "true" if settings.use_redis else "false",
        "SESSION_STRATEGY": str(strategy),
        **_DEFAULTS,
        **settings.env,
    }
    service = settings.service
    if service is not None:
        del values["SESSION_STRATEGY"]  # it has a store of its own
        switched = service.redis_on if settings.use_redis else service.redis_off
        values |= {name: item for name, item in switched.items() if name not in _SET_BY_EXPORT}
        values |= {name: item for name, item in service.env.items() if _REDIS_WORD.search(item)}
        values = _placed(values, redis)
    for pair in given:
        name, equals, value = pair.partition("=")
        if not equals or not _VARIABLE.fullmatch(name):
            raise UsageProblem(f"--set {name!r} is not NAME=VALUE")
        if name in _SET_BY_EXPORT:
            raise UsageProblem(f"--set {name}: the export sets it", hint="Redis outside: --redis-host")
        if _SECRET.search(name.upper()) or _WITH_PASSWORD.search(value):
            raise UsageProblem(
                f"--set {name}: looks like a secret, and a ConfigMap is none",
                hint="put it into the Secret that the Deployment refers to",
            )
        values[name] = value
    return values


def switch_on(service: ServiceSpec | None, redis: str) -> dict[str, str]:
    """What puts the sessions into Redis: a canary's variables."""
    return {"USE_REDIS": "true"} if service is None else _placed(service.redis_on, redis)


def _placed(variables: Mapping[str, str], redis: str) -> dict[str, str]:
    """With the address of Redis in the place of the words that stand for it."""
    host, _, port = redis.partition("://")[2].rpartition(":")
    addresses = {"{redis_host}": host, "{redis_port}": port, "{redis_url}": f"{redis}/0"}
    return {
        name: _REDIS_WORD.sub(lambda item: addresses[item[0]], value) for name, value in variables.items()
    }


def service_notes(options: ServiceOptions, service: ServiceSpec | None = None) -> list[str]:
    """What to know and to do before these manifests are applied; ``service``: a user-provided one."""
    namespace = f" -n {options.namespace}" if options.namespace else ""
    literals = ["--from-literal=ABSTRACT_HMAC_SECRET=$(openssl rand -hex 32)"]
    if options.redis_at is not None and options.redis_at.password:
        literals.append("--from-file=REDIS_PASSWORD=password.txt")
    notes = [
        "Secrets are never written here. Once, before applying:",
        f"  kubectl create secret generic {options.secret}{namespace} {' '.join(literals)}",
    ]
    local = [] if service is None else [name for name in service.env if name not in options.variables]
    if local:
        notes.append(
            f"Values of devenv.toml are for one machine and not here: {', '.join(local)}. "
            "--set NAME=VALUE, or the Secret."
        )
    if options.redis_at is not None and options.redis_at.authority:
        notes.append(f"  kubectl create configmap {options.redis_at.authority}{namespace} --from-file=ca.pem")
    off = options.variables.get("USE_REDIS") != "true" and (service is None or service.switchable)
    if off and options.replicas > 1 and not options.canary:
        notes.append(
            "USE_REDIS=false with several replicas: sessions made on one pod are not found on another."
        )
    if options.canary and options.shared:
        notes.append(
            "Canary and stable pods behind one Service: a challenge made on one kind is not found on the "
            "other (scenario mixed-flags)."
        )
    elif options.canary:
        notes.append(
            f"The canary has a Service of its own, {options.name}-canary: send whole clients there, as a "
            "challenge made on one kind of pod is not found on the other (scenario mixed-flags)."
        )
    return notes


def stack_notes(options: StackOptions) -> list[str]:
    """How to reach a stack that was applied."""
    namespace = f" -n {options.namespace}" if options.namespace else ""
    ports = options.ports
    return [
        "Build and push the images first: DEVENV_IMAGES=devenv docker compose build, then tag them with "
        "--registry and --tag.",
        f"  kubectl create secret generic devenv-secrets{namespace} "
        "--from-literal=ABSTRACT_HMAC_SECRET=$(openssl rand -hex 32)",
        "Then, for the same addresses as with docker compose:",
        f"  kubectl port-forward{namespace} service/devenv-edge {ports.traffic} {ports.control}",
        f"  kubectl port-forward{namespace} service/devenv-mock-ml {ports.ml}",
    ]


def write(manifests: Sequence[Manifest], notes: Sequence[str], folder: Path) -> list[Path]:
    """One file for each object; those of an earlier export are replaced.

    Raises UsageProblem where a file of that name was not made by this command, before any is written.
    """
    texts = {folder / file_name(each): to_yaml([each], notes) for each in manifests}
    for path in texts:
        if _is_foreign(path):
            raise UsageProblem(
                f"{path} is there and was not made by this command",
                hint="give another --out, or move it away",
            )
    for path, text in texts.items():
        write_atomically(path, text, "--out")
    return list(texts)


def _is_foreign(path: Path) -> bool:
    try:
        return not path.read_text(encoding="utf-8").startswith(HEADER)
    except FileNotFoundError:
        return False
    except (OSError, UnicodeDecodeError):
        return True


def as_json(manifests: Sequence[Manifest], files: Sequence[Path]) -> Mapping[str, object]:
    """The documents, and where they were written."""
    return {"manifests": list(manifests), "files": [str(path) for path in files]}
