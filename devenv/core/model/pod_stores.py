"""Where each pod keeps its sessions, by the settings that it was started with."""

from __future__ import annotations

from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Strategy


def stores(status: StackStatus) -> dict[str, Strategy]:
    """Where each pod keeps its sessions, by the settings it was started with."""
    return {
        pod.name: _named(pod.settings.get("SESSION_STRATEGY", ""))
        if pod.settings.get("USE_REDIS", "").lower() == "true"
        else Strategy.MEMORY
        for pod in status.pods
    }


def stores_in_words(status: StackStatus) -> dict[str, str]:
    """As ``stores``, each in a word."""
    return {pod: status.spec.store(store) for pod, store in stores(status).items()}


def _named(word: str) -> Strategy:
    """The strategy of this name; the default's for a word that only a user-provided service knows."""
    return Strategy(word) if word in set(Strategy) else Strategy.ATOMIC
