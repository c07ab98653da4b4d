"""What is known exactly of a setting: the whole share where a formula covers it, else single figures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from devenv.core.simulation import formulas
from devenv.core.simulation.balancers import Kind, Routing, pod_names_of, routing_of
from devenv.core.simulation.setting import LookupRule, Setting, Upstream
from devenv.core.simulation.thinking import Shape

WHOLE = "sessions lost"
"""The name of the figure that is the share of all lost sessions."""


@dataclass(frozen=True, slots=True)
class Exact:
    """A figure from a formula."""

    name: str
    """What it is: WHOLE, or a part."""
    value: float
    formula: str
    """As it is written in the documentation."""
    unit: str = "share"
    """share, or sessions."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"name": self.name, "value": self.value, "unit": self.unit, "formula": self.formula}


def exact(setting: Setting) -> tuple[Exact, ...]:
    """All figures that a formula gives for a setting; the whole share first, where there is one."""
    routing = routing_of(setting.policy, pod_names_of(setting.most_pods))
    whole = _whole(setting, routing)
    return ((whole,) if whole else ()) + _parts(setting, routing)


def whole_share(setting: Setting) -> float | None:
    """The exact share of lost sessions, None where no formula covers the setting."""
    for figure in exact(setting):
        if figure.name == WHOLE:
            return figure.value
    return None


def _whole(setting: Setting, routing: Routing) -> Exact | None:
    if setting.eventful or setting.crash_every or setting.handwriting:
        return None
    if setting.workers > 1 and setting.upstream is not Upstream.NEW and routing.kind is not Kind.CONNECTION:
        return None
    in_time = setting.thinking.sum_at_most(setting.lookups, setting.ttl)
    if in_time is None:
        return None
    expiry = "" if in_time == 1 else " · P(D ≤ TTL)"
    if setting.redis_pods == setting.pods:
        return Exact(WHOLE, 1 - in_time, "P(D > TTL): every pod keeps sessions in Redis")
    if setting.redis_pods:
        share, text = _mixed(setting, routing)
    elif routing.kind is Kind.CONNECTION:
        return _by_connection(setting)
    else:
        share, text = _in_memory(setting, routing)
    product, _, values = text.partition(", ")
    formula = f"1 - {product}{expiry}" + (f", {values}" if values else "")
    return None if share is None else Exact(WHOLE, 1 - share * in_time, formula)


def _in_memory(setting: Setting, routing: Routing) -> tuple[float | None, str]:
    """The probability that all look-ups reach the process of the birth, and its formula."""
    pods, workers, k = setting.pods, setting.workers, setting.lookups
    power = "" if k == 1 else f"^{k}"
    same = formulas.same_process(setting.worker_shares, k)
    term = f"Σp^{k + 1}" if setting.accepts else f"(1/W){power}"
    worker_values = (
        f"p = the share that each of {workers} workers accepts" if setting.accepts else f"W = {workers}"
    )
    if routing.kind in (Kind.RENDEZVOUS, Kind.HASH_MOD, Kind.COOKIE, Kind.PINNED) or pods == 1:
        return same, "1" if workers == 1 else f"{term}, {worker_values}"
    if routing.kind is Kind.RANDOM:
        share = (1 - formulas.random_lookups(pods, k)) * same
        if workers == 1:
            return share, f"(1/N){power}, N = {pods}"
        return share, f"(1/N){power} · {term}, N = {pods}, {worker_values}"
    return None, ""


def _mixed(setting: Setting, routing: Routing) -> tuple[float | None, str]:
    pods, redis = setting.pods, setting.redis_pods
    if routing.kind is not Kind.RANDOM or setting.workers > 1 or setting.lookups > 1:
        return None, ""
    values = f"N = {pods}, R = {redis}"
    match setting.rule:
        case LookupRule.FLAG:
            return 1 - formulas.mixed_flags(pods, redis), f"((R/N)² + (N-R)/N²), {values}"
        case LookupRule.MARK:
            return 1 - formulas.births_by_flag(pods, redis), f"(1 - (N-R)/N · (1 - 1/N)), {values}"
        case _:
            return 1 - formulas.cohort(pods, redis), f"(R/N + 1/N), {values}"


def _by_connection(setting: Setting) -> Exact | None:
    """One look-up on a kept connection, or on a new one that goes to a random pod."""
    if setting.lookups > 1:
        return None
    pods, workers, think = setting.pods, setting.workers, setting.thinking
    kept_for = min(setting.keep_alive, setting.ttl)
    kept = (1 - setting.new_connections) * think.at_most(kept_for) if setting.keep_alive else 0.0
    same = formulas.same_process(setting.worker_shares, 1)
    share = kept + (think.at_most(setting.ttl) - kept) / pods * same
    divisor = "N" if workers == 1 else "N · Σp²" if setting.accepts else "NW"
    return Exact(
        WHOLE,
        1 - share,
        f"1 - P(kept) - P(new, D ≤ TTL)/{divisor}, idle limit c = {setting.keep_alive:g} s, N = {pods}",
    )


def _parts(setting: Setting, routing: Routing) -> tuple[Exact, ...]:
    parts: list[Exact] = []
    simple = setting.lookups == 1 and not setting.crash_every and not setting.handwriting
    memory = setting.redis_pods == 0
    rolling, resize = setting.rolling, setting.resize
    if rolling and memory and simple and not setting.outages:
        losses = formulas.rolling_restart_losses(setting.rate, setting.thinking, setting.ttl)
        births_move = rolling.to_redis and rolling.step * (setting.pods - 1) > 0
        if not births_move and rolling.down == 0 and rolling.start >= setting.ttl:
            parts.append(
                Exact("lost to restarts, each rolling restart", losses, "λ · E[min(D, TTL)]", "sessions")
            )
    if resize and memory and simple and not setting.outages and resize.moment >= setting.ttl:
        moved = {
            Kind.HASH_MOD: (formulas.hash_mod_moved, "1 - min(N,M)/lcm(N,M)"),
            Kind.RENDEZVOUS: (formulas.rendezvous_moved, "1 - min(N,M)/max(N,M)"),
        }.get(routing.kind)
        if moved:
            share = moved[0](setting.pods, resize.pods)
            losses = formulas.resize_losses(setting.rate, setting.thinking, setting.ttl, share)
            formula = f"λ · E[min(D, TTL)] · ({moved[1]})"
            parts.append(Exact("lost to each resize", losses, formula, "sessions"))
    if routing.kind is Kind.CONNECTION and simple and setting.thinking.shape is Shape.EXPONENTIAL:
        mean = setting.thinking.first
        if not setting.new_connections and memory and not setting.eventful and setting.workers == 1:
            value = formulas.kept_connection(setting.pods, setting.keep_alive, mean)
            parts.append(Exact("look-ups on another pod", value, "e^(-c/m) · (1 - 1/N)"))
    if routing.kind is Kind.STICKY_CANARY and not setting.eventful and not setting.outages:
        value = formulas.canary_drift(routing.argument[0], setting.lookups + 1)
        parts.append(Exact("clients on the canary at the end", value, "1 - (1-w)^k"))
    return tuple(parts)
