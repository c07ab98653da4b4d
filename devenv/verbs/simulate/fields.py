"""The fields of a setting as text, as options, sweeps and devenv's own settings give them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from devenv.core.balancers import parse_balancer
from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import REDIS_STORES, CaptchaType, Strategy
from devenv.core.simulation.balancers import pod_names_of, routing_of
from devenv.core.simulation.setting import LookupRule, Outage, Resize, RollingRestart, Setting, Upstream
from devenv.core.simulation.thinking import Thinking, seconds

Texts = Mapping[str, str]
"""Fields by name, as they are written on the command line."""
ALL = "all"
NEVER = "never"


def _whole(text: str, name: str) -> int:
    if not text.strip().isascii() or not text.strip().isdigit():
        raise UsageProblem(f"{name}: {text!r} is not a whole number")
    return int(text)


def _number(text: str, name: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise UsageProblem(f"{name}: {text!r} is not a number")
    return value


def share(text: str, name: str) -> float:
    """A share such as ``0.1%`` or ``0.001``. Raises UsageProblem naming the field."""
    percent = text.strip().endswith("%")
    value = _number(text.strip().removesuffix("%"), name) / (100 if percent else 1)
    if not 0 <= value <= 1:
        raise UsageProblem(f"{name}: {text!r} is not a share from 0 to 1 (0% to 100%)")
    return value


def _span(text: str, name: str) -> float:
    return math.inf if text.strip() == NEVER and name == "keep-alive" else seconds(text, name)


def _choice(kind: Callable[[str], Any], allowed: tuple[str, ...]) -> Callable[[str, str], Any]:
    def read(text: str, name: str) -> Any:
        if text not in allowed:
            raise UsageProblem(f"{name}: unknown {name} {text!r}", hint="known: " + ", ".join(allowed))
        return kind(text)

    return read


def _parts(text: str, name: str, known: tuple[str, ...]) -> dict[str, str]:
    """``start=60s,step=10s`` as a mapping."""
    parts: dict[str, str] = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or key.strip() not in known or key.strip() in parts:
            raise UsageProblem(
                f"{name}: {part.strip()!r} is none of {', '.join(known)} with a value, each once",
                hint=f"write {name} {','.join(f'{each}=…' for each in known)}",
            )
        parts[key.strip()] = value.strip()
    return parts


def _rolling(text: str, name: str) -> RollingRestart:
    parts = _parts(text, name, ("start", "step", "down", "to"))
    if parts.get("to", "memory") not in ("memory", "redis"):
        raise UsageProblem(f"{name}: to={parts['to']!r} is neither memory nor redis")
    times = {
        part: seconds(parts[part], f"{name} {part}") for part in ("start", "step", "down") if part in parts
    }
    return RollingRestart(
        times.get("start", 60.0), times.get("step", 10.0), times.get("down", 0.0), parts.get("to") == "redis"
    )


def _resize(text: str, name: str) -> Resize:
    parts = _parts(text, name, ("at", "pods"))
    if "pods" not in parts:
        raise UsageProblem(f"{name}: pods= is missing", hint="write --resize at=60s,pods=4")
    return Resize(seconds(parts.get("at", "60s"), f"{name} at"), _whole(parts["pods"], f"{name} pods"))


def _outages(text: str, name: str) -> tuple[Outage, ...]:
    outages = []
    for one in text.split(";"):
        parts = _parts(one, name, ("start", "length", "forgets"))
        forgets = parts.get("forgets", "0s")
        outages.append(
            Outage(
                seconds(parts.get("start", "60s"), f"{name} start"),
                seconds(parts.get("length", "10s"), f"{name} length"),
                math.inf if forgets == ALL else seconds(forgets, f"{name} forgets"),
            )
        )
    return tuple(sorted(outages, key=lambda outage: outage.start))


def _types(text: str, name: str) -> dict[CaptchaType, float]:
    shares = _parts(text, name, tuple(CaptchaType))
    return {CaptchaType(kind): share(value, f"{name} {kind}") for kind, value in shares.items()}


def _accepts(text: str, name: str) -> tuple[float, ...]:
    return tuple(_number(part, name) for part in text.split(","))


def _balancer(text: str, name: str) -> str:
    return parse_balancer(text).text


_READERS: Mapping[str, tuple[str, Callable[[str, str], Any]]] = {
    "pods": ("pods", _whole),
    "workers": ("workers", _whole),
    "upstream": ("upstream", _choice(Upstream, tuple(Upstream))),
    "accepts": ("accepts", _accepts),
    "policy": ("policy", lambda text, name: text),
    "balancer": ("policy", _balancer),
    "keep-alive": ("keep_alive", _span),
    "new-connections": ("new_connections", share),
    "redis-pods": ("redis_pods", _whole),
    "rule": ("rule", _choice(LookupRule, tuple(LookupRule))),
    "strategy": ("strategy", _choice(Strategy, tuple(REDIS_STORES))),
    "ttl": ("ttl", _span),
    "think": ("thinking", Thinking.parse),
    "lookups": ("lookups", _whole),
    "rate": ("rate", _number),
    "window": ("window", _span),
    "crash-every": ("crash_every", _span),
    "rolling": ("rolling", _rolling),
    "resize": ("resize", _resize),
    "outage": ("outages", _outages),
    "redis-latency": ("redis_latency", _span),
    "redis-timeout": ("redis_timeout", _span),
    "service-time": ("service_time", _span),
    "retries": ("retries", _whole),
    "retry-after": ("retry_after", _span),
    "double-clicks": ("double_clicks", share),
    "double-click-gap": ("double_click_gap", _span),
    "types": ("types", _types),
}
FIELDS = tuple(_READERS)
"""The names of all fields."""
SWEPT = tuple(name for name in FIELDS if name not in ("accepts", "rolling", "resize", "outage", "types"))
"""Those that ``--sweep`` takes: a comma separates values, not parts."""


def setting_of(texts: Texts, thinking: Thinking | None = None) -> Setting:
    """The setting that the fields describe; a field that is not given has its default.

    ``redis-pods`` may be ``all``. ``balancer`` takes the place of ``policy``, ``thinking`` that of ``think``.
    Raises UsageProblem that names the field, also for a policy that is unknown or names a pod that there is
    not.
    """
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if name == "policy" and "balancer" in texts:
            continue
        if name not in _READERS:
            raise UsageProblem(f"unknown field {name!r}", hint="known: " + ", ".join(FIELDS))
        attribute, read = _READERS[name]
        if name == "redis-pods" and text == ALL:
            text = texts.get("pods", str(Setting().pods))
        values[attribute] = read(text, name)
    if thinking is not None:
        values["thinking"] = thinking
    made = Setting(**values)
    try:
        routing_of(made.policy, pod_names_of(made.most_pods))
    except UsageProblem as problem:
        if "policy" in problem.message:
            raise
        raise UsageProblem(f"policy {made.policy!r}: {problem.message}", hint=problem.hint) from None
    return made
