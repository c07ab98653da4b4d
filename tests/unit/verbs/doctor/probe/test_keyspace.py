"""Keys that are named like sessions, and where a challenge's session lies; against replies made by hand."""

from __future__ import annotations

from fnmatch import fnmatchcase

from devenv.verbs.doctor.probe.keyspace import MAX_KEYS, find, merged, named, scan, sessions
from devenv.verbs.doctor.probe.resp_socket import Refused, Value

ONE, TWO = "1" * 32, "2" * 32


class Keys:
    """A database: key to value and milliseconds left; -1: no TTL."""

    def __init__(self, keys: dict[str, tuple[str, int]], refuses: tuple[str, ...] = ()) -> None:
        self._keys, self._refuses = keys, refuses
        self.asked: list[str] = []

    def call(self, *words: str | int) -> Value:
        name, *arguments = map(str, words)
        self.asked.append(name)
        if name in self._refuses:
            return Refused(f"NOPERM {name}")
        if name == "SCAN":
            return ["0", [key for key in self._keys if fnmatchcase(key, arguments[2])]]
        value, left = self._keys.get(arguments[0], ("", -2))
        return {"TYPE": "none" if left == -2 else "string", "PTTL": left, "GET": value}[name]


def test_a_key_named_like_a_session() -> None:
    assert named(f"rcaptcha:abstract:{ONE}") == ("rcaptcha:", "abstract", ONE)
    assert named(f"abstract:{ONE}") == ("", "abstract", ONE)
    assert named(f"rcaptcha:other:{ONE}") is None
    assert named(f"rcaptcha:abstract:{ONE}:attempts") is None


def test_sessions_without_their_answers() -> None:
    keys = {
        f"p:abstract:{ONE}": ('{"type": "abstract", "target_class": "bus"}', 900),
        "other": ("x", -1),
        f"p:imagegrid:{TWO}": ("no json", -1),
    }
    seen = sessions(Keys(keys), 3)
    assert seen.complete
    assert [(key.key, key.prefix, key.kind, key.ttl, key.fields, key.db) for key in seen.keys] == [
        (f"p:abstract:{ONE}", "p:", "abstract", 0.9, ("type", "target_class"), 3),
        (f"p:imagegrid:{TWO}", "p:", "imagegrid", None, None, 3),
    ]
    assert "bus" not in repr(seen)


def test_a_refused_scan_and_too_many_keys() -> None:
    refused = sessions(Keys({}, ("SCAN",)), 0)
    assert (refused.keys, refused.complete, refused.error) == ((), False, "NOPERM SCAN")
    many = Keys({f"k{number:04}": ("", -1) for number in range(MAX_KEYS + 1)})
    names, complete, error = scan(many, "*", lambda key: True)
    assert (len(names), complete, error) == (MAX_KEYS, False, None)
    one = sessions(Keys({f"abstract:{ONE}": ("{}", 5)}), 0)
    assert merged(one, refused).keys == one.keys
    assert (merged(one, refused).complete, merged(one, refused).error) == (False, "NOPERM SCAN")


def test_a_challenge_is_asked_for_by_name_before_all_keys_are_looked_at() -> None:
    keys = Keys({f"p:abstract:{ONE}": ("{}", 5000), f"q:{TWO}:long": ("{}", -1), f"q:{TWO}": ("{}", -1)})
    assert find(keys, [ONE], ["p:"]) == ({ONE: (f"p:abstract:{ONE}", 5.0)}, True)
    assert "SCAN" not in keys.asked
    assert find(keys, [TWO, "3" * 32], ["p:"]) == ({TWO: (f"q:{TWO}", None)}, True)
    assert "SCAN" in keys.asked
