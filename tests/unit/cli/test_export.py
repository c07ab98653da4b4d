"""devenv export k8s."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from devenv.cli import main


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, and nothing of this machine's settings."""
    monkeypatch.chdir(tmp_path)
    for name in ("USE_REDIS", "SESSION_STRATEGY", "REDIS_PREFIX", "DEVENV_PODS"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_standard_output_is_one_stream_of_documents(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "k8s", "--use-redis", "--set", "ML_SERVICE_URL=http://ml:8001"]) == 0
    shown = capsys.readouterr().out
    config = next(iter(yaml.safe_load_all(shown)))
    assert config["data"]["USE_REDIS"] == "true"
    assert config["data"]["ML_SERVICE_URL"] == "http://ml:8001"
    assert "kubectl create secret generic captcha-api-secrets" in shown


NUMBER_LIKE = {
    "COMMIT": "25921e05", "RELEASE": "0340914", "MONTH": "08", "BUILD": "12e3", "MASK": "0o17", "FLAG": "y",
    "OPENS": "12:30:45", "DAY": "2026-01-02", "SIZE": "1_000", "HUGE": "1e1000", "NOTHING": "~", "SIGN": "=",
}  # fmt: skip
"""Values that some YAML reader takes for a number, a boolean, a time, a date or nothing."""


def test_values_that_look_like_numbers_stay_text_for_kubernetes(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """``kubectl label --local`` reads with Kubernetes' own parser; it needs no cluster."""
    given = [word for name, value in NUMBER_LIKE.items() for word in ("--set", f"{name}={value}")]
    options = ["--use-redis", "--redis-host", "cache.internal.example", "--out", "k8s"]
    assert main(["export", "k8s", *options, *given]) == 0
    capsys.readouterr()
    config = (nowhere / "k8s" / "configmap-captcha-api-config.yaml").read_text("utf-8")
    for name, value in NUMBER_LIKE.items():
        assert f"  {name}: '{value}'\n" in config
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), "kubectl is not installed"
        pytest.skip("kubectl is not installed")
    command = [
        kubectl,
        "label",
        "--local",
        "-f",
        "k8s/configmap-captcha-api-config.yaml",
        "x=y",
        "-o",
        "json",
    ]
    data = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)["data"]
    assert {name: data[name] for name in NUMBER_LIKE} == NUMBER_LIKE


def test_files_are_replaced_when_they_are_ours(nowhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "k8s", "--out", "k8s", "--json"]) == 0
    output = json.loads(capsys.readouterr().out)
    files = sorted(Path(name) for name in output["files"])
    assert len(files) == len(output["manifests"])
    assert files == sorted((Path("k8s") / path.name) for path in (nowhere / "k8s").iterdir())
    assert main(["export", "k8s", "--out", "k8s", "--replicas", "3"]) == 0
    deployment = yaml.safe_load((nowhere / "k8s" / "deployment-captcha-api.yaml").read_text("utf-8"))
    assert deployment["spec"]["replicas"] == 3


def test_somebody_else_s_file_stays_and_nothing_is_written(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = nowhere / "k8s"
    folder.mkdir()
    (folder / "service-captcha-api.yaml").write_text("kind: Service\n", encoding="utf-8")
    assert main(["export", "k8s", "--out", "k8s"]) == 2
    assert "service-captcha-api.yaml" in capsys.readouterr().err
    assert [path.name for path in folder.iterdir()] == ["service-captcha-api.yaml"]
    assert (folder / "service-captcha-api.yaml").read_text("utf-8") == "kind: Service\n"


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--set", "REDIS_PASSWORD=x1y2"], "REDIS_PASSWORD"),
        (["--set", "CACHE=redis://u:x1y2@h/0"], "CACHE"),
        (["--set", "REDIS_HOST=h"], "--redis-host"),
        (["--set", "novalue"], "novalue"),
        (["--one-service"], "--canary"),
        (["--redis-tls"], "--redis-host"),
        (["--redis-host", "h", "--redis-ca", "mine"], "--redis-tls"),
        (["--redis-host", "h", "--redis-tls", "--redis-ca", "No_Name"], "No_Name"),
        (["--set", "REDIS_CA_CERTS=/ca.pem"], "REDIS_CA_CERTS"),
        (["--name", "Captcha_API"], "Captcha_API"),
    ],
)
def test_bad_input_is_named_without_the_secret(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "k8s", *words]) == 2
    shown = capsys.readouterr()
    assert named in shown.err
    assert "x1y2" not in shown.out + shown.err


def test_an_address_of_the_folder_s_env_file_goes_nowhere(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "REDIS_HOST=redis.example.invalid\nREDIS_PASSWORD=x1y2\nREDIS_PREFIX=mine:\n"
    (nowhere / ".env").write_text(text, encoding="utf-8")
    assert main(["export", "k8s"]) == 0
    shown = capsys.readouterr()
    assert "mine:" in shown.out
    assert "example.invalid" not in shown.out
    assert "x1y2" not in shown.out + shown.err


OWN = """\
[service]
command = "node server.mjs {port}"
ready = ["/healthz"]
[service.env]
CACHE_HOST = "{redis_host}"
CACHE_PORT = "{redis_port}"
QUEUE = "{redis_url}"
DATABASE_URL = ""
[service.redis]
on = { SESSION_BACKEND = "redis" }
off = { SESSION_BACKEND = "memory" }
"""


def test_ones_own_service_has_its_own_switch_and_addresses(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / "devenv.toml").write_text(OWN, encoding="utf-8")
    assert main(["export", "k8s", "--name", "quiz", "--canary", "1"]) == 0
    shown = capsys.readouterr().out
    documents = list(yaml.safe_load_all(shown))
    data = documents[0]["data"]
    assert (data["SESSION_BACKEND"], data["CACHE_HOST"], data["CACHE_PORT"]) == (
        "memory",
        "quiz-redis",
        "6379",
    )
    assert "SESSION_STRATEGY" not in data
    assert "DATABASE_URL" not in data
    assert "not here: DATABASE_URL" in shown
    pods = {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]["containers"][0]
        for document in documents
        if document["kind"] == "Deployment"
    }
    assert pods["quiz"]["readinessProbe"]["httpGet"]["path"] == "/healthz"
    assert {"name": "SESSION_BACKEND", "value": "redis"} in pods["quiz-canary"]["env"]
    words = ["--use-redis", "--redis-host", "r.example", "--redis-port", "6397", "--redis-tls"]
    assert main(["export", "k8s", *words]) == 0
    data = next(iter(yaml.safe_load_all(capsys.readouterr().out)))["data"]
    assert (data["SESSION_BACKEND"], data["CACHE_HOST"], data["CACHE_PORT"]) == ("redis", "r.example", "6397")
    assert data["QUEUE"] == "rediss://r.example:6397/0"
    assert main(["export", "k8s", "--stack"]) == 0
    assert "SESSION_BACKEND" not in capsys.readouterr().out
