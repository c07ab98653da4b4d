"""The keys of a database that are named like sessions; bounded, by SCAN, so that the server is never blocked.

Answers (target classes, words, positives) are never part of what is reported: only the documents' field
names.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Sequence

from devenv.core.doctor_rules.facts import Keyspace, SessionKey
from devenv.core.model.vocabulary import CaptchaType
from devenv.verbs.doctor.probe.resp_socket import Caller, Refused, Value

SCAN_SECONDS = 2.0
SCAN_STEPS = 200
SCAN_COUNT = 1000
MAX_KEYS = 200
_NAMED = re.compile(rf"(.*?)({'|'.join(CaptchaType)}):([0-9A-Za-z_-]{{1,64}})", re.DOTALL)


def named(key: str) -> tuple[str, CaptchaType, str] | None:
    """The prefix, the captcha type and the challenge id of a key named like a session."""
    match = _NAMED.fullmatch(key)
    return (match[1], CaptchaType(match[2]), match[3]) if match is not None else None


def scan(
    connection: Caller, pattern: str, wanted: Callable[[str], bool], *, limit: int = MAX_KEYS
) -> tuple[list[str], bool, str | None]:
    """Keys that match, at most ``limit``; whether those are all; and the error where SCAN is refused."""
    matching: dict[str, None] = {}
    cursor, deadline = "0", time.monotonic() + SCAN_SECONDS
    for _ in range(SCAN_STEPS):
        reply = connection.call("SCAN", cursor, "MATCH", pattern, "COUNT", SCAN_COUNT)
        if isinstance(reply, Refused):
            return [], False, reply.text
        cursor, names = _page(reply)
        matching |= dict.fromkeys(name for name in names if wanted(name))
        if cursor == "0" or len(matching) > limit or time.monotonic() > deadline:
            break
    return sorted(matching)[:limit], cursor == "0" and len(matching) <= limit, None


def _page(reply: Value) -> tuple[str, list[str]]:
    if isinstance(reply, list) and len(reply) == 2 and isinstance(reply[1], list):
        return str(reply[0]), [str(name) for name in reply[1]]
    return "0", []


def sessions(connection: Caller, db: int) -> Keyspace:
    """What is named like a session in the selected database, which is ``db``."""
    names, complete, error = scan(connection, "*", lambda key: named(key) is not None)
    if error is not None:
        return Keyspace(complete=False, error=error)
    keys = (_session(connection, name, db) for name in names)
    return Keyspace(tuple(one_key for one_key in keys if one_key is not None), complete)


def merged(one: Keyspace, other: Keyspace) -> Keyspace:
    """Two looks as one."""
    return Keyspace(one.keys + other.keys, one.complete and other.complete, one.error or other.error)


def _session(connection: Caller, key: str, db: int) -> SessionKey | None:
    """What lies under one key; None where it is gone, or may not be looked at."""
    parts = named(key)
    kind, left = connection.call("TYPE", key), connection.call("PTTL", key)
    if parts is None or not isinstance(kind, str) or kind == "none" or not isinstance(left, int) or left < -1:
        return None
    fields = None
    if kind == "string":
        value = connection.call("GET", key)
        if not isinstance(value, str):
            return None
        fields = _fields(value)
    return SessionKey(key, parts[0], parts[1], kind, left / 1000 if left >= 0 else None, fields, db)


def _fields(value: str) -> tuple[str, ...] | None:
    try:
        document = json.loads(value)
    except ValueError:
        return None
    return tuple(document) if isinstance(document, dict) else None


def find(
    connection: Caller, challenges: Sequence[str], prefixes: Sequence[str]
) -> tuple[dict[str, tuple[str, float | None]], bool]:
    """The keys of challenges with their TTL in seconds; and whether every key was looked at.

    Under the known prefixes a key is asked for by its name, which costs the same however many keys there are.
    """
    places: dict[str, tuple[str, float | None]] = {}
    for challenge in challenges:
        guesses = (f"{prefix}{kind}:{challenge}" for prefix in prefixes for kind in CaptchaType)
        for key in guesses:
            if _note(connection, challenge, key, places):
                break
    missing = [one_challenge for one_challenge in challenges if one_challenge not in places]
    if not missing:
        return places, True
    names, complete, error = scan(connection, "*", lambda key: any(item in key for item in missing))
    for challenge in missing:
        for key in sorted((name for name in names if challenge in name), key=len):
            if _note(connection, challenge, key, places):
                break
    return places, complete and error is None


def _note(connection: Caller, challenge: str, key: str, places: dict[str, tuple[str, float | None]]) -> bool:
    left = connection.call("PTTL", key)
    if not isinstance(left, int) or left < -1:
        return False
    places[challenge] = (key, left / 1000 if left >= 0 else None)
    return True
