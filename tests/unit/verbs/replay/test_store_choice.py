"""Which store a scenario is played with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import find
from devenv.verbs.replay.store_choice import StoreChoice, choose_store

ON, OFF = {"USE_REDIS": "true", "SESSION_STRATEGY": "atomic"}, {"USE_REDIS": "false"}
GUIDE = {**ON, "SESSION_STRATEGY": "guide"}
OWN = ServiceSpec("/x", CAPTCHA, app="main:app")
FIXED = replace(OWN, redis_on={}, redis_off={})


def status(*settings: dict[str, str]) -> StackStatus:
    """A running stack of pods with these settings."""
    pods = tuple(
        PodStatus(f"captcha-api-{'abc'[position]}", "running", each) for position, each in enumerate(settings)
    )
    return StackStatus(
        "embedded", StackSpec(pods=len(pods)), Endpoints("", "", "", "", 0), pods, "redis", "7", "running"
    )


@pytest.mark.parametrize(
    ("scenario", "given", "pods", "service", "choice"),
    [
        # the reference service: as the pods are, else the scenario's first store
        ("lost-attempt", None, (GUIDE, GUIDE), None, StoreChoice(Strategy.GUIDE)),
        ("lost-attempt", None, (OFF, OFF), None, StoreChoice(Strategy.GUIDE)),
        ("lost-session", None, (OFF, OFF), None, StoreChoice(Strategy.MEMORY)),
        ("lost-session", None, (), None, StoreChoice(Strategy.MEMORY)),
        # what is asked for
        ("lost-session", Strategy.ATOMIC, (OFF, ON), OWN, StoreChoice(Strategy.ATOMIC)),
        # pods of different stores stay as they are, where that can be played
        ("lost-session", None, (OFF, ON), None, StoreChoice(Strategy.GUIDE, measured=False, as_is=True)),
        ("lost-session", None, (GUIDE, ON), None, StoreChoice(Strategy.GUIDE, measured=False, as_is=True)),
        ("lost-session", None, (OFF, ON), OWN, StoreChoice(Strategy.GUIDE, measured=False, as_is=True)),
        ("lost-attempt", None, (OFF, ON), OWN, StoreChoice(Strategy.GUIDE, measured=False)),
        ("lost-attempt", None, (GUIDE, ON), None, StoreChoice(Strategy.GUIDE)),
        # a user-provided service is measured against memory only
        ("lost-session", None, (OFF, OFF), OWN, StoreChoice(Strategy.MEMORY)),
        ("lost-session", None, (), OWN, StoreChoice(Strategy.MEMORY)),
        ("lost-session", None, (ON, ON), OWN, StoreChoice(Strategy.GUIDE, measured=False, as_is=True)),
        ("lost-attempt", None, (ON, ON), OWN, StoreChoice(Strategy.GUIDE, measured=False, as_is=True)),
        ("lost-attempt", None, (OFF, OFF), OWN, StoreChoice(Strategy.GUIDE, measured=False)),
        ("lost-attempt", None, (), OWN, StoreChoice(Strategy.GUIDE, measured=False)),
        # without a switch it is not known where its sessions are
        ("lost-session", None, (OFF, OFF), FIXED, StoreChoice(Strategy.GUIDE, measured=False, as_is=True)),
        ("lost-session", None, (), FIXED, StoreChoice(Strategy.GUIDE, measured=False)),
        (
            "mcp-session-lost", None, (OFF, OFF), FIXED,
            StoreChoice(Strategy.GUIDE, measured=False, as_is=True),
        ),
    ],
)  # fmt: skip
def test_choice(
    scenario: str,
    given: Strategy | None,
    pods: tuple[dict[str, str], ...],
    service: ServiceSpec | None,
    choice: StoreChoice,
) -> None:
    running = status(*pods) if pods else None
    assert choose_store(find(scenario), given, running, service) == choice
