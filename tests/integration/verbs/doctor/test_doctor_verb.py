"""``devenv doctor`` as people call it: exit codes, consent, files, and what never appears."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import typer

from devenv.cli import main
from devenv.core.model.errors import EnvironmentProblem
from devenv.verbs.doctor.usecase import DoctorOptions, examine
from tests.integration.verbs.doctor.conftest import PASSWORD, Doctor

FAR = "USE_REDIS=true\nREDIS_HOST=redis.example\nREDIS_PORT=6397\nREDIS_PASSWORD=hunter2\n"

MANIFESTS = """
apiVersion: v1
kind: ConfigMap
metadata: {name: captcha-api-config}
data:
  USE_REDIS: "true"
  REDIS_HOST: redis
  REDIS_PORT: "6379"
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: captcha-api}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: api
        envFrom: [{configMapRef: {name: captcha-api-config}}]
        env: [{name: SESSION_STRATEGY, value: atomic}]
"""
CANARY = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: captcha-api-canary}
spec:
  template:
    spec:
      containers:
      - name: api
        env:
        - {name: USE_REDIS, value: "false"}
"""
LINKED = """
kind: Service
metadata: {name: redis}
spec: {ports: [{port: 6379}]}
---
kind: Deployment
metadata: {name: captcha-api}
spec:
  replicas: 2
  template:
    spec:
      containers:
      - name: api
        env:
        - {name: USE_REDIS, value: "true"}
        - {name: REDIS_HOST, value: redis}
"""


@pytest.fixture(autouse=True)
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of this machine, and no name server to ask: a look-up of a foreign name is a failure."""
    monkeypatch.setenv("DEVENV_BACKEND", "embedded")
    for name in ("USE_REDIS", "SESSION_STRATEGY", "REDIS_PREFIX", "REDIS_DB", "DEVENV_STATE_DIR"):
        monkeypatch.delenv(name, raising=False)
    resolve = socket.getaddrinfo

    def only_here(host: str, *words: object, **options: object) -> object:
        assert host in ("127.0.0.1", "localhost"), f"asked a name server for {host}"
        return resolve(host, *words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", only_here)


def sound(doctor: Doctor) -> Path:
    return doctor.write("ok.env", "USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_PORT={port[plain]}\n")


def test_nothing_found_is_0(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--env-file", str(sound(doctor))]) == 0
    assert "✓ nothing found" in capsys.readouterr().out


def test_a_finding_is_1_with_evidence_symptom_and_the_line(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    path = doctor.write("f.env", "USE_REDIS=true\n\n# old\nREDIS_HOST=127.0.0.1\nREDIS_PORT={port[http]}\n")
    assert main(["doctor", "--env-file", str(path), "--junit", "out.xml"]) == 1
    shown = capsys.readouterr().out
    assert "seen" in shown
    assert "wrong-port: docs/failures.md#wrong-port" in shown
    assert "change   f.env:5: REDIS_PORT=" in shown
    cases = ET.parse("out.xml").getroot().findall(".//testcase")
    assert [len(case.findall("failure")) for case in cases].count(1) == 1


def test_json_is_one_object_without_secrets(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    url = doctor.put(f"redis://:{PASSWORD}@127.0.0.1:{{port[password]}}/0")
    assert main(["doctor", "--redis-url", url, "--json"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["verdict"] == "ok"
    assert PASSWORD not in told.out + told.err
    wrong = doctor.put("redis://:hunter2@127.0.0.1:{port[password]}/0")
    assert main(["doctor", "--redis-url", wrong, "--json"]) == 1
    told = capsys.readouterr()
    assert [finding["kind"] for finding in json.loads(told.out)["findings"]] == ["password-wrong"]
    assert "hunter2" not in told.out + told.err


def test_a_host_that_is_not_local_is_not_touched_unasked(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(doctor.write("far.env", FAR))
    for words in (["--json"], []):
        assert main(["doctor", "--env-file", path, *words]) == 2
        told = capsys.readouterr()
        assert "redis.example:6397 (REDIS_HOST in far.env:2)" in told.err
        assert "--yes" in told.err
        assert "hunter2" not in told.out + told.err


def test_no_is_an_answer(doctor: Doctor) -> None:
    asked = []

    def no(what: str) -> bool:
        asked.append(what)
        return False

    path = doctor.write("far.env", FAR)
    with pytest.raises(EnvironmentProblem, match="not touched"):
        examine(DoctorOptions(env_files=(path,)), "embedded", Path(".devenv"), ask=no)
    assert len(asked) == 1


def test_at_a_terminal_the_person_is_asked(
    doctor: Doctor, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

    said: list[str] = []

    def confirm(text: str, **options: object) -> bool:
        said.append(text)
        return False

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "confirm", confirm)
    path = doctor.write("far.env", FAR)
    assert main(["doctor", "--env-file", str(path)]) == 4
    assert "redis.example was not touched" in capsys.readouterr().err
    assert said == [
        "doctor would connect to redis.example:6397 (REDIS_HOST in far.env:2); "
        "redis.example is not this machine. Go on?"
    ]


def test_yes_goes_there(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up by a resolver of the test's own, which says this machine."""
    port = doctor.world.port["plain"]

    def resolver(host: str, at: object, *words: object, **options: object) -> object:
        assert host == "redis.example"
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    path = doctor.write("far.env", FAR.replace("REDIS_PASSWORD=hunter2\n", ""))
    with monkeypatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", resolver)
        assert main(["doctor", "--env-file", str(path), "--yes"]) == 0


