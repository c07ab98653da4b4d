"""``redis://`` URLs, read as Redis clients read them.

redis-py (``redis.connection.parse_url``) is the reference: ``?db=`` counts before the path. ioredis 5 takes
the path first, node-redis 5 the path only (findings/redis-url-two-databases.sh): such a URL is worth a note.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import urlsplit

from devenv.core.model.percent import decoded, form_pairs

SCHEMES = ("redis", "rediss", "valkey", "valkeys", "unix")
FORM = "redis[s]://[user:password@]host[:port][/db], or unix:///path/to/socket[?db=N]"
DEFAULT_PORT = 6379

_URL = re.compile(rf"({'|'.join(SCHEMES)})://", re.IGNORECASE)
_USER_INFO = re.compile(r"(?:[A-Za-z0-9._~!$&'()*+,;=:-]|%[0-9A-Fa-f]{2})*")
"""What may stand before the @ of a URL unescaped: RFC 3986, 3.2.1."""
_HOST_AND_PORT = re.compile(r"[^:@\[\]]+(:[0-9]+)?|\[[0-9A-Fa-f:.]+\](:[0-9]+)?")
_WITH_AT_SIGN = frozenset(("client_name", "clientname", "name", "password", "user", "username"))
"""Options of a URL's query whose values may have an @ in them."""
_OPTIONS = {
    "username": "REDIS_USERNAME",
    "password": "REDIS_PASSWORD",
    "ssl_ca_certs": "REDIS_CA_CERTS",
    "ssl_certfile": "REDIS_SSL_CERTFILE",
    "ssl_keyfile": "REDIS_SSL_KEYFILE",
    "ssl_cert_reqs": "REDIS_SSL_CERT_REQS",
}
"""Options of a URL's query, and the variables that they stand for."""


class UrlProblem(StrEnum):
    """Why clients do not read a URL as it was meant."""

    PASSWORD = "password"  # noqa: S105
    """A character before the @ is not percent-encoded."""
    FORM = "form"
    """Scheme, port or database is none that clients take."""


@dataclass(frozen=True, slots=True)
class RedisUrl:
    """An address, as the variables that it stands for."""

    variables: Mapping[str, str]
    """REDIS_HOST (of ``unix://`` the socket's path), REDIS_PORT, REDIS_DB, REDIS_SSL, and what it adds."""
    in_query: str = ""
    """The database of ``?db=``; empty where there is none."""
    in_path: str = ""
    """The database of the path; empty where there is none."""


def is_redis_url(text: str) -> bool:
    """Whether ``text`` begins as the URL of a Redis does."""
    return _URL.match(text.strip()) is not None


def read_url(url: str) -> RedisUrl | UrlProblem:
    """The address that clients take from ``url``; or what is wrong with it, of which nothing may be shown."""
    url = url.strip()
    if not is_redis_url(url):
        return UrlProblem.FORM
    scheme, _, rest = url.partition("://")
    if scheme.lower() != "unix" and not _escaped(rest):
        return UrlProblem.PASSWORD
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return UrlProblem.FORM
    scheme = parts.scheme.lower()
    options = _options(parts.query)
    in_query, in_path = options.get("db", ""), "" if scheme == "unix" else parts.path.strip("/")
    if not all(db.isascii() and db.isdecimal() for db in (in_query, in_path) if db):
        return UrlProblem.FORM
    if port == 0 or (scheme == "unix" and not parts.path):
        return UrlProblem.FORM
    variables = {
        "REDIS_HOST": decoded(parts.path if scheme == "unix" else parts.hostname or "localhost"),
        "REDIS_PORT": str(port or DEFAULT_PORT),
        "REDIS_DB": in_query or in_path or "0",
        "REDIS_SSL": "true" if scheme in ("rediss", "valkeys") else "false",
    }
    variables |= {name: options[option] for option, name in _OPTIONS.items() if option in options}
    if parts.username:
        variables["REDIS_USERNAME"] = decoded(parts.username)
    if parts.password:
        variables["REDIS_PASSWORD"] = decoded(parts.password)
    return RedisUrl(variables, in_query, in_path)


def _options(query: str) -> Mapping[str, str]:
    """What a URL's query says, by name; the first of equal names counts, as for redis-py."""
    options: dict[str, str] = {}
    for name, value in form_pairs(query):
        if value:
            options.setdefault(name, value)
    return options


def _escaped(rest: str) -> bool:
    """Whether what stands before the host is percent-encoded; ``rest`` is the URL without its scheme.

    An unescaped ``/``, ``?`` or ``#`` ends the host's part early, so that the real @ is found behind it.
    """
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    user_info, _, address = authority.rpartition("@")
    if not _USER_INFO.fullmatch(user_info):
        return False
    before_fragment, _, fragment = rest[len(authority) :].partition("#")
    path, _, query = before_fragment.partition("?")
    if "@" in path or "@" in fragment:
        return False
    with_at_sign = [option.partition("=")[0].lower() for option in query.split("&") if "@" in option]
    if not with_at_sign:
        return True
    return _WITH_AT_SIGN.issuperset(with_at_sign) and (
        not address or _HOST_AND_PORT.fullmatch(address) is not None
    )
