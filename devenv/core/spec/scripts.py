"""Models of known Lua scripts for the Redis model, which cannot interpret Lua.

``claim`` says in Python what the atomic store's script says in Lua; tests run both on the same documents. Of
scripts without a model are learnt by example: ``learned_scripts``.
"""

from __future__ import annotations

import json
import re
from typing import Any

from devenv.core.resp.values import Failure, Reply
from devenv.core.spec.redis_model import ScriptFailed, ScriptKeys, Words

_RECEIPT = re.compile(rb"([A-Za-z]+):([0-9]+)")


def claim(redis: ScriptKeys, keys: Words, args: Words) -> Reply:
    """Grade one answer and count the attempt: the model of the atomic store's claim script.

    Its replies and effects are the script's, except for the order of members in the documents that it writes
    (cjson promises none).
    """
    session, receipt = keys
    token, kind, answer, basis = args[:4]
    limit, session_ttl, receipt_ttl = args[4:7]
    earlier = redis.call("HMGET", receipt, token, "document", "solved")
    if isinstance(earlier, Failure):
        raise ScriptFailed(earlier)
    assert isinstance(earlier, tuple)
    noted, document, solved = earlier
    if isinstance(noted, bytes):
        match = _RECEIPT.fullmatch(noted)
        # Lua's tables end at their first nil, and so does the array that they become.
        return (match[1], int(match[2]), document) if match else ()
    raw = redis.call("GET", session)
    if isinstance(raw, Failure):
        return (b"broken", 0, raw.text.encode())
    if not isinstance(raw, bytes):
        return (b"absent" if solved is None else b"solved", 0, b"")
    decoded = _decode(raw)
    if not isinstance(decoded, dict | list):
        return (b"broken", 0, b"not a JSON object")
    doc = decoded if isinstance(decoded, dict) else {}
    attempts = doc.get("attempts")
    if _bytes(doc.get("type")) != kind or isinstance(attempts, bool) or not isinstance(attempts, int | float):
        return (b"broken", 0, b"not a session of this type")
    if attempts >= int(limit):
        redis.call("DEL", session)
        return (b"absent", 0, b"")
    right = _judge(doc, kind, answer, basis)
    if right is None:
        return (b"broken", 0, b"no answer in the session")
    if right == "other":
        return (b"other", 0, raw)
    attempts += 1
    state = b"right" if right else b"wrong"
    redis.call("HSET", receipt, token, state + b":" + _number(attempts).encode(), "document", raw)
    if right:
        redis.call("HSET", receipt, "solved", "1")
    left = redis.call("PTTL", session)
    assert isinstance(left, int)
    redis.call("PEXPIRE", receipt, str(max(int(receipt_ttl), left)))
    if right or attempts >= int(limit):
        redis.call("DEL", session)
    else:
        redis.call("SET", session, _encode({**doc, "attempts": attempts}), "KEEPTTL")
        if redis.call("PTTL", session) == -1:
            redis.call("EXPIRE", session, session_ttl)
    return (state, int(attempts), raw)


def _judge(doc: dict[str, Any], kind: bytes, answer: bytes, basis: bytes) -> bool | str | None:
    """True or false; None where the document holds no answer to compare with; "other"."""
    if kind == b"abstract":
        flags = doc.get("is_positive")
        positives = [i for i, flag in enumerate(flags) if flag is True] if isinstance(flags, list) else []
        return b",".join(b"%d" % i for i in positives) == answer if positives else None
    if kind == b"handwriting":
        word = _bytes(doc.get("target_class"))
        truth = re.sub(rb"[^a-z0-9]", b"", word.lower()) if word is not None else b""
        return truth == answer if truth else None
    url, label = _bytes(doc.get("image_url")), _bytes(doc.get("target_label"))
    if url is None or label is None:
        return None
    return answer == b"right" if url + b"\n" + label == basis else "other"


def _bytes(value: object) -> bytes | None:
    """A JSON string as Lua holds it."""
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else None


def _decode(raw: bytes) -> object:
    """As cjson decodes: bytes that are no UTF-8 pass through. None where it is no JSON."""
    try:
        return json.loads(raw.decode("utf-8", "surrogateescape"), strict=False)
    except (ValueError, RecursionError):
        return None


def _number(number: float) -> str:
    """A number as Lua writes it."""
    return f"{number:.14g}"


def _encode(value: object) -> bytes:
    """As cjson encodes: numbers with 14 digits, and a list without items is an object."""
    text = json.dumps(_through_lua(value), ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogateescape")


def _through_lua(value: object) -> object:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return value
    if isinstance(value, int | float):
        number = float(_number(value))
        return int(number) if number.is_integer() else number
    if isinstance(value, dict):
        return {name: _through_lua(item) for name, item in value.items()}
    assert isinstance(value, list)
    return [_through_lua(item) for item in value] if value else {}
