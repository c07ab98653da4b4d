"""By which model a balancer's policy chooses, where that is known: its formulas then hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devenv.core.balancers import BalancerSetting
from devenv.core.simulation.balancers import MEASURED


@dataclass(frozen=True, slots=True)
class Models:
    """Policies of the proxy or models of the simulation; "" where none is known."""

    with_cookies: str = ""
    """For clients that send cookies back."""
    without_cookies: str = ""
    """For those that do not."""

    def of(self, *, cookies: bool) -> str:
        """The model for one kind of client."""
        return self.with_cookies if cookies else self.without_cookies


def models_of_policy(policy: str) -> Models:
    """The models of the proxy's own policy."""
    return Models(policy, "round-robin" if policy == "cookie-sticky" else policy)


_SHARED_TURNS = {"nginx": "round_robin", "envoy": "round_robin"}
"""Policies whose turns are each worker's own: the model holds for one worker, in nginx also with a zone."""
_MODELS: Mapping[str, Models] = {
    balancer.setting: Models(
        balancer.model, balancer.model if balancer.without_cookies is None else balancer.without_cookies
    )
    for balancer in MEASURED.values()
    if balancer.setting and not balancer.model.startswith("turns-per-worker")
}
"""By ``PRODUCT:policy``; turns of each worker's own are told by the number of workers: ``_SHARED_TURNS``."""


def models_of_balancer(setting: BalancerSetting) -> Models:
    """The models that were measured for a balancer's setting: see ``MEASURED`` in ``core/simulation``."""
    own_turns = setting.workers > 1 and _SHARED_TURNS.get(setting.product) == setting.policy
    if own_turns and setting.option("zone") != "on":
        return Models()
    return _MODELS.get(f"{setting.product}:{setting.policy}", Models())
