"""Signatures of picture positions: hex HMAC-SHA256 of ``<cid>:<index>`` under ABSTRACT_HMAC_SECRET."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Sequence

from devenv.captcha_api.errors import Ungraded

IMAGES = 9


def sign(secret: str, challenge_id: str, index: int) -> str:
    """The signature of picture ``index`` (0-based) of challenge ``cid``."""
    message = f"{challenge_id}:{index}".encode("utf-8", "surrogatepass")
    return hmac.new(secret.encode("utf-8"), message, hashlib.sha256).hexdigest()


def check(secret: str | None, challenge_id: str, signatures: Sequence[str] | None) -> None:
    """Raises Ungraded unless there is one right signature per picture, in order; None is not checked.

    Without a secret no signature can be right.
    """
    if signatures is None:
        return
    if len(signatures) != IMAGES:
        raise Ungraded("Invalid signatures length")
    for index, signature in enumerate(signatures):
        given = signature.encode("utf-8", "surrogatepass")
        if secret is None or not hmac.compare_digest(sign(secret, challenge_id, index).encode(), given):
            raise Ungraded("Invalid signature detected")
