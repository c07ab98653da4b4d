"""Whole files whose parts refer to each other: a recording of many entries costs what it is long, too.

A shape of ``tests/hostile.py`` is one text in one place. Here a value that one part gives stands in another.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from devenv.core.balancers.own_file import own_file, upstreams_of
from devenv.core.model.presets import CAPTCHA
from devenv.verbs.recordings.composing import ImportOptions, compose, compose_log
from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.har import parse_har

Entry = dict[str, Any]


def _entry(number: int, path: str, *, body: object = None, answer: object = None, **fields: Any) -> Entry:
    """One entry of a HAR, 10 ms after the one before; ``fields``: status, time, headers, worker."""
    milliseconds = 10 * number
    hour, minute = milliseconds // 3_600_000, milliseconds // 60_000 % 60
    request: Entry = {"method": "POST", "url": f"http://a{path}", "headers": []}
    if body is not None:
        request["postData"] = {"mimeType": "application/json", "text": json.dumps(body)}
    given = [{"name": name, "value": value} for name, value in fields.get("headers", ())]
    return {
        "startedDateTime": f"2026-01-01T{hour:02}:{minute:02}:{milliseconds / 1000 % 60:06.3f}Z",
        "time": fields.get("time", 1),
        "request": request,
        "response": {
            "status": fields.get("status", 200),
            "headers": [{"name": "content-type", "value": "application/json"}, *given],
            "content": {"mimeType": "application/json", "text": json.dumps(answer or {})},
        },
        **({"_serviceWorkerRef": "w"} if fields.get("worker") else {}),
    }  # fmt: skip


_CREATE = _entry(0, "/api/abstract-captcha", answer={"challenge_id": "abcdefgh-1234"})


def _har(entries: list[Entry]) -> str:
    return json.dumps({"log": {"entries": [_CREATE, *entries]}})


def _entries(make: Callable[[int], Entry]) -> Callable[[int], str]:
    """About so many characters of entries, made from their numbers."""
    each = len(json.dumps(make(1)))
    return lambda size: _har([make(number) for number in range(1, size // each + 2)])


def _given_then(give: Callable[[int], Entry], ask: Callable[[int], Entry]) -> Callable[[int], str]:
    """One entry that gives much, in half of the characters, and then entries that ask."""
    each = len(json.dumps(ask(1)))
    return lambda size: _har([give(size // 2), *(ask(number) for number in range(1, size // 2 // each + 2))])


def _worker(number: int) -> Entry:
    """Requests of a page at once, and behind them those that its worker sent, later than all."""
    return _entry(number, "/api/x", body={}, time=1, worker=number % 2 == 1)


def _secret_form(number: int) -> Entry:
    return _entry(number, "/api/x", body={f"password{number}": f"a%20{number}"})


def _lines(line: Callable[[int], str]) -> Callable[[int], str]:
    return lambda size: "".join(line(number) for number in range(size // len(line(1)) + 1))


def _log(client: str, path: str) -> Callable[[int], str]:
    line = ' - - [01/Jan/2026:00:00:00 +0000] "POST /api/abstract-{} HTTP/1.1" 200 1\n'
    return _lines(lambda number: client.format(number % 250) + line.format(path.format(number)))


def _read_har(text: str) -> object:
    return compose(parse_har(text, "a.har"), CAPTCHA, ImportOptions())


def _read_curl(text: str) -> object:
    return compose(parse_curl(text, "a.sh"), CAPTCHA, ImportOptions())


def _read_log(text: str) -> object:
    return compose_log(text.splitlines(keepends=True), "a.log", CAPTCHA, ImportOptions())


def _read_nginx(text: str) -> object:
    return upstreams_of(own_file("nginx.conf", text))


def _read_caddy(text: str) -> object:
    return upstreams_of(own_file("Caddyfile", text))


def _read_haproxy(text: str) -> object:
    return upstreams_of(own_file("haproxy.cfg", text))


_CURL = "curl http://a/api/abstract-captcha"

FILES: Mapping[str, tuple[Callable[[str], object], Callable[[int], str]]] = {
    "HAR, each redirects to the next": (
        _read_har,
        _entries(lambda n: _entry(n, f"/api/{n}", status=307, headers=[("location", f"/api/{n + 1}")])),
    ),
    "HAR, all redirect to one": (
        _read_har,
        _entries(lambda n: _entry(n, "/api/x", status=307, headers=[("location", "/api/x")])),
    ),
    "HAR, a page and its worker": (_read_har, _entries(_worker)),
    "HAR, many values, then requests": (
        _read_har,
        _given_then(
            lambda size: _entry(1, "/api/x", answer={f"k{n}": f"zz{n:08}" for n in range(size // 24)}),
            lambda n: _entry(n, f"/api/{n}", body={"a": f"zz{n:08}"}),
        ),
    ),
    "HAR, many links, then requests": (
        _read_har,
        _given_then(
            lambda size: _entry(1, "/api/x", answer={"links": [f"/x/{n:08}" for n in range(size // 16)]}),
            lambda n: _entry(n, f"/x/{n:08}/y"),
        ),
    ),
    "HAR, each sends what the last gave": (
        _read_har,
        _entries(lambda n: _entry(n, "/api/x", body={"a": f"v-{n - 1:08}"}, answer={"b": f"v-{n:08}"})),
    ),
    "HAR, each has its own secret name": (_read_har, _entries(_secret_form)),
    "HAR, many cookies at once": (
        _read_har,
        lambda size: _har(
            [_entry(1, "/api/x", headers=[("set-cookie", f"c{n}=v{n:08}") for n in range(size // 50)])]
        ),
    ),
    "HAR, all overlap": (
        _read_har,
        _entries(lambda n: _entry(n, "/api/abstract-verify", body={"challenge_id": "abcdefgh"}, time=1e9)),
    ),
    "curl, one header often": (_read_curl, lambda size: _CURL + " -H a:b" * (size // 8)),
    "curl, much to many URLs": (
        _read_curl,
        lambda size: f"{_CURL} -d {'a' * (size // 2)}" + " http://a/b" * (size // 22),
    ),
    "curl, queries to many URLs": (
        _read_curl,
        lambda size: _CURL + " --url-query a" * (size // 28) + " http://a/b" * (size // 22),
    ),
    "curl, headers to many URLs": (
        _read_curl,
        lambda size: (
            _CURL + "".join(f" -H a{n}:b" for n in range(size // 24)) + " http://a/b" * (size // 22)
        ),
    ),
    "curl, short commands": (_read_curl, lambda size: "curl a;" * (size // 7)),
    "curl, different URLs": (_read_curl, lambda size: "curl" + "".join(f" a/{n}" for n in range(size // 8))),
    "log, ids in queries": (_read_log, _log("10.0.0.{}", "verify?challenge_id=i{:08}")),
    "log, one client that only uses": (_read_log, _log("10.0.0.1", "verify")),
    "nginx, one upstream of many servers": (
        _read_nginx, lambda size: "http { upstream a {" + "server a:1;\n" * (size // 12) + "}}",
    ),
    "nginx, one directive of many words": (_read_nginx, lambda size: "http { a " + "b " * (size // 2) + ";}"),
    "nginx, blocks in blocks": (_read_nginx, lambda size: "http {" * (size // 7) + "}" * (size // 7)),
    "nginx, many servers that pass on": (
        _read_nginx,
        lambda size: (
            "http {" + "server { listen 80; location / { proxy_pass http://a:1; } }\n" * (size // 60) + "}"
        ),
    ),
    "nginx, headers that all inherit": (
        _read_nginx,
        lambda size: (
            "http { server { " + "proxy_set_header a b;" * (size // 42)
            + "location / { proxy_pass http://a:1; }" * (size // 74) + "} }"
        ),
    ),
    "Caddy, blocks in blocks": (_read_caddy, lambda size: "a {\n" * (size // 6) + "}\n" * (size // 6)),
    "Caddy, many proxies of one site": (
        _read_caddy, lambda size: ":80 {\n" + " reverse_proxy /a b:1\n" * (size // 22) + "}\n",
    ),
    "HAProxy, many backends": (
        _read_haproxy,
        lambda size: "frontend f\n bind :80\n default_backend a0\n"
        + "".join(f"backend a{n}\n server b c:1\n" for n in range(size // 28)),
    ),
}  # fmt: skip
"""By name: what reads it, and what makes about so many characters of it."""
