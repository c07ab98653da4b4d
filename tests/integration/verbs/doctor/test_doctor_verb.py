"""``devenv doctor`` as people call it: exit codes, consent, files, and what never appears."""

from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import typer

from devenv.cli import main
from devenv.core.model.errors import EnvironmentProblem
from devenv.verbs.doctor.usecase import DoctorOptions, examine
from tests.integration.verbs.doctor.conftest import PASSWORD, Doctor
from tests.support import until

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
    output = capsys.readouterr()
    assert json.loads(output.out)["verdict"] == "ok"
    assert PASSWORD not in output.out + output.err
    wrong = doctor.put("redis://:hunter2@127.0.0.1:{port[password]}/0")
    assert main(["doctor", "--redis-url", wrong, "--json"]) == 1
    output = capsys.readouterr()
    assert [finding["kind"] for finding in json.loads(output.out)["findings"]] == ["password-wrong"]
    assert "hunter2" not in output.out + output.err


def test_a_host_that_is_not_local_is_not_touched_unasked(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    path = str(doctor.write("far.env", FAR))
    for words in (["--json"], []):
        assert main(["doctor", "--env-file", path, *words]) == 2
        output = capsys.readouterr()
        assert "redis.example:6397 (REDIS_HOST in far.env:2)" in output.err
        assert "--yes" in output.err
        assert "hunter2" not in output.out + output.err


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

    lines: list[str] = []

    def confirm(text: str, **options: object) -> bool:
        lines.append(text)
        return False

    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr(typer, "confirm", confirm)
    path = doctor.write("far.env", FAR)
    assert main(["doctor", "--env-file", str(path)]) == 4
    assert "redis.example was not touched" in capsys.readouterr().err
    assert lines == [
        "doctor would connect to redis.example:6397 (REDIS_HOST in far.env:2); "
        "redis.example is not this machine. Go on?"
    ]


def test_yes_goes_there(doctor: Doctor, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is looked up by a resolver of the test's own, which says this machine."""
    port = doctor.world.port["plain"]

    def resolver(host: str, position: object, *words: object, **options: object) -> object:
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
        answer = doctor.env(
            "USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_PORT={port[far-cluster]}\nREDIS_CLUSTER=true\n"
        )
    finally:
        client.config_set("cluster-announce-ip", "127.0.0.99")
    assert answer.diagnosis.findings == ()
    assert any("192.0.2.7" in note and "not tried" in note for note in answer.diagnosis.notes)


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
    answer = doctor.k8s(MANIFESTS)
    assert answer.diagnosis.findings == ()
    assert any("inside the cluster only" in check.text for check in answer.diagnosis.checks)


@pytest.mark.parametrize(("canary", "code"), [([], 0), (["--canary", "1"], 1)], ids=["sound", "canary"])
def test_what_export_writes(
    doctor: Doctor, canary: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Our own manifests are sound; the canary is what the guide's third step does to people."""
    options = canary or ["--use-redis"]
    assert main(["export", "k8s", "--image", "team/api:1", "--out", "k8s", *options]) == 0
    capsys.readouterr()
    assert main(["doctor", "--k8s", "k8s", "--json"]) == code
    output = json.loads(capsys.readouterr().out)
    assert [finding["kind"] for finding in output["findings"]] == (["flags-differ"] if canary else [])


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


DATA = Path(__file__).parent / "data"


def report(capsys: pytest.CaptureFixture[str], *words: str, code: int) -> dict[str, Any]:
    """What ``devenv doctor --no-probe`` says as JSON, with its exit code checked."""
    assert main(["doctor", "--no-probe", "--json", *words]) == code
    data: dict[str, Any] = json.loads(capsys.readouterr().out)
    return data


def places(message: dict[str, Any], kind: str) -> list[int]:
    return [item["change"]["line"] for item in message["findings"] if item["kind"] == kind]


def test_values_of_a_secret_that_end_in_a_line_break(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    """Each with its line; no value is shown, with either output."""
    path = str(DATA / "k8s-secret-trailing-newline.yaml")
    answer = report(capsys, "--k8s", path, code=1)
    assert places(answer, "blank-in-value") == [6, 7, 8]
    assert len(answer["findings"]) == 3
    assert {item["change"]["file"] for item in answer["findings"]} == {path}
    assert [item["cause"] for item in answer["findings"]] == ["wrong-port", "wrong-port", "prefix-mismatch"]
    assert main(["doctor", "--no-probe", "--k8s", path]) == 1
    shown = json.dumps(answer) + capsys.readouterr().out
    assert "cache.internal" not in shown
    assert "shop:" not in shown
    assert "echo -n" in shown


@pytest.mark.parametrize("how", ["envFrom", "env", "unused"])
def test_a_secret_s_value_is_told_once(how: str, doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    """However pods get it, with CRLF too, and where no workload of the files uses it."""
    on = "{name: USE_REDIS, value: 'true'}, {name: REDIS_HOST, value: h.example}"
    reference = "valueFrom: {secretKeyRef: {name: s, key: REDIS_PASSWORD}}"
    given = {
        "envFrom": f"env: [{on}], envFrom: [{{secretRef: {{name: s}}}}]",
        "env": f"env: [{on}, {{name: REDIS_PASSWORD, {reference}}}]",
        "unused": "env: [{name: USE_REDIS, value: 'false'}]",
    }[how]
    text = f"""kind: Secret
metadata: {{name: s}}
data:
  REDIS_PASSWORD: aHVudGVyMg0K
---
kind: Deployment
metadata: {{name: d}}
spec:
  replicas: 1
  template: {{spec: {{enableServiceLinks: false, containers: [{{name: c, {given}}}]}}}}
"""
    answer = report(capsys, "--k8s", str(doctor.write("m.yaml", text)), code=1)
    assert [item["kind"] for item in answer["findings"]] == ["blank-in-value"]
    assert places(answer, "blank-in-value") == [4]
    assert "a carriage return and a line break" in answer["findings"][0]["sentence"]
    assert "hunter2" not in json.dumps(answer)


def test_values_that_kubernetes_refuses(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    answer = report(capsys, "--k8s", str(DATA / "k8s-unquoted-values.yaml"), code=1)
    assert places(answer, "refused-value") == [5, 7, 8, 26, 27]
    assert len(answer["findings"]) == 5
    assert [item["change"]["text"] for item in answer["findings"]] == [
        'USE_REDIS: "true"', 'REDIS_PORT: "6379"', 'CAPTCHA_TTL: "60"', 'REDIS_DB: "0"', 'REDIS_SSL: "false"',
    ]  # fmt: skip


def test_a_file_with_a_config_map_only(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    path = doctor.write("c.yaml", "kind: ConfigMap\nmetadata: {name: c}\ndata: {REDIS_PORT: 6379}\n")
    assert places(report(capsys, "--k8s", str(path), code=1), "refused-value") == [3]


def test_a_password_in_a_url_that_is_not_encoded(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(DATA / "env-password-hash.env")
    answer = report(capsys, "--env-file", path, code=1)
    (finding,) = answer["findings"]
    assert (finding["kind"], finding["change"]["file"], finding["change"]["line"]) == (
        "url-password",
        path,
        2,
    )
    assert "percent-encode" in finding["change"]["text"]
    assert main(["doctor", "--no-probe", "--env-file", path]) == 1
    shown = json.dumps(answer) + capsys.readouterr().out
    assert "Kx9" not in shown
    assert "pw@" not in shown


def test_the_same_in_a_variable_of_another_name_and_on_the_command_line(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "USE_REDIS=true\nREDIS_HOST=redis.example\nBROKER=redis://:Kx9/pw@redis.example:6379/1\n"
    answer = report(capsys, "--env-file", str(doctor.write("b.env", text)), code=1)
    assert places(answer, "url-password") == [3]
    assert "Kx9" not in json.dumps(answer)
    assert main(["doctor", "--redis-url", "redis://:Kx9#pw@127.0.0.1:6379/0"]) == 2
    shown = capsys.readouterr()
    assert "percent-encoded" in shown.err
    assert "Kx9" not in shown.out + shown.err


def test_a_url_that_no_client_takes(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    answer = report(capsys, "--env-file", str(doctor.write("u.env", "A=1\nREDIS_URL=cache:6379/0\n")), code=1)
    assert places(answer, "url-form") == [2]


@pytest.mark.parametrize(
    "url",
    [
        "redis://redis.example:6379?db=3", "redis://redis.example/3", "rediss://redis.example/3",
        "unix:///run/redis/redis.sock?db=3",
    ],
)  # fmt: skip
def test_the_database_of_a_url(url: str, doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    answer = report(capsys, "--env-file", str(doctor.write("u.env", f"REDIS_URL={url}\n")), code=0)
    assert "database 3" in answer["servers"][0]["how"]


def test_the_database_of_the_case(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    answer = report(capsys, "--env-file", str(DATA / "redis-url-db-query.env"), code=0)
    assert answer["servers"] == [
        {
            "address": "cache.internal.example:6379",
            "pods": [str(DATA / "redis-url-db-query.env")],
            "how": "no TLS, no password, database 3",
        }
    ]
    assert main(["doctor", "--no-probe", "--env-file", str(DATA / "redis-url-db-query.env")]) == 0
    assert "database 3" in capsys.readouterr().out


def test_a_url_with_two_databases_is_worth_a_note(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    answer = report(
        capsys, "--env-file", str(doctor.write("u.env", "REDIS_URL=redis://r.example/5?db=3\n")), code=0
    )
    assert any("3 (redis-py), 5 (ioredis), 5 (node-redis)" in note for note in answer["notes"])
    answer = report(capsys, "--env-file", str(DATA / "redis-url-db-query.env"), code=0)
    assert any("3 (redis-py), 3 (ioredis), 0 (node-redis)" in note for note in answer["notes"])


def _listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_a_unix_socket_is_looked_at(doctor: Doctor, capsys: pytest.CaptureFixture[str]) -> None:
    """A real server that listens on a socket, and its database 3."""
    path = doctor.folder / "r.sock"
    doctor.world.start("socket", "--unixsocket", str(path))
    until(lambda: _listens(path), "the server listens on the socket")  # the file is there before that
    env = doctor.write("u.env", f"USE_REDIS=true\nREDIS_URL=unix://{path}?db=3\n")
    assert main(["doctor", "--env-file", str(env), "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    assert {check["state"] for check in output["checks"]} == {"ok"}
    assert output["servers"][0]["address"] == str(path)
    gone = doctor.write("v.env", "USE_REDIS=true\nREDIS_URL=unix:///nowhere/r.sock\n")
    assert main(["doctor", "--env-file", str(gone), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["kind"] == "host-unknown"


def test_without_a_source_the_env_file_of_the_folder_is_read(
    doctor: Doctor, capsys: pytest.CaptureFixture[str]
) -> None:
    sound(doctor).rename(".env")
    assert main(["doctor", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["subject"] == ".env"
