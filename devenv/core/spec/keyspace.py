"""What lies in the model's Redis: keys, values and when they expire; immutable outside one command."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from devenv.core.model.errors import Inconclusive


class NotModelled(Inconclusive):
    """The model does not know this command, option or script, so nothing can be concluded from it."""

    def __init__(self, message: str, *, hint: str | None = "--mode direct needs no model") -> None:
        super().__init__(message, hint=hint)


@dataclass(frozen=True, slots=True)
class Text:
    """A string value."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Hash:
    """A hash value; fields in the order in which they were first set (Redis keeps none for large ones)."""

    fields: tuple[tuple[bytes, bytes], ...]


Value = Text | Hash


@dataclass(frozen=True, slots=True)
class Entry:
    """What is stored under a key."""

    value: Value
    expires: int | None = None
    """Milliseconds on the caller's clock; None: never."""


class Keyspace:
    """All keys, while one command (or transaction, or script) runs at the moment ``now``."""

    def __init__(self, entries: Iterable[tuple[bytes, Entry]], now: int) -> None:
        self.now = now
        self._entries = dict(entries)
        self._touched: dict[bytes, None] = {}
        # Redis 7 keeps a key up to and including its last millisecond (keyIsExpired: now > when).
        for key in [
            k for k, item in self._entries.items() if item.expires is not None and item.expires < now
        ]:
            self.put(key, None)

    def get(self, key: bytes) -> Entry | None:
        """What lies under ``key``."""
        return self._entries.get(key)

    def put(self, key: bytes, entry: Entry | None) -> None:
        """Put or (None) delete; those who watch the key are marked."""
        self._touched[key] = None
        if entry is None:
            self._entries.pop(key, None)
        else:
            self._entries[key] = entry

    def keys(self) -> tuple[bytes, ...]:
        """All keys, in no promised order."""
        return tuple(self._entries)

    @property
    def touched(self) -> Mapping[bytes, None]:
        """The keys that were written, deleted, or found expired."""
        return self._touched

    def frozen(self) -> tuple[tuple[bytes, Entry], ...]:
        """The entries, sorted by key: equal contents are equal."""
        return tuple(sorted(self._entries.items(), key=lambda item: item[0]))
