"""The forms in which a session's id may stand in a key: as it is, unsigned, decoded, a JWT claim, hashed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from devenv.core.model.ids import ChallengeId

_SHORTEST = 6
"""Characters below which a part of an id is found in keys by chance."""
_JWT_PARTS = 3
"""Header, claims and signature (RFC 7519, section 3.1)."""
_HASHES = ("sha256", "sha1", "md5", "sha512")


class StoredForm(NamedTuple):
    """A text that may stand in a key for the id."""

    text: str
    how: str
    """How it is made of the id; "": it is the id."""


def stored_forms(challenge_id: ChallengeId) -> list[StoredForm]:
    """What to look for in keys, the likeliest first.

    Express signs ``s:ID.MAC``, itsdangerous and fastify ``ID.MAC``; some encode in Base64, also a JSON object
    with the id in it; Rack keeps the id's hash. A JWT is a key's name by one of its claims, as ``jti``.
    """
    plain = _plain_forms(challenge_id)
    hashed = [
        StoredForm(hashlib.new(name, form.text.encode()).hexdigest(), _joined(form.how, f"{name} of it"))
        for name in _HASHES
        for form in plain
    ]
    unique: dict[str, StoredForm] = {}
    for form in (*plain, *hashed):
        if len(form.text) >= _SHORTEST or not form.how:
            unique.setdefault(form.text, form)
    return list(unique.values())


def _plain_forms(challenge_id: ChallengeId) -> list[StoredForm]:
    forms = [StoredForm(challenge_id, "")]
    decoded = unquote(challenge_id)
    if decoded != challenge_id:
        forms.append(StoredForm(decoded, "percent-decoded"))
    if decoded.startswith("s:") and "." in decoded:
        forms.append(StoredForm(decoded[2:].rpartition(".")[0], "without s: and the signature"))
    elif "." in decoded:
        forms.append(StoredForm(decoded.partition(".")[0], "without the signature"))
        forms.append(StoredForm(decoded.rpartition(".")[0], "without the signature"))
        parts = decoded.split(".")
        if len(parts) == _JWT_PARTS and '"alg"' in next(_decoded(parts[0]), ""):
            return [*forms, *(StoredForm(text, "a claim of the JWT") for text in _decoded(parts[1]))]
    for form in tuple(forms):
        forms += [StoredForm(text, _joined(form.how, "Base64-decoded")) for text in _decoded(form.text)]
    return forms


def _decoded(text: str) -> Iterator[str]:
    """The text in Base64, and of a JSON object the texts in it."""
    try:
        usual = text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4)
        plain = base64.b64decode(usual, validate=True).decode()
    except (binascii.Error, ValueError):
        return
    if plain.isprintable():
        yield plain
    try:
        yield from _texts(json.loads(plain))
    except (ValueError, RecursionError):
        return


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


def _joined(*parts: str) -> str:
    return ", ".join(part for part in parts if part)
