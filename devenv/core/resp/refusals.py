"""What an error of Redis means: one table, from its words, for all who explain or advise."""

from __future__ import annotations

from devenv.core.resp.values import redirection

_FIRST_WORDS = {
    "CLUSTERDOWN": "cluster-down",
    "WRONGPASS": "password-wrong",
    "NOAUTH": "password-missing",
    "DENIED": "login-refused",
    "NOPERM": "permission",
    "READONLY": "read-only-replica",
    "OOM": "writes-refused",
    "MISCONF": "writes-refused",
    "NOREPLICAS": "writes-refused",
    "LOADING": "not-ready",
    "MASTERDOWN": "not-ready",
    "BUSY": "not-ready",
    "TRYAGAIN": "not-ready",
    "WRONGTYPE": "wrong-type",
}
"""By the first word of the error."""
_PARTS = {
    "cluster support disabled": "cluster-client-on-standalone",
    "cluster mode disabled": "cluster-client-on-standalone",
    "without any password": "password-unneeded",
    "invalid password": "password-wrong",
    "max number of clients": "login-refused",
}
"""By a part of it, in small letters: old servers, and errors without a word of their own."""
WRITES_REFUSED = frozenset({"writes-refused", "permission", "cluster-down", "read-only-replica"})
"""The server is there and does not take the command."""
LOGIN_REFUSED = frozenset({"password-wrong", "password-missing", "password-unneeded", "login-refused"})
"""The server does not take the client."""


def refusal_kind(command: str, error: str) -> str | None:
    """What is wrong where ``command`` was answered with ``error``; None where that has no known meaning or
    does no harm.

    ``error``: Redis' words, with or without the "-" that errors begin with. The kinds are those of the
    doctor's advice.
    """
    error = error.removeprefix("-")
    lower_case = error.lower()
    if redirection(error) is not None:
        return "plain-client-on-cluster"
    if command == "SELECT":
        return "database-on-cluster" if "cluster mode" in lower_case else "database"
    by_word = _FIRST_WORDS.get(error.partition(" ")[0])
    return by_word or next((kind for part, kind in _PARTS.items() if part in lower_case), None)


def asks_for_cluster(command: str, reply: str | None) -> bool:
    """Whether a client asked for a cluster where there is none: it does not connect, or tries for ever."""
    if command.startswith("CLUSTER") and (reply or "").startswith("-"):
        return True
    return reply_kind(command, reply) == "cluster-client-on-standalone"


def reply_kind(command: str, reply: str | None) -> str | None:
    """As ``refusal_kind``, of a reply in short; None where it is no error."""
    return refusal_kind(command, reply) if reply is not None and reply.startswith("-") else None
