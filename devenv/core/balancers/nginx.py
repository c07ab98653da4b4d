"""nginx: its policies, and an nginx.conf (https://nginx.org/en/docs/http/ngx_http_upstream_module.html)."""

from __future__ import annotations

import re

from devenv.core.balancers.setting import (
    CLIENT_HEADER,
    DURATION,
    NUMBER,
    ON_OFF,
    BalancerSetting,
    Option,
    Place,
    Product,
)

FILE = "nginx.conf"
STREAM = "stream"
_METHODS = {
    "round_robin": "",
    "least_conn": "least_conn;",
    "ip_hash": "ip_hash;",
    "hash_remote_port": "hash $remote_port;",
    "hash_request_uri": "hash $request_uri;",
    "random": "random;",
    "random_two": "random two least_conn;",
    "sticky_cookie": "sticky cookie srv;",
    STREAM: "",
}
POLICIES = {
    "round_robin": "each server in turn; one turn per worker process without zone=on",
    "least_conn": "the server with the fewest connections; in turn among equals",
    "ip_hash": "by the first three numbers of the client's IPv4 address",
    "hash_remote_port": "hash $remote_port: by the client's port, so by connection",
    "hash_request_uri": "hash $request_uri: by the path and query",
    "random": "a random server",
    "random_two": "random two least_conn: the less busy of two random servers",
    "sticky_cookie": "sticky cookie srv: the server that the cookie names (nginx 1.29.6 and newer)",
    STREAM: "the stream module: a server in turn for each TCP connection",
}
OPTIONS = {
    "zone": Option(ON_OFF, "on or off: one state for all worker processes"),
    "max_fails": Option(NUMBER, "a number: failures after which a server is kept out; 0: never"),
    "fail_timeout": Option(DURATION, "a time, as 10s: how long a server is kept out"),
    "proxy_next_upstream": Option(
        re.compile(r"off|non_idempotent"), "off, or non_idempotent: a POST is sent to the next server too"
    ),
    "reuseport": Option(ON_OFF, "on or off: a listening socket for each worker process"),
}
KEPT = 32
"""Idle connections to servers that each worker keeps with keepalive=on."""


def files(setting: BalancerSetting, place: Place) -> dict[str, str]:
    """nginx.conf; paths in it are relative to the folder that ``-p`` names."""
    lines = [
        "daemon off;",
        # One process is itself the worker: it leaves nothing behind, however it is ended.
        "master_process off;" if setting.workers == 1 else f"user {place.user};" if place.user else "",
        f"worker_processes {setting.workers};",
        "pid nginx.pid;",
        "error_log stderr;",
        "events { worker_connections 1024; }",
        *(_stream(setting, place) if setting.policy == STREAM else _http(setting, place)),
    ]
    return {FILE: "\n".join(line for line in lines if line) + "\n"}


def _http(setting: BalancerSetting, place: Place) -> list[str]:
    tried = setting.option("proxy_next_upstream")
    next_upstream = "error timeout non_idempotent" if tried == "non_idempotent" else tried
    return [
        "http {",
        "  access_log off;",
        *(
            f"  {kind}_temp_path {kind}_temp;"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        ),
        *_upstream(setting, place),
        "  server {",
        f"    listen {_listen(setting, place)};",
        "    location / {",
        "      proxy_pass http://pods;",
        "      proxy_set_header Host $http_host;",
        "      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        f"      proxy_set_header {CLIENT_HEADER} $remote_addr:$remote_port;",
        *(f"      {line}" for line in _connections(setting)),
        *([f"      proxy_next_upstream {next_upstream};"] if tried else []),
        "    }",
        "  }",
        "}",
    ]


def _stream(setting: BalancerSetting, place: Place) -> list[str]:
    return [
        "stream {",
        *_upstream(setting, place),
        "  server {",
        f"    listen {_listen(setting, place)};",
        "    proxy_pass pods;",
        "  }",
        "}",
    ]


def _listen(setting: BalancerSetting, place: Place) -> str:
    return f"{place.host}:{place.port}" + (" reuseport" if setting.option("reuseport") == "on" else "")


def _upstream(setting: BalancerSetting, place: Place) -> list[str]:
    limits = "".join(
        f" {name}={value}" for name, value in setting.options if name in ("max_fails", "fail_timeout")
    )
    return [
        "  upstream pods {",
        *(["    zone pods 64k;"] if setting.option("zone") == "on" else []),
        *([f"    {method}"] if (method := _METHODS[setting.policy]) else []),
        *(f"    server {server.host}:{server.port}{limits};" for server in place.servers),
        *([f"    keepalive {KEPT};"] if setting.keepalive and setting.policy != STREAM else []),
        "  }",
    ]


def _connections(setting: BalancerSetting) -> list[str]:
    """Also for nginx before 1.29.7, which keeps no connection by itself."""
    if setting.keepalive is None:
        return []
    header = '""' if setting.keepalive else "close"
    return ["proxy_http_version 1.1;", f"proxy_set_header Connection {header};"]


def arguments(setting: BalancerSetting) -> list[str]:
    """With what is wrong on standard error, also before the file is read."""
    return ["-e", "stderr", "-p", ".", "-c", FILE]


PRODUCT = Product(
    name="nginx",
    file=FILE,
    policies=POLICIES,
    options=OPTIONS,
    files=files,
    arguments=arguments,
    workers="worker_processes",
    complaints=re.compile(r"\[(?:emerg|alert|crit|error)\] .*"),
)
