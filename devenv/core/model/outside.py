"""Does a variable's value look like an address outside this machine? A .env file may name production."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address

_URL = re.compile(
    r"(?<![A-Za-z0-9+.\-])[0-9+.\-]*+[A-Za-z][A-Za-z0-9+.\-]*+://(?:[^\s/@]*@)?(?P<host>\[[^\]\s]+\]|[^\s/:?#,;\"'\]}]+)"
)
_KEYED = re.compile(
    r"(?<![\w-])(?:host|hostaddr|hostname|server|data source|addr|address|endpoint)[\"']?\s*[=:]\s*"
    r"[\"']?(?:tcp:)?(?P<host>[^\s,;&\"'}\]]+)",
    re.IGNORECASE,
)
"""libpq's host=…, ODBC's Server=…, a URL's ?host=…, JSON's "host": …"""
_AUTHORITY = re.compile(r"(?:[^\s/@]+@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.\-]+)(?::\d{1,5})?(?:/\S*)?")
_DOTTED = re.compile(
    r"(?=.{4,253}\Z)(?:[A-Za-z0-9_](?:[A-Za-z0-9_\-]*[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9\-]*[A-Za-z0-9]\.?"
)
_MAYBE_IP = re.compile(r"\[?[0-9A-Fa-f]*[.:][0-9A-Fa-f.:]*(?:%[^\s\]]*)?\]?")
"""What else is no IP address; to ask the library about every word would cost several microseconds each."""
_WORD_ENDS = re.compile(r"[\s,;|]+")
_DSN_WORD_ENDS = re.compile(r"[\s,;|\"'(){}<>=]+|\btcp:")
_ADDRESS_NAME = re.compile(
    r"(?:^|_)(?:HOST|HOSTS|HOSTNAME|URL|URLS|URI|DSN|ENDPOINT|ENDPOINTS|ADDR|ADDRESS|SERVER|SERVERS|BROKER|"
    r"BROKERS|NODES|BASE|ORIGIN|DOMAIN)(?:$|_)"
)
_FILE_ENDINGS = (
    ".py", ".js", ".mjs", ".ts", ".json", ".yaml", ".yml", ".toml", ".txt", ".log", ".pem", ".crt", ".key",
    ".onnx", ".pt", ".h5", ".db", ".sqlite", ".png", ".jpg", ".html", ".conf", ".ini", ".env", ".lock",
)  # fmt: skip
_HERE = ("localhost", "localhost.localdomain", "ip6-localhost", "host.docker.internal")
_NO_HOST = ("true", "false", "none", "null", "0", "1", "yes", "no", "on", "off")


def looks_outside(name: str, value: str) -> bool:
    """Whether ``value`` names a host that is not this machine: a URL, a DSN, a host name, an IP address.

    Under a name that speaks of an address (``DB_HOST``) any single word counts as a host. An e-mail address,
    a file name and a version do not. What is only a key or a token is not seen: it names no place.
    """
    value = value.strip()
    # Each word is looked at once, however often the value repeats it.
    if any(not _is_here(host) for host in {match["host"] for match in _URL.finditer(value)}):
        return True
    if any(_is_host_outside(host, True) for host in {match["host"] for match in _KEYED.finditer(value)}):
        return True
    rest = _URL.sub(" ", value)
    named = _ADDRESS_NAME.search(name.upper()) is not None and rest == value
    if any(_is_host_outside(word, named) for word in set(_WORD_ENDS.split(rest)) if word):
        return True
    # Inside a DSN or JSON: user@tcp(host:3306)/db, Server=tcp:host,1433, {"at": "host"}.
    return rest == value and any(
        _is_host_outside(word, False) for word in set(_DSN_WORD_ENDS.split(value)) if word
    )


def outside(variables: Mapping[str, str], known: Iterable[str]) -> list[str]:
    """The names of ``variables`` that look outside and are not among ``known``, in their order."""
    sure = frozenset(known)
    return [name for name, value in variables.items() if name not in sure and looks_outside(name, value)]


def _is_host_outside(word: str, named: bool) -> bool:
    if not named and "." not in word and ":" not in word:
        return False
    if _is_ip(word):
        return not _is_here(word)
    match = _AUTHORITY.fullmatch(word)
    if match is None:
        return False
    host, user = match["host"], "@" in word.partition(match["host"])[0]
    if _is_here(host):
        return False
    if _is_ip(host):
        return True
    if user and ":" not in word:  # an e-mail address
        return named
    if host.lower().endswith(_FILE_ENDINGS) and not named:
        return False
    if _DOTTED.fullmatch(host):
        return True
    return named and host.lower() not in _NO_HOST and not host.isdecimal()


def _is_ip(host: str) -> bool:
    if not _MAYBE_IP.fullmatch(host):
        return False
    try:
        ip_address(host.strip("[]"))
    except ValueError:
        return False
    return True


def _is_here(host: str) -> bool:
    """Loopback, any-address, or a name for it."""
    bare = host.strip("[]").rstrip(".").lower()
    if bare in _HERE or bare.endswith(".localhost"):
        return True
    if not _MAYBE_IP.fullmatch(bare):
        return False
    try:
        address = ip_address(bare)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
