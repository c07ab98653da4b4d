"""How a stack's Redis is entered: TLS and a user, beyond host and port."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class RedisAccess:
    """How a client gets into the stack's Redis. Never shown: it is kept in a file of its owner."""

    ca: str = ""
    """The file of the authority that Redis' certificate is checked against; "" without TLS."""
    username: str = ""
    """The user; empty where none is needed."""
    password: str = ""
    """The password; empty where none is needed."""

    @property
    def tls(self) -> bool:
        """Whether Redis speaks TLS."""
        return bool(self.ca)

    def to_json(self) -> dict[str, Any]:
        """A plain dict, password included; ``from_json`` reads it back."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> RedisAccess:
        """The inverse of ``to_json``."""
        return cls(str(data["ca"]), str(data["username"]), str(data["password"]))


OPEN = RedisAccess()
"""No TLS, no user, no password."""
