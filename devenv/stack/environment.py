"""The environment a pod is started with: from nothing, every outward-pointing variable set (contract §3)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import devenv
from devenv.core.model.contract import DEFAULTS
from devenv.core.model.errors import UsageProblem
from devenv.core.model.migration import DECIDED_BY_REDIS
from devenv.core.model.topology import SettingChanges, StackSpec
from devenv.core.model.variables import check_variables
from devenv.core.model.vocabulary import MAX_PODS, REDIS_STORES, Strategy, pod_names, resolve_pod

ADDRESSES = frozenset(
    {
        "REDIS_HOST", "REDIS_PORT", "ML_SERVICE_URL", "ASSET_BASE_URL", "POD_NAME", "REDIS_CA_CERTS",
        "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "REDIS_REPLICA_HOST", "REDIS_REPLICA_PORT",
    }
)  # fmt: skip
SECRETS = frozenset({"ABSTRACT_HMAC_SECRET", "REDIS_PASSWORD", "MIGRATION_TOKEN"})
_MIGRATION = frozenset({"MIGRATION_STRATEGY", "MIGRATION_STAGE"})
_ESSENTIALS = (
    "PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP", "LD_LIBRARY_PATH",
    "SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA",
)  # fmt: skip
PACKAGE_ROOT = Path(devenv.__file__).resolve().parent.parent


def essentials(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What a Python program needs of the parent's environment, and nothing that names another service."""
    kept = {name: environ[name] for name in _ESSENTIALS if name in environ}
    return {**kept, "PYTHONPATH": str(PACKAGE_ROOT), "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}


def ml_settings(seed: int, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The mock ML service's variables: its seed, and what it reads in a blank drawing where that is set."""
    unread = {name: environ[name] for name in ("MOCK_ML_UNREAD_TEXT",) if name in environ}
    return {"MOCK_ML_SEED": str(seed), **unread}


def pod_settings(
    spec: StackSpec,
    pod: str,
    *,
    redis_host: str,
    redis_port: int,
    ml_url: str,
    asset_url: str,
    secret: str,
    credentials: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Every variable of contract §3 for ``pod``, with the spec's own settings over the stack's addresses.

    A team's service reads its own .env for what is not set, and that file may name production: hence all
    of them, always. ``spec.pod_env`` wins over everything, as scenarios misconfigure pods with it.
    ``credentials``: the variables for TLS, user and password, where Redis asks for them.
    """
    outward = {
        "REDIS_HOST": redis_host,
        "REDIS_PORT": str(redis_port),
        "REDIS_DB": "0",
        "REDIS_USERNAME": "",
        "REDIS_PASSWORD": "",
        "REDIS_SSL": "false",
        **{name: DEFAULTS[name] for name in ("REDIS_PREFIX", "REDIS_TIMEOUT_MS", "CAPTCHA_TTL")},
        "ML_SERVICE_URL": ml_url,
        "ASSET_BASE_URL": asset_url,
        "ABSTRACT_HMAC_SECRET": secret,
        "OCR_IMAGE_FIELD": "file",
        "SUCCESS_REDIRECT_URL": "",
        "POD_NAME": pod,
        **(credentials or {}),
    }
    return {**outward, **spec.settings_of(pod)}


def public(settings: Mapping[str, str]) -> dict[str, str]:
    """``settings`` without the secret ones, sorted by name."""
    return {name: settings[name] for name in sorted(settings) if name not in SECRETS}


def shared_and_own(
    settings: Mapping[str, Mapping[str, str]],
) -> tuple[dict[str, str], dict[str, dict[str, str]]]:
    """What all pods have alike, and each on its own, without addresses: ``StackSpec``'s env and pod_env."""
    shown = {
        pod: {name: value for name, value in public(variables).items() if name not in ADDRESSES}
        for pod, variables in settings.items()
    }
    first = next(iter(shown.values()), {})
    alike = {
        name for name in first if all(variables.get(name) == first[name] for variables in shown.values())
    }
    env = {name: value for name, value in first.items() if name in alike}
    return env, {
        pod: {n: v for n, v in variables.items() if n not in alike} for pod, variables in shown.items()
    }


def with_settings(spec: StackSpec, settings: Mapping[str, SettingChanges]) -> StackSpec:
    """``spec`` with variables changed for the named pods; None removes one that was set for that pod.

    Where all pods come to agree on USE_REDIS or SESSION_STRATEGY, the spec says so itself.
    Raises ``UsageProblem`` for a pod that the stack does not have, and for what can be no variable.
    """
    pod_env = {pod: dict(env) for pod, env in spec.pod_env.items()}
    for pod, changes in by_full_name(spec, settings).items():
        check_variables(changes)
        env = pod_env.setdefault(pod, {})
        for name, value in {**_out_of_migration(spec, pod, changes), **changes}.items():
            if value is None:
                env.pop(name, None)
            else:
                env[name] = value
    return _agreed(replace(spec, pod_env=pod_env))


def with_pods(spec: StackSpec, pods: Sequence[str], settings: Mapping[str, SettingChanges]) -> StackSpec:
    """``spec`` with exactly these pods, by full name or letter; ``settings`` are variables of added ones.

    Raises ``UsageProblem`` where no pod is left, for what is no pod's name, and for settings of a pod that is
    not added.
    """
    every = pod_names(MAX_PODS)
    named = [resolve_pod(word, every) for word in pods]
    for word, pod in zip(pods, named, strict=True):
        if pod is None:
            raise UsageProblem(
                f"{word!r} is no name of a pod", hint=f"{every[0]} to {every[-1]}, or the letter alone"
            )
    wished = [pod for pod in every if pod in named]
    if not wished:
        raise UsageProblem("a stack needs one pod at least", hint="devenv down ends the whole stack")
    for word in settings:
        pod = resolve_pod(word, every)
        if pod in spec.pod_names or pod not in wished:
            raise UsageProblem(f"settings of {word!r}: this pod is not added", hint="restart it with them")
    return with_settings(spec.with_pods(wished), settings)


def _out_of_migration(spec: StackSpec, pod: str, changes: SettingChanges) -> dict[str, str]:
    """What takes ``pod`` out of a migration whose stage the new flag or store contradicts.

    captcha_api does not start with such a pair; a change of the flag or the store alone is meant for pods
    without a migration. Empty where they fit, or where the stage is changed too.
    """
    if spec.service is not None or not _MIGRATION.isdisjoint(changes):
        return {}
    settings = spec.settings_of(pod)
    stage, strategy = settings.get("MIGRATION_STAGE", ""), settings["SESSION_STRATEGY"]
    flag = changes.get("USE_REDIS", settings["USE_REDIS"]) or str(spec.use_redis)
    fits = (flag.lower() == "true") == (stage in DECIDED_BY_REDIS)
    fits = fits and (changes.get("SESSION_STRATEGY", strategy) or strategy) == Strategy.ATOMIC
    return {} if fits or not stage else dict.fromkeys(sorted(_MIGRATION), "")


def _agreed(spec: StackSpec) -> StackSpec:
    """``spec`` with a flag or strategy that all pods have alike said once, in its own field."""
    flags = {spec.settings_of(pod)["USE_REDIS"].lower() for pod in spec.pod_names}
    strategies = {spec.settings_of(pod)["SESSION_STRATEGY"] for pod in spec.pod_names}
    if flags in ({"true"}, {"false"}):
        spec = _without(replace(spec, use_redis=flags == {"true"}), "USE_REDIS")
    if len(strategies) == 1 and strategies <= set(REDIS_STORES):
        spec = _without(replace(spec, strategy=Strategy(strategies.pop())), "SESSION_STRATEGY")
    return spec


def _without(spec: StackSpec, name: str) -> StackSpec:
    """``spec`` without the variable ``name`` among its env and pod_env."""
    env = {n: value for n, value in spec.env.items() if n != name}
    pod_env = {
        pod: {n: v for n, v in variables.items() if n != name} for pod, variables in spec.pod_env.items()
    }
    return replace(spec, env=env, pod_env=pod_env)


def by_full_name(spec: StackSpec, settings: Mapping[str, SettingChanges]) -> dict[str, SettingChanges]:
    """``settings`` with letters and aliases as full pod names, in the stack's order.

    Raises ``UsageProblem`` for a pod that the stack does not have.
    """
    named: dict[str, SettingChanges] = {}
    for word, changes in settings.items():
        pod = resolve_pod(word, spec.pod_names)
        if pod is None:
            raise UsageProblem(f"no pod is called {word!r}", hint=f"the pods are {', '.join(spec.pod_names)}")
        named[pod] = {**named.get(pod, {}), **changes}
    return {pod: named[pod] for pod in spec.pod_names if pod in named}


def public_spec(spec: StackSpec) -> StackSpec:
    """``spec`` as it may be shown: without secrets."""
    pod_env = {pod: public(env) for pod, env in spec.pod_env.items()}
    service = spec.service.public() if spec.service is not None else None
    return replace(spec, env=public(spec.env), pod_env=pod_env, service=service)
