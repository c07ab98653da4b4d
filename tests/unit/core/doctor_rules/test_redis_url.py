"""Redis URLs: as redis-py reads them, and which of them clients read otherwise than they were meant."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from redis.connection import parse_url

from devenv.core.doctor_rules.redis_url import RedisUrl, UrlProblem, read_url

READ = [
    ("redis://cache.example", {"REDIS_HOST": "cache.example", "REDIS_PORT": "6379", "REDIS_DB": "0"}),
    ("redis://cache.example:6397/3", {"REDIS_PORT": "6397", "REDIS_DB": "3", "REDIS_SSL": "false"}),
    ("redis://cache.example:6379?db=3", {"REDIS_DB": "3"}),
    ("redis://cache.example/?db=3", {"REDIS_DB": "3"}),
    ("redis://cache.example/5?db=3", {"REDIS_DB": "3"}),
    ("redis://cache.example/3/", {"REDIS_DB": "3"}),
    ("rediss://cache.example/3", {"REDIS_DB": "3", "REDIS_SSL": "true"}),
    ("rediss://cache.example?ssl_cert_reqs=none&db=3", {"REDIS_DB": "3", "REDIS_SSL_CERT_REQS": "none"}),
    ("unix:///run/redis/redis.sock?db=3", {"REDIS_HOST": "/run/redis/redis.sock", "REDIS_DB": "3"}),
    ("unix://:pw@/run/r.sock", {"REDIS_HOST": "/run/r.sock", "REDIS_PASSWORD": "pw", "REDIS_DB": "0"}),
    ("unix:///run/redis.sock?db=3&password=p%40w", {"REDIS_PASSWORD": "p@w", "REDIS_DB": "3"}),
    ("redis://me:p%23w@[::1]:6380/3", {"REDIS_HOST": "::1", "REDIS_PASSWORD": "p#w", "REDIS_USERNAME": "me"}),
    ("redis://cache.example/3?client_name=a@b", {"REDIS_HOST": "cache.example", "REDIS_DB": "3"}),
    ("redis://:a:b@cache.example", {"REDIS_PASSWORD": "a:b"}),
    (" redis://cache.example/3\n", {"REDIS_DB": "3"}),
]  # fmt: skip
_AS_REDIS_PY = {
    "host": "REDIS_HOST", "path": "REDIS_HOST", "db": "REDIS_DB", "password": "REDIS_PASSWORD",
    "username": "REDIS_USERNAME", "port": "REDIS_PORT",
}  # fmt: skip


@pytest.mark.parametrize(("url", "expected"), READ, ids=[url for url, _ in READ])
def test_the_parts_of_a_url(url: str, expected: dict[str, str]) -> None:
    address = read_url(url)
    assert isinstance(address, RedisUrl)
    assert {name: address.variables[name] for name in expected} == expected


@pytest.mark.parametrize("url", [url.strip() for url, _ in READ])
def test_redis_py_reads_the_same(url: str) -> None:
    address = read_url(url)
    assert isinstance(address, RedisUrl)
    parsed = parse_url(url)  # type: ignore[no-untyped-call]
    theirs = {_AS_REDIS_PY[name]: str(value) for name, value in parsed.items() if name in _AS_REDIS_PY}
    assert {name: address.variables[name] for name in theirs} == theirs


def test_valkey_s_schemes_are_read_too() -> None:
    address = read_url("valkeys://cache.example/3")
    assert isinstance(address, RedisUrl)
    assert (address.variables["REDIS_DB"], address.variables["REDIS_SSL"]) == ("3", "true")


def test_two_databases_are_both_named() -> None:
    address = read_url("redis://cache.example/5?db=3")
    assert isinstance(address, RedisUrl)
    assert (address.in_query, address.in_path) == ("3", "5")


PASSWORDS = (
    "Kx9#pw",
    "a/b",
    "a?b",
    "p@w",
    "50%",
    "a%zz",
    "a[b",
    "a]b",
    "a b",
    "a\\b",
    "a|b",
    "ä",
    "1/2#3?4@5",
    "?a=b",
    "#",
)


@pytest.mark.parametrize("password", PASSWORDS)
@pytest.mark.parametrize("scheme", ["redis", "rediss"])
@pytest.mark.parametrize("user", ["", "default"])
def test_a_password_that_must_be_percent_encoded(password: str, scheme: str, user: str) -> None:
    for rest in ("", ":6379/0", ":6379?db=3"):
        raw = f"{scheme}://{user}:{password}@cache.internal.example{rest}"
        assert read_url(raw) is UrlProblem.PASSWORD
        address = read_url(raw.replace(f":{password}@", f":{quote(password, safe='')}@"))
        assert isinstance(address, RedisUrl)
        assert address.variables["REDIS_PASSWORD"] == password
        assert address.variables["REDIS_HOST"] == "cache.internal.example"


def test_a_port_before_a_slash_in_the_password_is_no_host() -> None:
    assert read_url("redis://user:123/45@cache.internal.example:6379/0") is UrlProblem.PASSWORD


@pytest.mark.parametrize(
    "url",
    [
        "http://cache.example", "cache.example:6379/0", "redis://cache.example:99999", "redis://c.example:0",
        "redis://cache.example/first", "redis://cache.example?db=first", "unix://", "redis:/c.example", "",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    assert read_url(url) is UrlProblem.FORM
