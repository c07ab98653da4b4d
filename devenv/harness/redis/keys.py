"""What lies in Redis, without redis-cli: the service's keys, their TTL, and what is odd about them.

Answers (target classes, words, positives) are never part of a listing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import redis

from devenv.core.model.contract import COUNTERS, REDIS_PREFIX
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import SessionKey
from devenv.core.model.key_listing import COUNTER, RECEIPT, KeyInfo, KeyListing
from devenv.core.model.redis_access import OPEN, RedisAccess
from devenv.core.model.topology import Endpoints
from devenv.core.model.vocabulary import CaptchaType
from devenv.harness.redis.cluster_client import ClusterClient, each_node, plain_client

SCAN_LIMIT = 1000
"""Keys listed at most by default."""
_SCAN_STEPS = 10_000
"""SCAN calls at most: a prefix that few of very many keys have must not take for ever."""

REQUIRED = {
    CaptchaType.ABSTRACT: (
        "type", "cid", "target_class", "keywords", "image_urls", "is_positive", "attempts", "created_at",
    ),
    CaptchaType.IMAGEGRID: ("type", "cid", "image_url", "attempts", "created_at"),
    CaptchaType.HANDWRITING: ("type", "cid", "samples", "target_class", "attempts", "created_at"),
}  # fmt: skip
"""The fields of each document (contract §2)."""


class RedisRefused(EnvironmentProblem):
    """The stack's Redis answered a command with an error, ``reason``."""

    def __init__(self, endpoints: Endpoints, db: int, reason: str) -> None:
        where = f"{endpoints.redis_host}:{endpoints.redis_port}"
        super().__init__(f"Redis at {where}, database {db}, refuses a command: {reason}")
        self.reason = reason


@contextmanager
def connected(endpoints: Endpoints, db: int = 0) -> Iterator[redis.Redis]:
    """A client of the stack's Redis, past pods and gate; EnvironmentProblem where it refuses or is silent.

    Of a cluster, of all its nodes; it has database 0 only, so ``db`` does not matter.
    """
    client: redis.Redis
    if endpoints.redis_nodes:
        client = ClusterClient(endpoints.redis_nodes)
    else:
        client = plain_client(endpoints.redis_host, endpoints.redis_port, db, read_access(endpoints))
    try:
        yield client
    except (redis.ConnectionError, redis.TimeoutError, OSError) as error:
        raise EnvironmentProblem(
            f"Redis at {endpoints.redis_host}:{endpoints.redis_port} does not answer: {error}",
            hint="'devenv status' says whether it runs, is paused or stopped",
        ) from error
    except redis.ResponseError as error:  # also a database that the server does not have
        raise RedisRefused(endpoints, db, str(error)) from error
    finally:
        client.close()


