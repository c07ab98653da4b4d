"""One table: each faulty configuration has exactly its finding and nothing else, each sound one has none."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import pytest

from devenv.core.doctor_rules.advice import CAUSES
from devenv.core.doctor_rules.facts import Reach, Target
from devenv.core.model.vocabulary import CaptchaType
from devenv.verbs.doctor.probe.redis_server import Plan, look, seek
from tests.integration.verbs.doctor.conftest import ACL_USER, PASSWORD, Doctor

ON = "USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_TIMEOUT_MS=1000\n"
CHALLENGE_ID = "0123456789abcdef0123456789abcdef"
DOCUMENT = json.dumps({"type": "abstract", "cid": CHALLENGE_ID, "is_positive": [True], "attempts": 0})
STUB = json.dumps({"attempts": 1})
SECURE = "REDIS_SSL=true\nREDIS_SSL_CA_CERTS={file[ca]}\n"
LOGIN = f"REDIS_USERNAME={ACL_USER}\nREDIS_PASSWORD={PASSWORD}\n"


@dataclass(frozen=True)
class Case:
    """``files`` are .env files, one for each pod; ``keys`` lie in ``server``: key → (value, TTL in seconds).

    ``finds`` maps each kind of finding to the line to change; "" where no file has it.
    """

    name: str
    files: tuple[str, ...]
    finds: dict[str, str] = field(default_factory=dict)
    keys: dict[str, tuple[object, int]] = field(default_factory=dict)
    server: str = "plain"
    commands: tuple[str, ...] = ()
    other_prefixes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.name


def of(server: str, more: str = "", *, host: str = "127.0.0.1") -> str:
    """A pod's settings: REDIS_PORT stands in line 4, ``more`` from line 5 on."""
    return f"{ON.replace('127.0.0.1', host)}REDIS_PORT={{port[{server}]}}\n{more}"


SOUND = [
    Case("standalone", (of("plain"),)),
    Case("standalone, by name", (of("plain", host="localhost"),)),
    Case(
        "standalone, each strategy",
        tuple(of("plain", f"SESSION_STRATEGY={s}\n") for s in ("guide", "atomic")),
    ),
    Case("standalone, client asks the server", (of("plain", "REDIS_CLUSTER=auto\n"),)),
    Case("by REDIS_URL", ("REDIS_URL=redis://127.0.0.1:{port[plain]}/1\n",)),
    Case("another database", (of("plain", "REDIS_DB=3\n"),)),
    Case("cluster, cluster client", (of("cluster", "REDIS_CLUSTER=true\n"),)),
    Case("cluster, client asks the server", (of("cluster-2", "SESSION_STRATEGY=atomic\n"),)),
    Case("TLS", (of("tls", SECURE),)),
    Case(
        "TLS and password",
        (
            of(
                "tls-password",
                f"REDIS_SSL=true\nREDIS_SSL_CA_CERTS={{file[ca]}}\nREDIS_PASSWORD={PASSWORD}\n",
            ),
        ),
    ),
    Case(
        "TLS with a client's certificate",
        (
            of(
                "tls-mutual",
                "REDIS_SSL=true\nREDIS_SSL_CA_CERTS={file[ca]}\n"
                "REDIS_SSL_CERTFILE={file[client-cert]}\nREDIS_SSL_KEYFILE={file[client-key]}\n",
            ),
        ),
    ),
    Case("password", (of("password", f"REDIS_PASSWORD={PASSWORD}\n"),)),
    Case("ACL user", (of("acl", LOGIN + "SESSION_STRATEGY=atomic\n"),)),
    Case("ACL user, guide", (of("acl", LOGIN),)),
    Case("memory limit without eviction", (of("roomy"),)),
    Case("eviction policy without a limit", (of("unlimited"),)),
    Case("two pods alike", (of("plain"), of("plain"))),
    Case(
        "live sessions",
        (of("plain"),),
        keys={
            f"rcaptcha:abstract:{CHALLENGE_ID}": (DOCUMENT, 60),
            f"rcaptcha:receipt:{{rcaptcha:abstract:{CHALLENGE_ID}}}": ({"solved": "1"}, 10),
            "somebody:else": ("x", -1),
        },
    ),
    Case(
        "another environment beside, known",
        (of("plain"),),
        keys={f"staging:abstract:{CHALLENGE_ID}": (DOCUMENT, 60)},
        other_prefixes=("staging:",),
    ),
    Case("a command that the server has", (of("plain"),), commands=("GETDEL",)),
]

