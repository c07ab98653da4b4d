"""No connection attempt leaves the machine, though the service's own .env names production.

Every connect and datagram of the stack, its pods and all their children is written down by strace, on the way
into the kernel. That this recorder sees such attempts is shown on the same service started by hand, inside a
network namespace of its own, out of which nothing leads.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest

from tests.integration.own_service.conftest import OWN_STYLE, missing, needed
from tests.support import HANG_GUARD_S, devenv_command

DOMAIN_PORT = 53
_PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
_ADDRESS = re.compile(r'(?:inet_addr\("|inet_pton\(AF_INET6, ")([0-9a-fA-F.:]+)"')
RECORDER = ("-f", "-qq", "--seccomp-bpf", "-s", "16", "-e", "trace=connect,sendto,sendmsg,sendmmsg")


def recorded(log: Path) -> Iterator[tuple[str, int]]:
    """The internet addresses and ports of all attempts."""
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        for address, port in zip(_ADDRESS.findall(line), _PORT.findall(line), strict=False):
            yield address, int(port)


def leaving(log: Path) -> list[tuple[str, int]]:
    """Those to another machine, and every question to a name server, wherever it listens."""
    return sorted({
        (address, port)
        for address, port in recorded(log)
        if port == DOMAIN_PORT or not (ip_address(address).is_loopback or ip_address(address).is_unspecified)
    })  # fmt: skip


@pytest.fixture(scope="module")
def strace() -> str:
    """A strace that may trace."""
    result = needed("strace")
    done = subprocess.run([result, *RECORDER, "-o", os.devnull, "true"], capture_output=True, text=True)
    if done.returncode != 0:
        missing(f"strace may not trace here: {done.stderr.strip()[:200]}")
    return result


def test_nothing_leaves(
    strace: str, example: Callable[[str], Path], environment: dict[str, str], tmp_path: Path
) -> None:
    folder, log = example("own-style"), tmp_path / "log"
    (folder / "devenv.toml").write_text(OWN_STYLE, encoding="utf-8")
    done = subprocess.run(
        [strace, *RECORDER, "-o", str(log), *devenv_command("demo", "--trials", "1", "--json")],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=170,
    )
    assert done.returncode == 0, done.stderr
    story = json.loads(done.stdout)
    assert [act["lost"] for act in story["acts"]] == [1, 0]  # it ran, with Redis too
    everything = list(recorded(log))
    assert len(everything) > 20
    assert leaving(log) == []


def test_the_recorder_sees_what_would_leave(
    strace: str, example: Callable[[str], Path], environment: dict[str, str], tmp_path: Path
) -> None:
    unshare = needed("unshare")
    folder, log = example("own-style"), tmp_path / "log"
    by_hand = "import asyncio, main; asyncio.run(main.keep('key', 'value'))"
    program = [sys.executable, "-c", by_hand]
    allowed = subprocess.run([unshare, "-n", "true"], capture_output=True, text=True)
    if allowed.returncode != 0:
        missing(f"no network namespace here: {allowed.stderr.strip()[:200]}")
    done = subprocess.run(
        [unshare, "-n", strace, *RECORDER, "-o", str(log), *program],
        cwd=folder,
        env={**environment, "USE_REDIS": "true"},
        capture_output=True,
        text=True,
        timeout=HANG_GUARD_S,
    )
    assert done.returncode != 0
    assert "redis.prod.example.invalid" in done.stderr
    assert any(port == DOMAIN_PORT for _, port in leaving(log))
