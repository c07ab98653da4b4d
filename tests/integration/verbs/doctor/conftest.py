"""Real redis-servers of every kind that the doctor tells apart; started once, all at the same time."""

from __future__ import annotations

import contextlib
import http.server
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import psutil
import pytest
import redis
import trustme

from devenv.stack.embedded import redis_server
from devenv.stack.embedded.redis_cluster import Node, options, write_config
from devenv.verbs.doctor.usecase import DoctorOptions, Examined, examine
from tests.support import HANG_GUARD_S, free_port, free_ports, redis_program, until

PASSWORD = "correct-horse"
ACL_USER = "captcha"
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


class _Web(http.server.BaseHTTPRequestHandler):
    def log_message(self, *words: object) -> None:
        """Nothing."""


@dataclass
class World:
    """``port``: every server's port by its name, and ``closed``, where nobody listens; ``file``: the CAs."""

    folder: Path
    port: dict[str, int] = field(default_factory=dict)
    file: dict[str, str] = field(default_factory=dict)
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str, *words: str, port: int | None = None) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        number = port if port is not None else free_port()
        plain = [] if "--tls-port" in words else ["--port", str(number)]
        words = tuple(word.replace("{port}", str(number)) for word in words)
        command = redis_program(*plain, "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *words)
        with (folder / "log").open("wb") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)
        self.port[name] = number

    def client(self, name: str, **options: object) -> redis.Redis:
        made: redis.Redis = redis.Redis(port=self.port[name], decode_responses=True, **options)  # type: ignore[arg-type]
        return made

    def listens(self, name: str) -> bool:
        assert self.processes[name].poll() is None, (self.folder / name / "log").read_text()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port[name]), 1):
            return True
        return False

    def stop(self) -> None:
        for process in self.processes.values():
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(process.pid).resume()
            process.kill()
            process.wait(HANG_GUARD_S)


def _tls(world: World, name: str, ca: trustme.CA, leaf: trustme.LeafCert, *more: str) -> None:
    folder = world.folder / name
    folder.mkdir()
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    (folder / "cert.pem").write_bytes(b"".join(pem.bytes() for pem in leaf.cert_chain_pems))
    ca.cert_pem.write_to_path(str(folder / "ca.pem"))
    files = ("--tls-cert-file", "cert.pem", "--tls-key-file", "key.pem", "--tls-ca-cert-file", "ca.pem")
    world.start(name, "--port", "0", "--tls-port", "{port}", *files, *more)


def _tls_servers(world: World) -> None:
    ours, other = trustme.CA(), trustme.CA()
    for name, ca in (("ca", ours), ("other-ca", other)):
        world.file[name] = str(world.folder / f"{name}.pem")
        ca.cert_pem.write_to_path(world.file[name])
    lax = ("--tls-auth-clients", "no")
    good = ours.issue_cert("127.0.0.1", "localhost")
    _tls(world, "tls", ours, good, *lax)
    _tls(world, "tls-password", ours, good, *lax, "--requirepass", PASSWORD)
    _tls(world, "tls-mutual", ours, good)
    _tls(world, "tls-name", ours, ours.issue_cert("redis.example"), *lax)
    old = ours.issue_cert("127.0.0.1", not_before=LONG_AGO, not_after=LONG_AGO + timedelta(days=90))
    _tls(world, "tls-expired", ours, old, *lax)
    client = ours.issue_cert("captcha-api.example")
    for name, blob in (("client-cert", client.cert_chain_pems[0]), ("client-key", client.private_key_pem)):
        world.file[name] = str(world.folder / f"{name}.pem")
        blob.write_to_path(world.file[name])


def _cluster(world: World, names: Sequence[str]) -> None:
    ports = free_ports(2 * len(names))
    nodes = [Node("127.0.0.1", ports[n], ports[len(names) + n]) for n in range(len(names))]
    for position, name in enumerate(names):
        folder = world.folder / name
        folder.mkdir()
        write_config(nodes, position, folder, shards=redis_server.find().names_shards)
        given = options(nodes[position].bus_port)
        world.start(name, *(word for pair in given.items() for word in pair), port=nodes[position].port)


