"""Which store a scenario is played with, and whether what it expects of that store is checked."""

from __future__ import annotations

from dataclasses import dataclass

from devenv.core.model.pod_stores import stores
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import REDIS_STORES, Strategy
from devenv.core.scenario import Gate, Restart, Scenario, Together, Toggle

_STORE_SETTINGS = ("USE_REDIS", "SESSION_STRATEGY")


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """How a scenario is played."""

    strategy: Strategy
    """Whose orders and gate rules are played."""
    measured: bool = True
    """Whether the scenario's expectations of this store are checked; else only what holds for any session."""
    as_is: bool = False
    """Whether the pods keep the stores that they have, in place of being restarted with ``strategy``."""


def choose_store(
    scenario: Scenario,
    given: Strategy | None,
    status: StackStatus | None,
    service: ServiceSpec | None,
) -> StoreChoice:
    """The store to play with: ``given`` (by a flag or a recorded run), else what the running stack has.

    ``status``: the running stack's, None where none runs. ``service``: the user-provided service, if it is
    one: how it keeps its sessions in Redis is not known, so it is not measured against a store of the
    catalogue unless that was asked for. Pods of different stores keep them where the scenario can be played
    on any store.
    """
    if given is not None:
        return StoreChoice(given)
    present = list(dict.fromkeys(stores(status).values())) if status is not None else []
    mixed = len(present) > 1 and _plays_anywhere(scenario)
    if service is None and not mixed:
        known = present[0] if len(present) == 1 else None
        return StoreChoice(known if known in scenario.strategies and known else scenario.strategies[0])
    switchable = service is None or service.switchable
    in_memory = present == [Strategy.MEMORY] or not present
    if switchable and in_memory and Strategy.MEMORY in scenario.strategies:
        return StoreChoice(Strategy.MEMORY)
    as_is = mixed or (bool(present) and not (switchable and Strategy.MEMORY in present))
    return StoreChoice(_race_of(scenario), measured=False, as_is=as_is)


def _race_of(scenario: Scenario) -> Strategy:
    """The store whose orders show the bug, else the first that uses Redis."""
    in_redis = [strategy for strategy in scenario.strategies if strategy in REDIS_STORES]
    with_bug = [strategy for strategy in in_redis if scenario.stores[strategy].bug]
    return (with_bug or in_redis or list(scenario.strategies))[0]


def _plays_anywhere(scenario: Scenario) -> bool:
    """Whether nothing in the scenario needs, or sets, a certain store."""
    needs = scenario.stack
    restarts = [step.env for step in scenario.steps if isinstance(step, Restart)]
    changed = [*needs.env, *(name for env in (*needs.pod_env.values(), *restarts) for name in env)]
    sets_store = any(name in _STORE_SETTINGS for name in changed)
    ordered = any(isinstance(step, Together) and step.order for step in scenario.steps)
    return not (ordered or sets_store or any(isinstance(step, Gate | Toggle) for step in scenario.steps))
