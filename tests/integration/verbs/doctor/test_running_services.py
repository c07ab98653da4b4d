"""The doctor on a stack that runs: what its pods really do with their sessions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.verbs.doctor.usecase import Ask, DoctorOptions, Examined, examine
from devenv.verbs.operate.gate import GateClient
from devenv.verbs.operate.select import open_stack
from tests.support import free_port

A, B = "captcha-api-a", "captcha-api-b"


def quiet(line: str) -> None:
    """Progress that nobody reads."""


@dataclass(frozen=True)
class Ward:
    """A running stack of two pods with the guide's store, in whose folder the doctor is called."""

    state: Path
    ask: Ask

    def examine(self, options: DoctorOptions | None = None) -> Examined:
        return examine(options or DoctorOptions(), "embedded", self.state, ask=self.ask)

    def kinds(self, options: DoctorOptions | None = None) -> dict[str, str]:
        report = self.examine(options).diagnosis.findings
        assert len({item.kind for item in report}) == len(report)
        return {item.kind: str(item.change) for item in report}

    @property
    def redis_port(self) -> str:
        return str(open_stack("embedded", self.state).status().endpoints.redis_port)

    def restart(self, **settings: Mapping[str, str | None]) -> None:
        stack = open_stack("embedded", self.state)
        stack.restart_pods({f"captcha-api-{pod}": env for pod, env in settings.items()}, quiet)


@pytest.fixture(scope="module")
def stack_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    state = tmp_path_factory.mktemp("ward")
    stack = open_stack("embedded", state)
    stack.start(StackSpec(use_redis=True, strategy=Strategy.GUIDE, ports=Ports.free()), quiet)
    yield state
    stack.stop()


@pytest.fixture
def ward(stack_state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ward:
    monkeypatch.chdir(tmp_path)
    with redis.Redis(port=open_stack("embedded", stack_state).status().endpoints.redis_port) as client:
        client.flushall()

    def nobody(what: str) -> bool:
        raise AssertionError(f"asked: {what}")

    return Ward(stack_state, nobody)


def test_a_healthy_stack(ward: Ward) -> None:
    report = ward.examine()
    assert report.diagnosis.findings == ()
    states = {check.check: (check.state, check.text) for check in report.diagnosis.checks}
    assert {state for state, _ in states.values()} == {"ok"}
    assert states["a session for a challenge"][1] == "2 of 2 challenges have their key in Redis"


def test_a_healthy_stack_with_the_atomic_store(ward: Ward) -> None:
    both = {"SESSION_STRATEGY": "atomic"}
    ward.restart(a=both, b=both)
    try:
        assert ward.kinds() == {}
    finally:
        back = {"SESSION_STRATEGY": "guide"}
        ward.restart(a=back, b=back)


@pytest.mark.parametrize(
    ("settings", "finds"),
    [
        ({"REDIS_PREFIX": "rc:"}, {"prefix-differs": f"{B}: REDIS_PREFIX=rcaptcha:"}),
        ({"REDIS_DB": "1"}, {"prefix-differs": f"{B}: REDIS_DB=0"}),
        ({"USE_REDIS": "false"}, {"flags-differ": f"{B}: USE_REDIS=true"}),
        ({"REDIS_PORT": "closed"}, {"port-closed": f"{B}: REDIS_PORT={{redis}}"}),
    ],
    ids=str,
)
def test_one_pod_is_set_otherwise(ward: Ward, settings: dict[str, str], finds: dict[str, str]) -> None:
    """A port at which nobody listens makes its pod fall back silently: that is said once, with the reason."""
    if "REDIS_PORT" in settings:
        settings = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(free_port())}
    ward.restart(b=settings)
    try:
        all_kinds = ward.kinds()
    finally:
        ward.restart(b={**dict.fromkeys(settings), "USE_REDIS": "true"})
    assert all_kinds.keys() == finds.keys()
    for kind, change in finds.items():
        assert all_kinds[kind] == change.replace("{redis}", ward.redis_port)


def test_prefixes_that_differ_are_seen_in_the_keys(ward: Ward) -> None:
    """The settings that the doctor is given agree; what the pods write does not."""
    ward.restart(b={"REDIS_PREFIX": "rc:"})
    try:
        message = _from_outside(ward)
    finally:
        ward.restart(b={"REDIS_PREFIX": None})
    (finding,) = message.diagnosis.findings
    assert finding.kind == "prefix-differs"
    assert str(finding.change.place) == ".env:4"
    assert any("rc:abstract:" in line for line in finding.evidence)


