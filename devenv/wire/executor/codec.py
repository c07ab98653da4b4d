"""Replies, commands, databases and scripts' runs as JSON: bytes as text, one letter for each byte."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from devenv.core.resp.values import Failure, NoArray, Pairs, Reply, Status
from devenv.core.search.behaviour import LOST, Answered, Heard, Issued, Lost, Seen
from devenv.core.spec.keyspace import Entry, Hash, Text, Value
from devenv.core.spec.learned_scripts import KeyState, ScriptCall, ScriptEffect
from devenv.core.spec.redis_model import Client, Database


def _text(data: bytes) -> str:
    return data.decode("latin-1")


def _texts(words: Iterable[bytes]) -> list[str]:
    return [_text(word) for word in words]


def _words(texts: Iterable[str]) -> tuple[bytes, ...]:
    return tuple(text.encode("latin-1") for text in texts)


def heard_to_json(heard: Heard) -> Any:
    """A reply, or that it was lost."""
    return {"lost": True} if isinstance(heard, Lost) else reply_to_json(heard)


def heard_from_json(data: Any) -> Heard:
    """The inverse of ``heard_to_json``."""
    return LOST if isinstance(data, dict) and "lost" in data else reply_from_json(data)


def reply_to_json(reply: Reply) -> Any:
    """A reply of Redis."""
    match reply:
        case bytes():
            return _text(reply)
        case Status(text=text):
            return {"status": text}
        case Failure(text=text):
            return {"failure": text}
        case Pairs(items=items):
            return {"pairs": [_texts(pair) for pair in items]}
        case NoArray():
            return {"no_array": True}
        case tuple():
            return [reply_to_json(part) for part in reply]
        case _:
            return reply


def reply_from_json(data: Any) -> Reply:
    """The inverse of ``reply_to_json``."""
    if isinstance(data, str):
        return data.encode("latin-1")
    if isinstance(data, list):
        return tuple(reply_from_json(part) for part in data)
    if isinstance(data, dict):
        [(kind, value)] = data.items()
        match kind:
            case "status":
                return Status(value)
            case "failure":
                return Failure(value)
            case "pairs":
                return Pairs(tuple((k.encode("latin-1"), v.encode("latin-1")) for k, v in value))
            case _:
                return NoArray()
    assert data is None or isinstance(data, int)
    return data


def seen_to_json(seen: Seen) -> Any:
    """What a request did: a command, a transaction, or its answer."""
    if isinstance(seen, Answered):
        return {"status": seen.status, "body": seen.body}
    return {"commands": [_texts(words) for words in seen.commands], "transaction": seen.transaction}


def seen_from_json(data: Mapping[str, Any]) -> Seen:
    """The inverse of ``seen_to_json``."""
    if "status" in data:
        return Answered(data["status"], data["body"])
    return Issued(tuple(_words(words) for words in data["commands"]), data["transaction"])


def database_to_json(database: Database) -> Any:
    """The model's state between two steps: no transaction is open, so a client is what it watches."""
    entries = [[_text(key), _value_json(item.value), item.expires] for key, item in database.entries]
    clients = [[number, _texts(item.watched), item.dirty] for number, item in database.clients]
    return {"entries": entries, "clients": clients}


def database_from_json(data: Any) -> Database:
    """The inverse of ``database_to_json``."""
    return Database(
        tuple((key.encode("latin-1"), Entry(_value(value), left)) for key, value, left in data["entries"]),
        tuple((number, Client(watched=_words(keys), dirty=dirty)) for number, keys, dirty in data["clients"]),
    )


def script_call_to_json(call: ScriptCall) -> Any:
    """One run of a script."""
    return {
        "source": _texts(call.source),
        "keys": _texts(call.keys),
        "args": _texts(call.args),
        "before": [_state_json(item) for item in call.before],
        "others": [[_text(key), _state_json(item)] for key, item in call.others],
    }


def script_call_from_json(data: Mapping[str, Any]) -> ScriptCall:
    """The inverse of ``script_call_to_json``. Raises KeyError, TypeError or ValueError for anything else."""
    name, script = _words(data["source"])
    return ScriptCall(
        (name, script),
        _words(data["keys"]),
        _words(data["args"]),
        tuple(_state(item) for item in data["before"]),
        tuple((key.encode("latin-1"), _state(item)) for key, item in data["others"]),
    )


def script_effect_to_json(effect: ScriptEffect) -> dict[str, Any]:
    """What a run came to."""
    return {"reply": reply_to_json(effect.reply), "after": [_state_json(item) for item in effect.after]}


def script_effect_from_json(data: Mapping[str, Any]) -> ScriptEffect:
    """The inverse of ``script_effect_to_json``."""
    return ScriptEffect(reply_from_json(data["reply"]), tuple(_state(item) for item in data["after"]))


def _state_json(state: KeyState) -> Any:
    return None if state.value is None else [_value_json(state.value), state.left]


def _state(data: Any) -> KeyState:
    return KeyState() if data is None else KeyState(_value(data[0]), data[1])


def _value_json(value: Value) -> Any:
    return _text(value.data) if isinstance(value, Text) else [_texts(pair) for pair in value.fields]


def _value(data: Any) -> Value:
    if isinstance(data, str):
        return Text(data.encode("latin-1"))
    return Hash(tuple((name.encode("latin-1"), item.encode("latin-1")) for name, item in data))
