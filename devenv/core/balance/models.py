"""By which model a balancer's policy chooses, where that is known: its formulas then hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from devenv.core.balancers import BalancerSetting
from devenv.core.simulation.balancers import MEASURED, own_turns


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


_MODELS: Mapping[str, Models] = {
    balancer.setting: Models(
        balancer.model, balancer.model if balancer.without_cookies is None else balancer.without_cookies
    )
    for balancer in MEASURED.values()
    if balancer.setting and not balancer.model.startswith("turns-per-worker")
}
"""By ``PRODUCT:policy``; turns of each worker's own are told by ``own_turns``."""


def models_of_balancer(setting: BalancerSetting) -> Models:
    """The models that were measured for a balancer's setting: see ``MEASURED`` in ``core/simulation``."""
    if own_turns(setting):
        return Models()
    return _MODELS.get(f"{setting.product}:{setting.policy}", Models())
