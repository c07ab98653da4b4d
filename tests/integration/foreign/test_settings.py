"""Service × wrong setting × what doctor and explain say: the same cause, and none where all is well."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.runs.journal import JournaledStack
from devenv.harness.runs.trace import live_trace
from devenv.stack.embedded.redis_server import find
from devenv.verbs.doctor.usecase import DoctorOptions, Examined, examine
from devenv.verbs.explain.explanation import Explanation, explain_trace
from devenv.verbs.operate.select import open_stack
from tests.support import ending_with_us, free_port, until

from .conftest import A, B, installed
from .packages import missing, needed


@dataclass(frozen=True)
class Style:
    """A service, and the variables that it has for its Redis."""

    name: str
    prefix: str
    ttl: str
    address: Callable[[int], Mapping[str, str]]
    """The variables that send it to another port."""
    needs: tuple[str, ...] = ()
    """A command that works only where everything is installed."""
    requirements: tuple[str, ...] = ()
    """Its packages, as pip takes them."""


def by_port(port: int) -> Mapping[str, str]:
    return {"REDIS_PORT": str(port)}


def by_url(port: int) -> Mapping[str, str]:
    return {"REDIS_URL": f"redis://127.0.0.1:{port}/0"}


PHP = ("php", "-r", "exit(extension_loaded('redis') ? 0 : 1);")
STYLES = {
    "php_coupons": Style("php_coupons", "CACHE_PREFIX", "CACHE_TTL", by_port, PHP),
    "nest_carts": Style("nest_carts", "REDIS_PREFIX", "CART_TTL", by_url),
    "aiohttp_codes": Style(
        "aiohttp_codes", "CODES_NAMESPACE", "CODES_TTL", by_port, (), ("aiohttp==3.12.15", "redis==5.2.1")
    ),
}


@dataclass
class Service:
    """Two pods of a service, and a Redis that is not the stack's."""

    style: Style
    stack: JournaledStack
    state: Path
    other: int
    """The port of that other Redis."""

    def settings(self, fault: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
        """What the pods are started with, a and b."""
        on, off = {"USE_REDIS": "true"}, {"USE_REDIS": "false"}
        return {
            "none": (on, on),
            "memory": (off, off),
            "mixed flags": (on, off),
            "prefix": (on, {**on, self.style.prefix: "other:"}),
            "no time to live": ({**on, self.style.ttl: "0"}, {**on, self.style.ttl: "0"}),
            "another Redis": (on, {**on, **self.style.address(self.other)}),
            "closed port": (on, {**on, **self.style.address(free_port())}),
            "Redis stopped": (on, on),
        }[fault]

    def met(self, fault: str) -> tuple[Examined, Explanation]:
        """What doctor says of pods with this fault, and explain of the sessions that doctor opened."""
        ours = (self.style.prefix, self.style.ttl, *self.style.address(1))
        pods = zip((A, B), self.settings(fault), strict=True)
        self.stack.restart_pods({pod: {**dict.fromkeys(ours), **given} for pod, given in pods}, print)
        since = time.time()
        if fault == "Redis stopped":
            self.stack.redis("stop")
        try:
            examined = examine(DoctorOptions(), "embedded", self.state, ask=lambda what: False)
            events = live_trace(self.stack.status(), self.stack.journal, time.time())
            return examined, explain_trace(events, self.style.name, since=since)
        finally:
            if fault == "Redis stopped":
                self.stack.redis("start")


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    port, folder = free_port(), tmp_path_factory.mktemp("other")
    process = subprocess.Popen(ending_with_us(find().command(port, folder)), stdout=subprocess.DEVNULL)
    try:
        until(lambda: listens(port), "the other Redis listens")
        yield port
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module", params=STYLES)
def service(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, other: int
) -> Iterator[Service]:
    style = STYLES[str(request.param)]
    if style.needs:
        needed(style.needs[0])
        if subprocess.run(style.needs, capture_output=True, check=False).returncode:
            missing(f"{' '.join(style.needs)} fails: its Redis extension is not installed")
    folder = tmp_path_factory.mktemp(style.name)
    packages = installed(style.name, folder, *style.requirements)
    spec = parse_service((folder / "devenv.toml").read_text(encoding="utf-8"), folder)
    spec = replace(spec, env={**spec.env, "PYTHONPATH": str(packages)})
    state = folder / ".devenv"
    stack = open_stack("embedded", state)
    stack.start(StackSpec(ports=Ports.free(), use_redis=True, service=spec), lambda line: None)
    try:
        yield Service(style, stack, state, other)
    finally:
        stack.stop()


TOLD: Mapping[str, tuple[list[str], list[str]]] = {
    # what is wrong: the causes of doctor, and of explain
    "none": ([], []),
    "memory": (["pod-memory"], ["pod-memory"]),
    "mixed flags": (["mixed-flags"], ["mixed-flags"]),
    "prefix": (["prefix-mismatch"], ["prefix-mismatch"]),
    "no time to live": ([], []),
    "another Redis": (["wrong-port"], ["wrong-port"]),
    "closed port": (["wrong-port"], ["unexplained"]),  # explain knows what came through the gate: nothing
    "Redis stopped": (["redis-dies"], ["redis-dies"]),
}


@pytest.mark.parametrize("fault", TOLD)
def test_what_is_told(service: Service, fault: str) -> None:
    examined, explained = service.met(fault)
    causes = [finding.cause for finding in examined.diagnosis.findings]
    assert (causes, sorted({group.cause for group in explained.groups})) == TOLD[fault], explained.verdict
    assert explained.exit_code == (1 if explained.groups else 0)
    notes = (*examined.diagnosis.notes, *explained.remarks)
    assert [note for note in notes if "time to live" in note] == (
        [] if fault != "no time to live" else [note for note in notes if "stays in Redis until" in note]
    )
    if fault == "no time to live":
        assert any("time to live" in note for note in examined.diagnosis.notes)
        assert any("time to live" in note for note in explained.remarks)
    if fault == "closed port":
        assert "came through the gate" in explained.groups[0].first.sentence
    if fault == "prefix":
        [finding] = examined.diagnosis.findings
        advice = " ".join((str(finding.change), *(group.first.change for group in explained.groups)))
        assert "prefix of keys" in advice
        assert service.style.prefix == "REDIS_PREFIX" or "REDIS_PREFIX" not in advice