def read_access(endpoints: Endpoints) -> RedisAccess:
    """How the stack's Redis is entered. EnvironmentProblem where its file cannot be read."""
    if not endpoints.redis_access:
        return OPEN
    try:
        return RedisAccess.from_json(json.loads(Path(endpoints.redis_access).read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError) as error:
        raise EnvironmentProblem(
            f"{endpoints.redis_access}, which says how to enter Redis, cannot be read: {error}",
            hint="only its owner can read it: was the stack started by another user?",
        ) from error


def list_keys(client: redis.Redis, prefix: str = REDIS_PREFIX, limit: int = SCAN_LIMIT) -> KeyListing:
    """The keys that begin with ``prefix``, at most ``limit`` of them, by SCAN: it never blocks the server."""
    keys: set[bytes] = set()
    complete = all(_scan(node, _literal(prefix) + "*", keys, limit) for node in each_node(client))
    names = sorted(keys)[:limit]
    infos = [key_info(client, name, prefix) for name in names]
    return KeyListing(prefix, tuple(info for info in infos if info is not None), complete)


def keys_with(client: redis.Redis, challenge_id: str) -> list[SessionKey]:
    """The keys that have a session's id in them, short ones first: what lies beside a session is longer."""
    keys: set[bytes] = set()
    for node in each_node(client):
        _scan(node, f"*{_literal(challenge_id)}*", keys, SCAN_LIMIT)
    return sorted(
        (SessionKey(key.decode("utf-8", "backslashreplace")) for key in keys),
        key=lambda item: (len(item), item),
    )


def place_of(endpoints: Endpoints, challenge_id: str, usual_db: int) -> tuple[list[SessionKey], int]:
    """The keys that have a session's id in them (``keys_with``), and their database: the usual one, else the
    first of the others that has such a key. A service may choose its database in its code.
    """
    with connected(endpoints, usual_db) as client:
        keys = keys_with(client, challenge_id)
        others = [] if keys or endpoints.redis_nodes else _databases(client)
    for db in others:
        with connected(endpoints, db) as client:
            if keys := keys_with(client, challenge_id):
                return keys, db
    return keys, usual_db


def _databases(client: redis.Redis) -> list[int]:
    """The numbers of the databases that have keys; none where INFO is refused."""
    try:
        sections: Any = client.info("keyspace")
    except redis.ResponseError:
        return []
    return sorted(int(name[2:]) for name in sections if name.startswith("db") and name[2:].isdecimal())


def _scan(client: redis.Redis, pattern: str, keys: set[bytes], limit: int) -> bool:
    """Add one server's keys to ``keys``; whether they are all there and not more than ``limit``."""
    cursor = 0
    for _ in range(_SCAN_STEPS):
        answer: Any = client.scan(cursor, match=pattern, count=500)
        cursor = int(answer[0])
        keys.update(answer[1])
        if cursor == 0 or len(keys) > limit:
            break
    return cursor == 0 and len(keys) <= limit


def key_info(client: redis.Redis, key: bytes | str, prefix: str = REDIS_PREFIX) -> KeyInfo | None:
    """What there is to say about one key; None where it is gone."""
    with client.pipeline(transaction=False) as pipe:
        pipe.type(key)
        pipe.pttl(key)
        kind_of_value, pttl = pipe.execute()
    value_type = kind_of_value.decode()
    if value_type == "none" or pttl == -2:
        return None
    name = key if isinstance(key, str) else key.decode("utf-8", "backslashreplace")
    kind = _kind(name, prefix)
    document = read_document(client, key) if value_type == "string" else None
    flags = [] if pttl >= 0 else ["no TTL: it stays for ever"]
    attempts = None
    if kind in set(CaptchaType):
        flags += _document_flags(CaptchaType(kind), value_type, document)
        count = document.get("attempts") if document is not None else None
        attempts = count if isinstance(count, int) and not isinstance(count, bool) else None
    ttl = pttl / 1000 if pttl >= 0 else None
    return KeyInfo(name, kind, value_type, ttl, attempts, tuple(document or ()), tuple(flags))


def read_document(client: redis.Redis, key: bytes | str) -> dict[str, Any] | None:
    """The JSON object under ``key``; None where there is no string, no JSON, or no object."""
    try:
        raw: Any = client.get(key)
        document = json.loads(raw) if raw is not None else None
    except (redis.ResponseError, ValueError):
        return None
    return document if isinstance(document, dict) else None


def _document_flags(kind: CaptchaType, value_type: str, document: Mapping[str, Any] | None) -> list[str]:
    if value_type != "string":
        return [f"wrong type: {value_type} instead of string"]
    if document is None:
        return ["not a JSON object"]
    missing = [field for field in REQUIRED[kind] if field not in document]
    if "cid" in missing and "type" in missing:
        return [f"stub document: only {', '.join(document) or 'nothing'}"]
    return [f"missing {', '.join(missing)}"] if missing else []


def _kind(name: str, prefix: str) -> str:
    if fnmatchcase(name, COUNTERS):
        return COUNTER
    word = name.removeprefix(prefix).partition(":")[0]
    return word if word in set(CaptchaType) or word == RECEIPT else "other"


def _literal(prefix: str) -> str:
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in prefix)