def test_flags_that_differ_are_seen_in_the_keys(ward: Ward) -> None:
    ward.restart(b={"USE_REDIS": "false"})
    try:
        message = _from_outside(ward)
    finally:
        ward.restart(b={"USE_REDIS": "true"})
    (finding,) = message.diagnosis.findings
    assert finding.kind == "flags-differ"
    assert str(finding.change.place) == ".env:1"
    assert finding.sentence == "3 of 6 challenges left no key: the pods differ"


def test_a_service_from_outside_that_is_well(ward: Ward) -> None:
    assert _from_outside(ward).diagnosis.findings == ()


def test_a_silent_fall_back_to_memory(ward: Ward) -> None:
    """Settings and Redis are sound, yet pod b is refused on its way, and says so in its log only."""
    gate = GateClient(open_stack("embedded", ward.state))
    gate.put({"action": "error", "pod": B, "command": "PING", "text": "ERR this address is not welcome"})
    try:
        ward.restart(b={})  # a client that had connected would be kept
        report = ward.examine()
    finally:
        gate.reset()
    (finding,) = report.diagnosis.findings
    assert finding.kind == "silent-fallback"
    assert finding.cause == "wrong-port"
    assert finding.subject == B
    assert any(line.startswith(f"{B} created ") for line in finding.evidence)
    assert f"{B} → PING: ERR this address is not welcome" in finding.evidence
    assert ward.kinds() == {}


def test_the_redis_of_the_stack_has_stopped(ward: Ward) -> None:
    """Its settings are right: it is no wrong port, as explain says too."""
    stack = open_stack("embedded", ward.state)
    stack.redis("stop")
    try:
        report = ward.examine()
    finally:
        stack.redis("start")
    assert [(item.kind, item.cause) for item in report.diagnosis.findings] == [
        ("redis-stopped", "redis-dies")
    ]


def test_a_command_that_redis_does_not_know(ward: Ward) -> None:
    all_kinds = ward.kinds(DoctorOptions(commands=("HEXPIRE",)))
    assert all_kinds.keys() == {"server-too-old"}


@pytest.fixture(scope="module", params=[RedisMode.CLUSTER, RedisMode.TLS, RedisMode.ACL], ids=str)
def other_state(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A stack whose Redis stands otherwise, with the atomic store."""
    state = tmp_path_factory.mktemp(str(request.param))
    stack = open_stack("embedded", state)
    stack.start(StackSpec(use_redis=True, ports=Ports.free(), redis_mode=request.param), quiet)
    yield state
    stack.stop()


def test_stacks_whose_redis_stands_otherwise(
    other_state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sound ones; then pod b without TLS, or with a wrong password: what Redis told it is the evidence."""
    monkeypatch.chdir(tmp_path)
    sick = Ward(other_state, lambda what: False)
    assert sick.kinds() == {}
    mode = open_stack("embedded", other_state).status().spec.redis_mode
    if mode is RedisMode.TLS:
        sick.restart(b={"REDIS_SSL": "false"})
        assert sick.kinds() == {"tls-expected": f"{B}: REDIS_SSL=true"}
    elif mode is RedisMode.ACL:
        sick.restart(b={"REDIS_PASSWORD": "wrong-horse"})
        (finding,) = sick.examine().diagnosis.findings
        assert (finding.kind, finding.subject) == ("password-wrong", B)
        assert any("WRONGPASS" in line for line in finding.evidence)
        assert "wrong-horse" not in str(finding.to_json())
    else:
        guide = {"SESSION_STRATEGY": "guide"}
        sick.restart(b={**guide, "REDIS_CLUSTER": "auto"})
        (finding,) = sick.examine().diagnosis.findings
        assert finding.kind == "plain-client-on-cluster"
        assert str(finding.change).startswith(f"{B}: REDIS_CLUSTER=true")
        assert finding.evidence[1] == f"REDIS_CLUSTER=auto ({B}); the store guide takes a plain client"
        sick.restart(a=guide)
        assert sick.kinds().keys() == {"plain-client-on-cluster"}


def _from_outside(ward: Ward) -> Examined:
    """As somebody sees it who has a .env file and a URL."""
    ends = open_stack("embedded", ward.state).status().endpoints
    lines = ["USE_REDIS=true", "REDIS_HOST=127.0.0.1", f"REDIS_PORT={ends.redis_port}"]
    lines.append("REDIS_PREFIX=rcaptcha:")
    Path(".env").write_text("\n".join(lines), encoding="utf-8")
    return ward.examine(DoctorOptions(env_files=(Path(".env"),), service=ends.traffic))
