"""A setting of a simulation as a real stack and real sessions, as far as these can play it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np

from devenv.core.balancers import BalancerSetting, parse_balancer
from devenv.core.model.backends import Backend
from devenv.core.model.errors import UsageProblem
from devenv.core.model.migration import MigrationStrategy, Stage
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import MAX_PODS, CaptchaType, Strategy
from devenv.core.rollout.stages import rollout_stage
from devenv.core.routing import POLICIES
from devenv.core.simulation.balancers import MEASURED, Kind, pod_names_of, product_setting, routing_of
from devenv.core.simulation.setting import LookupRule, Setting, Upstream
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT
from devenv.harness.client.session_load import ScriptedSession
from devenv.verbs.simulate.randomness import Seeded

REAL_BALANCERS: Mapping[str, str] = {
    name: balancer.setting + balancer.played
    for name, balancer in MEASURED.items()
    if balancer.played is not None
}
"""The models that a balancer can be started for, with its setting (``parse_balancer``)."""
_PLAYED = (
    "policies of the proxy and models of balancers that can be started, flags per pod, workers, rolling "
    "restarts, outages, retries; with a policy of the proxy crashes, and pods added and removed"
)
LEAST_CRASH_SECONDS = 2.0
"""A pod that is killed is back in about one."""


def playable(setting: Setting) -> None:
    """Raises UsageProblem that names the field which the real stack cannot play."""
    migrating = setting.rule is LookupRule.MARK
    text = balancer_text(setting)
    proxied = text is None
    grouped = setting.rule is LookupRule.COHORT or ":" in setting.policy
    eventful = setting.rolling is not None or setting.resize is not None
    problems = {
        "pods": setting.pods > MAX_PODS,
        "policy": proxied and _policy_name(setting) not in POLICIES,
        "upstream": setting.upstream is Upstream.APART,
        "accepts": bool(setting.accepts),
        "keep-alive": 0 < setting.keep_alive < 5,
        "new-connections": setting.new_connections > 0,
        "rule": setting.rule is LookupRule.COHORT and setting.policy != "random",
        "strategy": migrating and setting.strategy is not Strategy.ATOMIC,
        "ttl": setting.ttl != int(setting.ttl),
        "lookups": setting.lookups > ATTEMPTS_LIMIT,
        "crash-every": setting.crash_every > 0
        and (setting.crash_every < LEAST_CRASH_SECONDS or setting.workers > 1 or not proxied or eventful),
        "resize": setting.resize is not None and (setting.resize.pods > MAX_PODS or not proxied or grouped),
        "outage": any(outage.forgets for outage in setting.outages),
        "double-clicks": setting.double_clicks > 0,
        "types": setting.types.get(CaptchaType.HANDWRITING, 0.0) > 0,
    }
    for name, wrong in problems.items():
        if wrong:
            raise UsageProblem(
                f"--against-real: {name}: the real stack cannot play this value of it",
                hint=f"it plays: {_PLAYED}",
            )


def balancer_of(setting: Setting, backend: Backend) -> BalancerSetting | None:
    """The balancer to start in front of the pods; None where the proxy has the policy.

    Raises UsageProblem for a backend whose pods it does not reach.
    """
    text = balancer_text(setting)
    if text is None:
        return None
    if backend != "embedded":
        raise UsageProblem(
            f"--against-real: {setting.policy} is started in front of embedded pods only",
            hint="leave out --backend, or take a policy of the proxy",
        )
    if setting.workers > 1 and "keepalive=" not in text:
        text += f",keepalive={'off' if setting.upstream is Upstream.NEW else 'on'}"
    return parse_balancer(text)


def balancer_text(setting: Setting) -> str | None:
    """The balancer that is started, as ``--balancer`` has it; None where the proxy has the policy."""
    if product_setting(setting.policy) is not None:
        return setting.policy
    return REAL_BALANCERS.get(setting.policy)


def spec_of(setting: Setting) -> StackSpec:
    """The stack of a setting. Where a balancer is started, the proxy is not used."""
    spec = StackSpec(pods=setting.pods, workers=setting.workers, policy=_proxy_policy(setting))
    flags: dict[str, Mapping[str, str]] = {
        pod: pod_flags(setting, on_redis=index < setting.redis_pods)
        for index, pod in enumerate(spec.pod_names)
    }
    env = {"CAPTCHA_TTL": str(int(setting.ttl)), "REDIS_TIMEOUT_MS": str(int(setting.redis_timeout * 1000))}
    return replace(spec, strategy=setting.strategy, pod_env=flags, env=env)


def pod_flags(setting: Setting, *, on_redis: bool) -> dict[str, str]:
    """The variables of a pod that has new sessions in Redis, or in memory."""
    if setting.rule is LookupRule.MARK:
        stage = Stage.BIRTHS if on_redis else Stage.READY
        return rollout_stage(MigrationStrategy.BIRTHS, stage).settings(setting.strategy)
    return {"USE_REDIS": str(on_redis).lower()}


def script(setting: Setting, pairs: int, seed: int) -> list[ScriptedSession]:
    """The sessions: Poisson arrivals, thinking times and types, drawn from ``seed``."""
    rng = Seeded(seed)(0, "script")
    opens = np.cumsum(rng.standard_exponential(pairs)) / setting.rate
    pauses = np.stack([setting.thinking.draw(pairs, rng) for _ in range(setting.lookups)], axis=1)
    types, shares = list(setting.types), list(setting.types.values())
    kinds = rng.choice(len(types), pairs, p=np.array(shares) / sum(shares))
    by_address = routing_of(setting.policy, pod_names_of(setting.most_pods)).kind is Kind.RENDEZVOUS
    behind_balancer = balancer_text(setting) is not None
    sessions = []
    for number, (moment, row, kind) in enumerate(zip(opens, pauses, kinds, strict=True)):
        session = ScriptedSession(float(moment), tuple(map(float, row)), types[kind])
        if by_address and behind_balancer:
            session = replace(session, source=_source(number))
        elif by_address:
            session = replace(session, client=_client(number))
        sessions.append(session)
    return sessions


def crash_moments(setting: Setting, pod: int, seed: int) -> Iterator[float]:
    """Seconds from one start of the pod with this index to its next crash, without end."""
    rng = Seeded(seed)(pod, "crashes")
    while True:
        yield float(rng.standard_exponential()) * setting.crash_every


def _client(number: int) -> str:
    """The address that a session claims to come from: one for each."""
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def _source(number: int) -> str:
    """The address that a session comes from: one for each; they differ first in the third number, as nginx'
    ip_hash looks at the first three."""
    return f"127.{1 + (number >> 16)}.{number & 255}.{1 + (number >> 8) % 254}"


def _policy_name(setting: Setting) -> str:
    return setting.policy.partition(":")[0]


def _proxy_policy(setting: Setting) -> str:
    if balancer_text(setting) is not None:
        return StackSpec().policy
    if setting.rule is not LookupRule.COHORT:
        return setting.policy
    pods = StackSpec(pods=setting.pods).pod_names
    groups = [f"{pod}={'on' if index < setting.redis_pods else 'off'}" for index, pod in enumerate(pods)]
    return f"cohort:{','.join(groups)}"
