"""The Redis relay behind the pods: records, disturbs and holds commands."""

from devenv.gate.holds import Held, Then
from devenv.gate.record import Fate
from devenv.gate.rules import Action, Direction, Rule
from devenv.gate.server import Gate, Tls

__all__ = ["Action", "Direction", "Fate", "Gate", "Held", "Rule", "Then", "Tls"]
