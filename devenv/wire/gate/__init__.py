"""The Redis relay behind the pods: records, disturbs and holds commands."""

from devenv.wire.gate.holds import Held, Then
from devenv.wire.gate.record import Fate
from devenv.wire.gate.rules import Action, Direction, Rule
from devenv.wire.gate.server import Gate, Tls

__all__ = ["Action", "Direction", "Fate", "Gate", "Held", "Rule", "Then", "Tls"]
