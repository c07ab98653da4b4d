"""TLS and passwords: what the service says where Redis does not let it in."""

from __future__ import annotations

import logging
import socket
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from devenv.captcha_api import logs
from devenv.captcha_api.errors import StoreUnavailable
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores.atomic import AtomicStore
from devenv.captcha_api.stores.guide import GuideStore
from devenv.captcha_api.stores.memory import MemoryStore
from devenv.stack import certificates
from devenv.stack.certificates import Certificates
from tests.support import free_port, redis_program, until

PASSWORD = "s3cret-of-this-test"


class Servers:
    """Redis in several garments; ``file`` has the authorities' certificates."""

    def __init__(self, folder: Path) -> None:
        self.file = {name: certificates.make(folder / name) for name in ("good", "other")}
        self.file["expired"] = certificates.make(
            folder / "expired",
            not_before=datetime(2020, 1, 1, tzinfo=UTC),
            not_after=datetime(2021, 1, 1, tzinfo=UTC),
        )
        self.file["elsewhere"] = certificates.make(folder / "elsewhere", ["redis.example.invalid"])
        self.port: dict[str, int] = {}
        self._processes: list[subprocess.Popen[bytes]] = []
        for name in ("good", "expired", "elsewhere"):
            self._start(name, folder, *_tls(self.file[name]))
        self._start("plain", folder)
        self._start("password", folder, "--requirepass", PASSWORD)

    def _start(self, name: str, folder: Path, *words: str) -> None:
        port = free_port()
        listen = ["--port", "0", "--tls-port"] if "--tls-cert-file" in words else ["--port"]
        command = redis_program(
            *listen, str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder), *words
        )
        self._processes.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))
        self.port[name] = port

    def listens(self) -> bool:
        for port in self.port.values():
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return True

    def settings(self, server: str, **more: Any) -> Settings:
        port = self.port[server]
        return Settings(
            use_redis=True, redis_host="127.0.0.1", redis_port=port, redis_timeout_ms=1000, **more
        )

    def stop(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait(10)


def _tls(files: Certificates) -> list[str]:
    options: Mapping[str, Any] = {
        "--tls-cert-file": files.chain,
        "--tls-key-file": files.key,
        "--tls-ca-cert-file": files.ca,
        "--tls-auth-clients": "no",
    }
    return [str(word) for option in options.items() for word in option]


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    started = Servers(tmp_path_factory.mktemp("servers"))
    until(started.listens, "all servers listen")
    yield started
    started.stop()


def cases(servers: Servers) -> dict[str, tuple[Settings, str, str]]:
    """The settings, what atomic says of it and what the guide's log has: by name."""
    ca = {name: {"redis_ssl": True, "redis_ca_certs": str(item.ca)} for name, item in servers.file.items()}
    return {
        "wrong CA": (servers.settings("good", **ca["other"]), "REDIS_CA_CERTS", "verify failed"),
        "expired": (servers.settings("expired", **ca["expired"]), "has expired", "has expired"),
        "no such file": (
            servers.settings("good", redis_ssl=True, redis_ca_certs="/nowhere.pem"),
            "REDIS_CA_CERTS=/nowhere.pem",
            "No such file",
        ),
        "plain to TLS": (servers.settings("good"), "REDIS_SSL=false", "127.0.0.1"),
        "TLS to plain": (servers.settings("plain", **ca["good"]), "REDIS_SSL=true", ""),
        "wrong password": (
            servers.settings("password", redis_password="wrong-word"), "REDIS_PASSWORD", "password",
        ),
        "no password": (servers.settings("password"), "REDIS_PASSWORD is not set", "uth"),
        "wrong user": (
            servers.settings("password", redis_username="somebody", redis_password=PASSWORD),
            "the user somebody",
            "password",
        ),
    }  # fmt: skip


NAMES = (
    "wrong CA", "expired", "no such file", "plain to TLS", "TLS to plain", "wrong password", "no password",
    "wrong user",
)  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_atomic_says_which_variable_to_look_at_and_the_log_has_it_in_one_line(
    servers: Servers, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    settings, sentence, _ = cases(servers)[name]
    store = AtomicStore(settings, Metrics())
    with caplog.at_level(logging.INFO, logger=logs.NAME):
        store.warm_up()
    [line] = [record for record in caplog.records if record.name == logs.NAME]
    assert sentence in str(vars(line))
    with pytest.raises(StoreUnavailable) as caught:
        store.check_ready()
    assert sentence in caught.value.message
    assert "\n" not in caught.value.message
    message = caught.value.message + str(vars(line))
    assert PASSWORD not in message
    assert "wrong-word" not in message


# These alone, as redis-py tries again for seconds.
@pytest.mark.parametrize("name", ["wrong CA", "expired", "wrong password"])
def test_the_guide_s_client_prints_one_line(
    servers: Servers, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    settings, _, printed = cases(servers)[name]
    store = GuideStore(settings.model_copy(update={"session_strategy": "guide"}), MemoryStore(60), Metrics())
    assert store.get_redis() is None
    lines = [line for line in capsys.readouterr().out.splitlines() if "Redis connect failed" in line]
    [line] = lines
    assert printed in line
    assert PASSWORD not in line
    assert "wrong-word" not in line


def test_a_certificate_for_another_name_is_refused(servers: Servers) -> None:
    settings = servers.settings("elsewhere", redis_ssl=True, redis_ca_certs=str(servers.file["elsewhere"].ca))
    with pytest.raises(StoreUnavailable, match=r"not for REDIS_HOST=127\.0\.0\.1"):
        AtomicStore(settings, Metrics()).check_ready()


@pytest.mark.parametrize("server", ["good", "plain", "password"])
def test_right_settings_let_the_service_in(servers: Servers, server: str) -> None:
    credentials: dict[str, dict[str, Any]] = {
        "good": {"redis_ssl": True, "redis_ca_certs": str(servers.file["good"].ca)},
        "password": {"redis_username": "default", "redis_password": PASSWORD},
    }
    AtomicStore(servers.settings(server, **credentials.get(server, {})), Metrics()).check_ready()
