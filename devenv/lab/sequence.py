"""Sequence pictures: one list of messages, drawn as terminal text, as Mermaid or as SVG.

The drawings need no network and no library. Long lists are shortened in the middle, and say so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

MessageKind = Literal["request", "reply", "failed", "note"]


@dataclass(frozen=True, slots=True)
class SequenceMessage:
    """One arrow (or note) of a sequence picture.

    ``source`` and ``target`` are participants: ``client``, ``proxy``, a pod's name, ``redis``, ``ml``.
    ``kind``: ``request`` a call or command; ``reply`` its answer; ``failed`` an answer that carries the
    failure; ``note`` something at ``source`` alone (a restart, a deletion), ``target`` then equals it.
    ``time`` is seconds since the epoch.
    """

    time: float
    source: str
    target: str
    label: str
    kind: MessageKind = "request"