def test_a_service_that_is_not_local_is_asked_for_too(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["doctor", "--env-file", str(sound(doctor)), "--service", "https://captcha.example"]
    assert main(words) == 2
    assert "ask https://captcha.example for challenges" in capsys.readouterr().err


def test_a_cluster_is_not_followed_to_other_machines(doctor: Doctor) -> None:
    """It announces 127.0.0.99 here; which hosts may be touched is told by a rule that says no."""
    client = doctor.world.client("far-cluster")
    client.config_set("cluster-announce-ip", "192.0.2.7")
    try:
        found = doctor.env(
            "USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_PORT={port[far-cluster]}\nREDIS_CLUSTER=true\n"
        )
    finally:
        client.config_set("cluster-announce-ip", "127.0.0.99")
    assert found.diagnosis.findings == ()
    assert any("192.0.2.7" in note and "not tried" in note for note in found.diagnosis.notes)


def test_no_probe_touches_nothing(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    path = doctor.write("far.env", FAR.replace("6397", "tcp://10.0.0.7:6379"))
    assert main(["doctor", "--env-file", str(path), "--no-probe", "--json"]) == 1
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert finding["kind"] == "bad-port-value"
    assert finding["change"]["line"] == 3
    path = doctor.write("far.env", FAR)
    assert main(["doctor", "--env-file", str(path), "--no-probe"]) == 0


def test_manifests_without_a_way_into_the_cluster(doctor: Doctor) -> None:
    """Names that only the cluster knows are looked up nowhere."""
    found = doctor.k8s(MANIFESTS)
    assert found.diagnosis.findings == ()
    assert any("inside the cluster only" in check.text for check in found.diagnosis.checks)


@pytest.mark.parametrize(("canary", "code"), [([], 0), (["--canary", "1"], 1)], ids=["sound", "canary"])
def test_what_export_writes(
    doctor: Doctor, canary: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our own manifests are sound; the canary is what the guide's third step does to people."""
    options = canary or ["--use-redis"]
    assert main(["export", "k8s", "--image", "team/api:1", "--out", "k8s", *options]) == 0
    capsys.readouterr()
    assert main(["doctor", "--k8s", "k8s", "--json"]) == code
    told = json.loads(capsys.readouterr().out)
    assert [finding["kind"] for finding in told["findings"]] == (["flags-differ"] if canary else [])


def test_manifests_with_a_forwarded_port(doctor: Doctor) -> None:
    url = doctor.put("redis://127.0.0.1:{port[plain]}")
    assert doctor.k8s(MANIFESTS, redis_url=url).diagnosis.findings == ()
    url = doctor.put("redis://127.0.0.1:{port[password]}")
    (finding,) = doctor.k8s(MANIFESTS, redis_url=url).diagnosis.findings
    assert finding.kind == "password-missing"
    assert str(finding.change.place) == "m1.yaml:20"


def test_manifests_whose_workloads_differ(doctor: Doctor) -> None:
    (finding,) = doctor.k8s(MANIFESTS, CANARY).diagnosis.findings
    assert finding.kind == "flags-differ"
    assert str(finding.change.place) == "m2.yaml:11"


def test_manifests_with_the_service_link_trap(doctor: Doctor) -> None:
    (finding,) = doctor.k8s(LINKED).diagnosis.findings
    assert finding.kind == "bad-port-value"
    assert str(finding.change) == "m1.yaml:14: REDIS_PORT=6379, or enableServiceLinks: false"


@pytest.mark.parametrize(
    ("words", "code", "named"),
    [
        ([], 4, "nothing to look at"),
        (["--env-file", "missing.env"], 2, "missing.env"),
        (["--env-file", "broken.env"], 2, "broken.env:2"),
        (["--k8s", "broken.yaml"], 2, "broken.yaml:2"),
        (["--k8s", "empty.yaml"], 2, "no workload"),
        (["--redis-url", "http://x"], 2, "--redis-url"),
        (["--redis-url", "redis://127.0.0.1:99999"], 2, "--redis-url"),
        (["--env-file", "ok.env", "--service", "ftp://x"], 2, "--service"),
    ],
)
def test_bad_input_is_one_clear_line(
    doctor: Doctor, words: list[str], code: int, named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(doctor)
    doctor.write("broken.env", "A=1\n!!! what\n")
    doctor.write("broken.yaml", "kind: [\n")
    doctor.write("empty.yaml", "kind: Service\n")
    assert main(["doctor", *words]) == code
    first = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("error"))
    assert named in first


def test_without_a_source_the_env_file_of_the_folder_is_read(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(doctor).rename(".env")
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["subject"] == ".env"
