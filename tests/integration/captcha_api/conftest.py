"""Real parts: redis-server, mock_ml and pods (uvicorn), each a process of its own on a free port."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import redis

from devenv.stack.embedded.warm_client import SOCKET
from tests.support import HANG_GUARD_S, free_port, kill_program, redis_command, start_program, until


def end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait(HANG_GUARD_S)


class RedisServer:
    """A redis-server that can be paused and killed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = free_port()
        self.client: redis.Redis = redis.Redis(port=self.port, decode_responses=True)
        self.start()

    def start(self) -> None:
        command = redis_command(self.port, self._folder)
        with (self._folder / "redis.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._answers, "redis-server answers")

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    def pause(self) -> None:
        psutil.Process(self.process.pid).suspend()

    def resume(self) -> None:
        psutil.Process(self.process.pid).resume()

    def stop(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self.resume()
        end(self.process)

    def document(self, key: str) -> Any:
        return json.loads(str(self.client.get(key)))

    def commands_of(self, action: Callable[[], Any]) -> list[str]:
        """The commands (names only, handshakes and those of scripts left out) that ``action`` causes."""
        with socket.create_connection(("127.0.0.1", self.port)) as monitor, monitor.makefile("rb") as lines:
            monitor.sendall(b"MONITOR\r\n")
            assert lines.readline() == b"+OK\r\n"
            action()
            self.client.echo("the end")
            names: list[str] = []
            for line in lines:
                # +<time> [<db> <address, or lua>] "<command>" "<argument>" ...
                _, _, origin, name = line.decode("utf-8", "replace").split(" ", 4)[:4]
                name = name.strip().strip('"').upper()
                if name == "ECHO":
                    return names
                if origin != "lua]" and name not in ("HELLO", "CLIENT", "PING", "SELECT"):
                    names.append(name)
        raise AssertionError("MONITOR ended")


class Server:
    """Uvicorn with an app, on a port of its own choosing: a fork of the test run's warm process."""

    def __init__(self, app: str, env: Mapping[str, str], log: Path, *options: str) -> None:
        self.log = log
        command = [sys.executable, "-m", "uvicorn", app, "--host", "127.0.0.1", "--port", "0", *options]
        full = {**os.environ, "PYTHONUNBUFFERED": "1", **env}
        if "--workers" in options:  # it starts interpreters of its own
            full.pop(SOCKET, None)
        self.process = start_program(command, full, log)
        result = until(self._address, f"{app} listens ({log})")
        self.url = f"http://127.0.0.1:{result}"
        self.http = httpx.Client(base_url=self.url, timeout=HANG_GUARD_S, trust_env=False)
        until(self._answers, f"{app} answers")

    def text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def _address(self) -> str | None:
        assert self.process.poll() is None, self.text()
        match = re.search(r"running on http://127\.0\.0\.1:(\d+)", self.text())
        return match.group(1) if match else None

    def _answers(self) -> bool:
        try:
            return self.http.get("/health").status_code == 200
        except httpx.TransportError:
            return False

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        """The JSON of a 200 reply."""
        reply = self.http.post(path, json=body, **options)
        assert reply.status_code == 200, (reply.status_code, reply.text)
        return reply.json()

    def lines(self) -> list[dict[str, Any]]:
        """The structured log."""
        return [json.loads(line) for line in self.text().splitlines() if line.startswith("{")]

    def stop(self) -> None:
        self.http.close()
        for child in psutil.Process(self.process.pid).children(recursive=True):
            child.kill()
        kill_program(self.process)


class World:
    """Starts pods around one Redis and one ML service, and knows the right answers."""

    def __init__(self, redis_server: RedisServer, ml: Server, folder: Path) -> None:
        self.redis = redis_server
        self.ml = ml
        self._folder = folder
        self._count = 0

    def pod(self, name: str, *options: str, **env: str) -> Server:
        self._count += 1
        settings = {
            "POD_NAME": name,
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(self.redis.port),
            "ML_SERVICE_URL": self.ml.url,
            **env,
        }
        log = self._folder / f"{name}-{self._count}.log"
        return Server("devenv.captcha_api.app:app", settings, log, "--no-access-log", *options)

    def oracle(self, **query: str) -> Any:
        return self.ml.http.get("/oracle", params=query).json()

    def abstract_answer(self, challenge: Mapping[str, Any]) -> list[int]:
        target = challenge["target_class"]
        return [i["id"] for i in challenge["images"] if self.oracle(url=i["url"])["class"] == target]

    def grid_answer(self, challenge: Mapping[str, Any]) -> Sequence[int]:
        message = self.oracle(url=challenge["url"], label=challenge["target_label"])
        cells: list[int] = message["correct_cells"]
        return cells

    def written(self, challenge: Mapping[str, Any]) -> str:
        return str(self.oracle(url=challenge["samples"][0])["image_base64"])

    def written_wrong(self, challenge: Mapping[str, Any]) -> str:
        """Some other word, written."""
        word = self.oracle(url=challenge["samples"][0])["class"]
        classes = self.ml.http.get("/catalog").json()["classes"]
        other = next(item for item in classes if item["name"] != word)
        return str(self.oracle(url=other["handwriting"][0])["image_base64"])

    def new(self, pod: Server, kind: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """A challenge of the kind: the verify path, the body that is right, the body that is wrong."""
        if kind == "abstract":
            challenge = pod.post("/api/abstract-captcha")
            challenge_id, right = {"challenge_id": challenge["challenge_id"]}, self.abstract_answer(challenge)
            wrong = [i for i in range(9) if i not in right]
            return (
                "/api/abstract-verify",
                {**challenge_id, "selections": right},
                {**challenge_id, "selections": wrong},
            )
        if kind == "imagegrid":
            challenge = pod.post("/api/imagecaptcha-challenge")
            challenge_id, cells = {"challenge_id": challenge["challenge_id"]}, self.grid_answer(challenge)
            others = [cell for cell in range(1, 10) if cell not in cells]
            return (
                "/api/imagecaptcha-verify",
                {**challenge_id, "selections": cells},
                {**challenge_id, "selections": others},
            )
        challenge = pod.post("/api/handwriting-challenge")
        challenge_id = {key: challenge[key] for key in ("challenge_id",) if key in challenge}
        return (
            "/api/handwriting-verify",
            {**challenge_id, "image_base64": self.written(challenge)},
            {**challenge_id, "image_base64": self.written_wrong(challenge)},
        )


class ReplyEater:
    """A TCP relay to Redis that loses replies: while armed, it closes the connection when the reply to a
    command arrives that holds ``word``, so that the command ran and nobody was told."""

    def __init__(self, port: int) -> None:
        self._upstream = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.word = b""
        self.eaten = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def arm(self, word: bytes) -> None:
        self.word = word

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._relay, args=(client,), daemon=True).start()

    def _relay(self, client: socket.socket) -> None:
        eating = threading.Event()
        with client, socket.create_connection(("127.0.0.1", self._upstream)) as server:
            threading.Thread(target=self._replies, args=(server, client, eating), daemon=True).start()
            with contextlib.suppress(OSError):
                while data := client.recv(65536):
                    if self.word and self.word in data:
                        self.word = b""
                        eating.set()
                    server.sendall(data)

    def _replies(self, server: socket.socket, client: socket.socket, eating: threading.Event) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if eating.is_set():
                    self.eaten += 1
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(data)


@pytest.fixture(scope="session")
def ml_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    log = tmp_path_factory.mktemp("ml") / "mock_ml.log"
    server = Server("mock_ml.app:app", {"MOCK_ML_SEED": "1"}, log, "--no-access-log")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def shared_world(
    shared_redis: RedisServer, ml_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> World:
    return World(shared_redis, ml_server, tmp_path_factory.mktemp("pods"))


@pytest.fixture
def world(shared_world: World) -> World:
    """The shared parts, with an empty Redis."""
    shared_world.redis.client.flushall()
    return shared_world


@pytest.fixture
def own_world(ml_server: Server, tmp_path: Path) -> Iterator[World]:
    """With a Redis of its own, to be stopped and paused."""
    server = RedisServer(tmp_path)
    yield World(server, ml_server, tmp_path)
    server.stop()


def _shared_pods(world: World, names: Sequence[str], **env: str) -> Iterator[list[Server]]:
    pods = [world.pod(name, **env) for name in names]
    yield pods
    for pod in pods:
        pod.stop()


@pytest.fixture(scope="session")
def shared_memory_pod(shared_world: World) -> Iterator[list[Server]]:
    yield from _shared_pods(shared_world, ["memory"], USE_REDIS="false", SUCCESS_REDIRECT_URL="/done")


@pytest.fixture(scope="session")
def shared_guide_pods(shared_world: World) -> Iterator[list[Server]]:
    env = {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"}
    yield from _shared_pods(shared_world, ["guide-a", "guide-b"], **env)


@pytest.fixture(scope="session")
def shared_atomic_pods(shared_world: World) -> Iterator[list[Server]]:
    yield from _shared_pods(shared_world, ["atomic-a", "atomic-b"], USE_REDIS="true")


@pytest.fixture
def memory_pod(shared_memory_pod: list[Server], world: World) -> Server:
    return shared_memory_pod[0]


@pytest.fixture
def guide_pods(shared_guide_pods: list[Server], world: World) -> list[Server]:
    return shared_guide_pods


@pytest.fixture
def atomic_pods(shared_atomic_pods: list[Server], world: World) -> list[Server]:
    return shared_atomic_pods


@pytest.fixture
def eater(world: World) -> Iterator[ReplyEater]:
    relay = ReplyEater(world.redis.port)
    yield relay
    relay.close()
