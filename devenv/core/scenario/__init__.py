"""Scenarios: text → Scenario, validation with the line of each error, expectations, the catalogue."""

from devenv.core.scenario.catalog import catalogue, find, for_services
from devenv.core.scenario.expect import expected_of, violations
from devenv.core.scenario.model import (
    Create,
    Gate,
    GateRule,
    Get,
    KeyEvent,
    Pause,
    Redis,
    RedisCommandStep,
    RedisServer,
    Request,
    Restart,
    Scenario,
    StackRequirements,
    Step,
    StoreNote,
    Together,
    Toggle,
    Verify,
)
from devenv.core.scenario.ordering import OrderNotMet, parse_order
from devenv.core.scenario.parse import parse

__all__ = [
    "Create",
    "Gate",
    "GateRule",
    "Get",
    "KeyEvent",
    "OrderNotMet",
    "Pause",
    "Redis",
    "RedisCommandStep",
    "RedisServer",
    "Request",
    "Restart",
    "Scenario",
    "StackRequirements",
    "Step",
    "StoreNote",
    "Together",
    "Toggle",
    "Verify",
    "catalogue",
    "expected_of",
    "find",
    "for_services",
    "parse",
    "parse_order",
    "violations",
]
