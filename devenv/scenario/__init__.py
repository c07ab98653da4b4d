"""Scenarios: text → Scenario, validation with the line of each error, expectations, the catalogue."""

from devenv.scenario.catalog import catalogue, find
from devenv.scenario.expect import violations
from devenv.scenario.model import (
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
    StackWish,
    Step,
    StoreNote,
    Together,
    Toggle,
    Verify,
)
from devenv.scenario.ordering import CannotFollow, parse_order
from devenv.scenario.parse import parse

__all__ = [
    "CannotFollow",
    "Create",
    "Gate",
    "GateRule",
    "Get",
    "KeyEvent",
    "Pause",
    "Redis",
    "RedisCommandStep",
    "RedisServer",
    "Request",
    "Restart",
    "Scenario",
    "StackWish",
    "Step",
    "StoreNote",
    "Together",
    "Toggle",
    "Verify",
    "catalogue",
    "find",
    "parse",
    "parse_order",
    "violations",
]
