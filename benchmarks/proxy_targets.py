"""Starting and ending what is compared: pods, our proxy, other proxies; and loading one of them."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psutil

from benchmarks.proxy_roles import PODS

READY_SECONDS = 20.0


def free_port() -> int:
    """A TCP port on which nothing listens just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def missing(what: str, how: str) -> SystemExit:
    """Say what is missing and how to get it; gives what ends the program with 4."""
    print(f"{what} is needed for this comparison and was not found: {how}", file=sys.stderr)
    return SystemExit(4)


def find_program(name: str) -> str:
    """Its path, also where only root's PATH has it; exit 4 where it is not installed."""
    program = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/local/sbin")
    if program is None:
        package = "redis-server" if name == "redis-server" else name
        raise missing(name, f"apt-get install {package}")
    return program


@contextmanager
def process(
    command: Sequence[str], log: Path, port: int, env: dict[str, str] | None = None
) -> Iterator[psutil.Process]:
    """A child that listens on ``port`` within ``READY_SECONDS``; ended at the end."""
    with log.open("wb") as output:
        child = subprocess.Popen(
            command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=env
        )
    try:
        deadline = time.monotonic() + READY_SECONDS
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if child.poll() is not None or time.monotonic() > deadline:
                text = log.read_text(encoding="utf-8", errors="replace")
                print(f"{command[0]} does not listen on {port}:\n{text[-2000:]}", file=sys.stderr)
                raise SystemExit(4)
            time.sleep(0.02)
        yield psutil.Process(child.pid)
    finally:
        child.terminate()
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _self(*words: str) -> list[str]:
    return [sys.executable, str(Path(__file__).with_name("proxy.py").resolve()), *words]


def start_pods(kind: str, folder: Path, stack: ExitStack) -> list[int]:
    """Two upstreams of one kind; their ports."""
    ports = [free_port(), free_port()]
    if kind == "trivial":
        for port in ports:
            words = _self("--role", "trivial", "--port", str(port))
            stack.enter_context(process(words, folder / f"{kind}-{port}.log", port))
        return ports
    redis_port = free_port()
    redis = [find_program("redis-server"), "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
    stack.enter_context(process([*redis, "--dir", str(folder)], folder / "redis.log", redis_port))
    for name, port in zip(PODS, ports, strict=True):
        env = {
            **os.environ,
            "POD_NAME": name,
            "USE_REDIS": "true",
            "SESSION_STRATEGY": "atomic",
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(redis_port),
            "ML_SERVICE_URL": "http://127.0.0.1:9",
        }
        command = [sys.executable, "-m", "uvicorn", "devenv.captcha_api.app:app", "--no-access-log"]
        command += ["--host", "127.0.0.1", "--port", str(port)]
        stack.enter_context(process(command, folder / f"{name}.log", port, env))
    return ports


NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx-error.log warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/temp; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  keepalive_requests 100000000;
  upstream pods {{
    server 127.0.0.1:{a} max_fails=0; server 127.0.0.1:{b} max_fails=0;
    keepalive 64; keepalive_requests 100000000;
  }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://pods; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Request-Id $request_id;
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Proto $scheme;
    }}
  }}
}}
"""

HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  option http-keep-alive
  option forwardfor
  http-reuse always
frontend traffic
  bind 127.0.0.1:{port}
  http-request set-header X-Request-Id %[uuid()]
  http-request set-header X-Forwarded-Proto http
  default_backend pods
backend pods
  balance roundrobin
  server a 127.0.0.1:{a}
  server b 127.0.0.1:{b}
"""


@dataclass
class Target:
    """Something to load: where it listens, its processes (none for direct) and what was measured."""

    name: str
    ports: Sequence[int]
    process: psutil.Process | None
    rounds: list[dict[str, float]] = field(default_factory=list)

    def cpu_seconds(self) -> float:
        """CPU time of its processes so far."""
        if self.process is None:
            return 0.0
        family = [self.process, *self.process.children(recursive=True)]
        return float(sum(one.cpu_times().user + one.cpu_times().system for one in family))

    def best(self) -> float:
        """Requests per second of its best round."""
        return max(one["rps"] for one in self.rounds)

    def errors(self) -> int:
        """Requests that failed, of all rounds."""
        return int(sum(one["errors"] for one in self.rounds))

    def median_of(self, name: str) -> float:
        """The median over the rounds."""
        return round(median(one[name] for one in self.rounds), 3)


def start_builds(other: Path, pods: Sequence[int], folder: Path, stack: ExitStack) -> list[Target]:
    """Our proxy and that of the checkout ``other`` in front of the same pods."""
    checkouts = {"ours": (Path(sys.executable), Path(__file__).with_name("proxy.py").resolve())}
    checkouts["other"] = (other / ".venv/bin/python", other / "benchmarks/proxy.py")
    targets = []
    for name, (python, script) in checkouts.items():
        port = free_port()
        words = [str(python), str(script), "--role", "ours", "--port", str(port), "--pods", *map(str, pods)]
        child = stack.enter_context(process(words, folder / f"{name}.log", port))
        targets.append(Target(name, [port], child))
    return targets


def start_proxies(pods: Sequence[int], folder: Path, stack: ExitStack) -> list[Target]:
    """All proxies in front of the same pods."""
    values = {"folder": folder, "a": pods[0], "b": pods[1]}
    targets = [Target("direct", pods, None)]
    port = free_port()
    words = _self("--role", "ours", "--port", str(port), "--pods", *map(str, pods))
    targets.append(Target("ours", [port], stack.enter_context(process(words, folder / "ours.log", port))))
    for name, template, command in (
        ("nginx", NGINX, ["-p", str(folder), "-c"]),
        ("haproxy", HAPROXY, ["-f"]),
    ):
        port = free_port()
        config = folder / f"{name}.conf"
        config.write_text(template.format(port=port, **values), encoding="utf-8")
        words = [find_program(name), *command, str(config)]
        child = stack.enter_context(process(words, folder / f"{name}.log", port))
        targets.append(Target(name, [port], child))
    return targets


def load(kind: str, target: Target, connections: int, seconds: float) -> None:
    """One round on one target, from a process of its own."""
    words = _self("--role", "load", "--kind", kind, "--seconds", str(seconds))
    words += ["--connections", str(connections), "--pods", *map(str, target.ports)]
    before = target.cpu_seconds()
    done = subprocess.run(words, capture_output=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        raise SystemExit(f"{kind} through {target.name}: {done.stderr.strip()}")
    result = json.loads(done.stdout)
    result["cpu_us"] = (target.cpu_seconds() - before) / result["answers"] * 1e6
    target.rounds.append(result)