FAULTY = [
    Case("nobody listens", (of("closed"),), {"port-closed": "a.env:4"}),
    Case("cluster, plain client", (of("cluster"),), {"plain-client-on-cluster": "a.env"}),
    Case(
        "cluster, plain client by REDIS_CLUSTER",
        (of("cluster", "REDIS_CLUSTER=false\n"),),
        {"plain-client-on-cluster": "a.env:5"},
    ),
    Case(
        "cluster, the guide's store",
        (of("cluster", "REDIS_CLUSTER=auto\nSESSION_STRATEGY=guide\n"),),
        {"plain-client-on-cluster": "a.env:5"},
    ),
    Case(
        "standalone, cluster client",
        (of("plain", "REDIS_CLUSTER=true\n"),),
        {"cluster-client-on-standalone": "a.env:5"},
    ),
    Case(
        "cluster that announces an unreachable address",
        (of("far-cluster", "REDIS_CLUSTER=true\n"),),
        {"announce-unreachable": ""},
    ),
    Case(
        "cluster, database",
        (of("cluster", "REDIS_CLUSTER=true\nREDIS_DB=1\n"),),
        {"database-on-cluster": "a.env:6"},
    ),
    Case("no such database", (of("plain", "REDIS_DB=99\n"),), {"database": "a.env:5"}),
    Case("TLS at the server only", (of("tls"),), {"tls-expected": "a.env"}),
    Case("TLS at the server, REDIS_SSL=1", (of("tls", "REDIS_SSL=1\n"),), {"tls-expected": "a.env:5"}),
    Case("TLS in the settings only", (of("plain", "REDIS_SSL=true\n"),), {"tls-not-offered": "a.env:5"}),
    Case(
        "expired certificate",
        (of("tls-expired", SECURE),),
        {"certificate-expired": ""},
    ),
    Case(
        "another authority",
        (of("tls", "REDIS_SSL=true\nREDIS_SSL_CA_CERTS={file[other-ca]}\n"),),
        {"certificate-untrusted": "a.env:6"},
    ),
    Case("a private authority", (of("tls", "REDIS_SSL=true\n"),), {"certificate-untrusted": "a.env"}),
    Case(
        "certificate for another name",
        (of("tls-name", SECURE),),
        {"certificate-name": "a.env:2"},
    ),
    Case(
        "no client's certificate",
        (of("tls-mutual", SECURE),),
        {"client-certificate": "a.env"},
    ),
    Case("no password", (of("password"),), {"password-missing": "a.env"}),
    Case("no password, TLS", (of("tls-password", SECURE),), {"password-missing": "a.env"}),
    Case("wrong password", (of("password", "REDIS_PASSWORD=wrong-horse\n"),), {"password-wrong": "a.env:5"}),
    Case(
        "wrong password of a user",
        (of("acl", f"REDIS_USERNAME={ACL_USER}\nREDIS_PASSWORD=wrong-horse\n"),),
        {"password-wrong": "a.env:6"},
    ),
    Case("password unneeded", (of("plain", "REDIS_PASSWORD=x\n"),), {"password-unneeded": "a.env:5"}),
    Case(
        "user may not write",
        (of("acl", f"REDIS_USERNAME=reader\nREDIS_PASSWORD={PASSWORD}\n"),),
        {"permission": "a.env:5"},
    ),
    Case(
        "user may not run scripts",
        (of("acl", f"REDIS_USERNAME=unscripted\nREDIS_PASSWORD={PASSWORD}\nSESSION_STRATEGY=atomic\n"),),
        {"permission": "a.env:5"},
    ),
    Case(
        "user may not use this prefix",
        (of("acl", LOGIN + "REDIS_PREFIX=other:\n"),),
        {"permission": "a.env:5"},
    ),
    Case("sessions are evicted", (of("evicting"),), {"eviction": ""}),
    Case("memory is full", (of("full"),), {"writes-refused": ""}),
    Case("read-only replica", (of("replica"),), {"read-only-replica": "a.env:2"}),
    Case("Redis hangs", (of("paused", "REDIS_TIMEOUT_MS=200\n"),), {"redis-silent": ""}),
    Case("another server", (of("http"),), {"not-redis": "a.env:4"}),
    Case("prefix differs", (of("plain"), of("plain", "REDIS_PREFIX=rc:\n")), {"prefix-differs": "b.env:5"}),
    Case("database differs", (of("plain"), of("plain", "REDIS_DB=1\n")), {"prefix-differs": "b.env:5"}),
    Case("server differs", (of("plain"), of("other")), {"server-differs": "b.env:4"}),
    Case(
        "flag differs",
        (of("plain"), of("plain").replace("USE_REDIS=true", "USE_REDIS=false")),
        {"flags-differ": "b.env:1"},
    ),
    Case("flag off", (of("plain").replace("USE_REDIS=true", "USE_REDIS=false"),), {"flag-off": "a.env:1"}),
    Case("flag not set", ("\n" + of("plain").replace("USE_REDIS=true\n", ""),), {"flag-off": "a.env"}),
    Case("flag 1", (of("plain").replace("USE_REDIS=true", "USE_REDIS=1"),), {"flag-word": "a.env:1"}),
    Case("no host", ("USE_REDIS=true\n",), {"host-missing": "a.env"}),
    Case(
        "a # in the password of REDIS_URL",
        ("A=1\nREDIS_URL=redis://:hunter#2@127.0.0.1:{port[password]}\n",),
        {"url-password": "a.env:2"},
    ),
    Case("REDIS_URL without a scheme", ("REDIS_URL=127.0.0.1:{port[plain]}/0\n",), {"url-form": "a.env:1"}),
    Case(
        "a host that ends in a line break",
        (of("plain", host='"127.0.0.1\\n"'),),
        {"blank-in-value": "a.env:2"},
    ),
    Case(
        "by REDIS_URL, nobody listens",
        ("A=1\nREDIS_URL=redis://:hunter2@127.0.0.1:{port[closed]}\n",),
        {"port-closed": "a.env:2"},
    ),
    Case("a URL for a host", (of("plain", host="redis://127.0.0.1:6379"),), {"host-form": "a.env:2"}),
    Case("host and port for a host", (of("plain", host="127.0.0.1:6379"),), {"host-form": "a.env:2"}),
    Case("service link", (ON + "REDIS_PORT=tcp://10.0.0.7:6379\n",), {"bad-port-value": "a.env:4"}),
    Case("empty port", (ON + "REDIS_PORT=\n",), {"bad-port-value": "a.env:4"}),
    Case("no number", (of("plain", "CAPTCHA_TTL=1m\n"),), {"bad-number": "a.env:5"}),
    Case(
        "a session without TTL",
        (of("plain"),),
        {"key-without-ttl": ""},
        keys={f"rcaptcha:abstract:{CHALLENGE_ID}": (DOCUMENT, -1)},
    ),
    Case(
        "a stub",
        (of("plain"),),
        {"stub-document": ""},
        keys={f"rcaptcha:abstract:{CHALLENGE_ID}": (STUB, -1)},
    ),
    Case(
        "another type",
        (of("plain"),),
        {"wrong-type": ""},
        keys={f"rcaptcha:imagegrid:{CHALLENGE_ID}": ({"a": "b"}, 60)},
    ),
    Case(
        "sessions under another prefix",
        (of("plain"),),
        {"prefix-differs": "a.env"},
        keys={f"{prefix}abstract:{CHALLENGE_ID}": (DOCUMENT, 60) for prefix in ("rcaptcha:", "rc:")},
    ),
    Case(
        "sessions in another database",
        (of("plain", "REDIS_DB=2\n"),),
        {"prefix-differs": "a.env:5"},
        keys={f"rcaptcha:abstract:{CHALLENGE_ID}": (DOCUMENT, 60)},
    ),
    Case("a command newer than the server", (of("plain"),), {"server-too-old": ""}, commands=("HEXPIRE",)),
    Case(
        "two faults",
        (of("evicting"), of("closed")),
        {"eviction": "", "port-closed": "b.env:4"},
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", [*SOUND, *FAULTY], ids=str)
def test_exactly_its_findings(doctor: Doctor, case: Case) -> None:
    client = doctor.world.client(case.server)
    for key, (value, ttl) in case.keys.items():
        if isinstance(value, dict):
            client.hset(key, mapping=value)
        else:
            client.set(key, str(value))
        if ttl > 0:
            client.expire(key, ttl)
    report = doctor.env(
        *case.files, commands=case.commands, other_prefixes=case.other_prefixes, neighbours=()
    )
    messages = {
        one_finding.kind: str(one_finding.change.place or "") for one_finding in report.diagnosis.findings
    }
    assert messages == case.finds, [one_finding.to_json() for one_finding in report.diagnosis.findings]
    assert len(report.diagnosis.findings) == len(case.finds)
    for finding in report.diagnosis.findings:
        assert finding.evidence and finding.change.text
        assert (finding.cause, finding.symptom) == CAUSES[finding.kind]


def test_the_tables_have_every_kind_but_those_that_need_more_than_an_env_file() -> None:
    elsewhere = {
        "host-unknown",  # would ask a name server: the rules' own tests have it
        "no-answer",
        "tls-failed",
        "login-refused",
        "not-ready",
        "cluster-down",
        "connection-ended",  # HAProxy without a server: test_redis_proxies
        "refused-value",  # Kubernetes manifests: test_doctor_verb
        "lost-across-pods",  # a stack that runs: test_own_services
        "seen-in-trace",
        "redis-stopped",
        "silent-fallback",  # a service that runs: test_running_services
        "create-refused",
    }
    assert {kind for case in FAULTY for kind in case.finds} == {*CAUSES} - elsewhere


def test_a_closed_port_and_the_one_that_is_meant(doctor: Doctor) -> None:
    """6397 is closed and 6379 answers; with ports that nobody else on this machine uses."""
    port = doctor.world.port
    report = doctor.env(of("closed"), neighbours=(port["plain"], port["http"]))
    (finding,) = report.diagnosis.findings
    assert finding.kind == "port-closed"
    assert finding.cause == "wrong-port"
    assert str(finding.change) == f"a.env:4: REDIS_PORT={port['plain']}"
    assert any(f"port {port['plain']} of the same host: Redis answers" in line for line in finding.evidence)
    report = doctor.env(of("closed"), neighbours=(port["tls"],))
    (finding,) = report.diagnosis.findings
    assert finding.change.text == f"REDIS_PORT={port['tls']} and REDIS_SSL=true"


def test_nothing_but_one_key_with_a_ttl_is_written(doctor: Doctor) -> None:
    client = doctor.world.client("plain")
    client.set(f"rcaptcha:abstract:{CHALLENGE_ID}", DOCUMENT, ex=60)
    with client.monitor() as monitor:  # type: ignore[no-untyped-call]
        for strategy in ("guide", "atomic", "watch", "getdel", "incr"):
            doctor.env(of("plain", f"SESSION_STRATEGY={strategy}\n"))
        client.echo("the end")
        heard = []
        while "ECHO" not in (line := monitor.next_command()["command"]):
            heard.append(line.split())
    reads = {"PING", "INFO", "SCAN", "TYPE", "PTTL", "TTL", "GET", "EXISTS", "COMMAND", "SELECT", "HMGET"}
    reads |= {"HELLO", "CLIENT"}  # the test's own connection
    writes = [words for words in heard if words[0] not in reads and words[0] not in ("MULTI", "DISCARD")]
    assert writes
    for words in writes:
        assert any(word.startswith("rcaptcha:doctor:") for word in words) or words == ["UNWATCH"], words
    assert client.keys() == [f"rcaptcha:abstract:{CHALLENGE_ID}"]
    assert client.get(f"rcaptcha:abstract:{CHALLENGE_ID}") == DOCUMENT


def test_read_only_writes_nothing_and_still_sees_a_replica(doctor: Doctor) -> None:
    before = doctor.world.client("plain").info("commandstats")
    doctor.env(of("plain"), write=False)
    after = doctor.world.client("plain").info("commandstats")
    assert before.get("cmdstat_set") == after.get("cmdstat_set")
    report = doctor.env(of("replica"), write=False)
    assert [finding.kind for finding in report.diagnosis.findings] == ["read-only-replica"]


def test_sessions_of_every_master_of_a_cluster_are_seen(doctor: Doctor) -> None:
    from redis.cluster import RedisCluster

    keys = [f"rcaptcha:{kind}:{n:032x}" for kind in CaptchaType for n in range(4)]
    with RedisCluster(host="127.0.0.1", port=doctor.world.port["cluster"]) as client:
        for key in keys:
            client.set(key, STUB)
        try:
            report = doctor.env(of("cluster-3", "REDIS_CLUSTER=true\n"))
        finally:
            for key in keys:
                client.delete(key)
    (finding,) = report.diagnosis.findings
    assert finding.kind == "stub-document"
    assert finding.sentence.startswith("12 stub documents")


@pytest.mark.parametrize("known", [False, True], ids=["not to be touched", "reached elsewhere"])
def test_a_cluster_whose_announced_nodes_are_not_followed(doctor: Doctor, known: bool) -> None:
    """It is no fault of the server's; a key is written all the same, and no session is said to be missing."""
    ports = [doctor.world.port[f"cluster{number}"] for number in ("", "-2", "-3")]
    nodes = tuple(f"127.0.0.1:{port}" for port in ports) if known else ()
    plan = Plan(Target("127.0.0.1", ports[0]), ("a",), 2.0, may_touch=lambda host: False, nodes=nodes)
    for _ in range(8):  # two of three keys are another node's
        seen = look(plan)
        assert seen.write is not None
        assert (seen.write.error, seen.write.ttl) == (None, 10)
        assert seen.nodes
        assert {node.tcp.reach for node in seen.nodes} == {Reach.OPEN if known else Reach.NOT_TRIED}
    nobodys = "0" * 32
    assert seek(plan, seen, [nobodys], ["rcaptcha:"]) == ({nobodys: None} if known else {})


def test_a_password_is_never_told(doctor: Doctor) -> None:
    report = doctor.env(
        of("password", f"REDIS_PASSWORD={PASSWORD}\n"),
        of("password", "REDIS_PASSWORD=wrong-horse\n"),
    )
    text = json.dumps(report.to_json()) + repr(report)
    assert [finding.kind for finding in report.diagnosis.findings] == ["password-wrong"]
    assert PASSWORD not in text
    assert "wrong-horse" not in text