def _far_cluster(world: World) -> None:
    """One master that announces an address of this machine at which nobody listens."""
    ports = free_ports(2)
    given = options(ports[1]) | {"--cluster-announce-ip": "127.0.0.99"}
    world.start("far-cluster", *(word for pair in given.items() for word in pair), port=ports[0])


def _serves(world: World, name: str) -> bool:
    return "cluster_state:ok" in str(world.client(name).execute_command("CLUSTER", "INFO"))  # type: ignore[no-untyped-call]


@pytest.fixture(scope="session")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("servers"))
    web = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    try:
        world.port |= {"closed": free_port(), "http": web.server_address[1]}
        world.start("plain")
        world.start("other")
        world.start("password", "--requirepass", PASSWORD)
        world.start("acl")
        world.start("evicting", "--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru")
        world.start("roomy", "--maxmemory", "100mb", "--maxmemory-policy", "noeviction")
        world.start("unlimited", "--maxmemory-policy", "allkeys-lru")
        world.start("full", "--maxmemory", "100kb")
        world.start("paused")
        world.start("replica", "--replicaof", f"127.0.0.1 {world.port['plain']}")
        _tls_servers(world)
        _cluster(world, ("cluster", "cluster-2", "cluster-3"))
        _far_cluster(world)
        for name in world.processes:
            until(partial(world.listens, name), f"{name} listens")
        acl = world.client("acl")
        acl.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", ACL_USER, "on", f">{PASSWORD}", "~rcaptcha:*", "+@all", "-@dangerous", "-@admin"
        )
        acl.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", "reader", "on", f">{PASSWORD}", "~rcaptcha:*", "+@all", "-set", "-setex"
        )
        acl.execute_command(  # type: ignore[no-untyped-call]
            "ACL", "SETUSER", "unscripted", "on", f">{PASSWORD}", "~rcaptcha:*", "+@all", "-@scripting"
        )
        acl.execute_command("ACL", "SETUSER", "default", "off")  # type: ignore[no-untyped-call]
        world.client("far-cluster").execute_command("CLUSTER", "ADDSLOTSRANGE", 0, 16383)  # type: ignore[no-untyped-call]
        for name in ("cluster", "cluster-2", "cluster-3", "far-cluster"):
            until(partial(_serves, world, name), f"{name} serves")
        until(lambda: b"master_link_status:up" in _replication(world), "the replica follows")
        psutil.Process(world.processes["paused"].pid).suspend()
        yield world
    finally:
        world.stop()
        web.shutdown()
        web.server_close()


def _replication(world: World) -> bytes:
    with socket.create_connection(("127.0.0.1", world.port["replica"])) as link:
        link.sendall(b"INFO replication\r\n")
        return link.recv(4096)


@pytest.fixture
def doctor(servers: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Doctor]:
    """In an empty folder, with empty servers."""
    monkeypatch.chdir(tmp_path)
    yield Doctor(servers, tmp_path)
    for name in ("plain", "other", "roomy"):
        servers.client(name).flushall()


@dataclass(frozen=True)
class Doctor:
    """Examines settings given as text, in which ``{port[plain]}``, ``{file[ca]}`` stand for the world's."""

    world: World
    folder: Path

    def write(self, name: str, text: str) -> Path:
        path = self.folder / name
        path.write_text(self.put(text), encoding="utf-8")
        return Path(name)

    def put(self, text: str) -> str:
        """Only these braces are replaced: manifests have others."""
        for kind, names in (("port", self.world.port), ("file", self.world.file)):
            for name, value in names.items():
                text = text.replace(f"{{{kind}[{name}]}}", str(value))
        return text

    def env(self, *texts: str, **options: object) -> Examined:
        names = ("a.env", "b.env", "c.env")
        files = tuple(self.write(name, text) for name, text in zip(names, texts, strict=False))
        return self.of(DoctorOptions(env_files=files, **options))  # type: ignore[arg-type]

    def k8s(self, *texts: str, **options: object) -> Examined:
        files = tuple(self.write(f"m{n}.yaml", text) for n, text in enumerate(texts, start=1))
        return self.of(DoctorOptions(manifests=files, **options))  # type: ignore[arg-type]

    def of(self, options: DoctorOptions) -> Examined:
        return examine(options, "embedded", self.folder / ".devenv", ask=self.nobody)

    @staticmethod
    def nobody(what: str) -> bool:
        raise AssertionError(f"asked: {what}")
