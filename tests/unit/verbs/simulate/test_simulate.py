"""``devenv simulate`` from the command line: exit codes, JSON, defaults, the same numbers for a seed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from devenv.cli import main
from devenv.cli.commands.simulate.options import policies
from devenv.cli.options import balancers
from devenv.core.model.topology import StackSpec
from devenv.harness.config.settings import Settings
from devenv.verbs.simulate.defaults import default_fields

FEW = ("--sessions", "5000")


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, object]]:
    code = main(["simulate", *FEW, *words, "--json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_one_setting_with_its_exact_share_its_causes_and_the_seed(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", *FEW, "--pods", "3", "--policy", "random", "--seed", "9", "--no-color"]
    assert main(words) == 0
    shown = capsys.readouterr().out
    assert "Sessions lost: 66.7 %" in shown
    assert "exact: 66.7 % = 1 - (1/N) · P(D ≤ TTL), N = 3" in shown
    assert "other pod" in shown
    assert "seed 9" in shown
    assert main(words) == 0
    assert capsys.readouterr().out == shown


def test_json_has_causes_that_add_up(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = run(capsys, "--policy", "random", "--redis-pods", "1", "--ttl", "20s")
    simulated: Any = data["simulated"]
    assert code == 0
    assert sum(cause["sessions"] for cause in simulated["causes"].values()) == simulated["lost"]
    assert data["seed"] == 1


def test_a_sweep_in_one_call(capsys: pytest.CaptureFixture[str]) -> None:
    code, data = run(capsys, "--sweep", "pods=2..4", "--sweep", "policy=random,nginx")
    rows: list[dict[str, dict[str, str]]] = data["sweep"]  # type: ignore[assignment]
    assert code == 0
    assert [tuple(row["values"].values()) for row in rows][:3] == [
        ("2", "random"),
        ("2", "nginx"),
        ("3", "random"),
    ]
    assert main(["simulate", *FEW, "--sweep", "pods=2..4", "--sweep", "policy=random,nginx"]) == 0
    shown = capsys.readouterr().out
    assert "█" in shown
    assert "87.5" not in shown


@pytest.mark.parametrize(
    ("words", "code", "verdict"),
    [
        (("--redis-pods", "all", "--target", "1%"), 0, "holds"),
        (("--policy", "random", "--target", "1%"), 1, "fails"),
        (("--policy", "round-robin", "--target", "50%"), 3, "inconclusive"),
    ],
)
def test_a_target(
    words: tuple[str, ...], code: int, verdict: str, capsys: pytest.CaptureFixture[str]
) -> None:
    got, data = run(capsys, *words)
    target: dict[str, object] = data["target"]  # type: ignore[assignment]
    assert (got, target["verdict"]) == (code, verdict)


@pytest.mark.parametrize(
    ("words", "named"),
    [(("--pods", "x"), "pods"), (("--policy", "foo"), "foo"), (("--ttl", "0"), "ttl"),
     (("--sweep", "podz=1"), "podz"), (("--sweep", "pods=0..2"), "pods"), (("--engine", "abc"), "abc"),
     (("--engine", "dask"), "--sweep"), (("--engine", "dask", "--sweep", "pods=2..3"), "--cluster"),
     (("--engine", "vector", "--policy", "lighttpd"), "lighttpd"), (("--target", "x"), "target"),
     (("--precision", "7"), "precision"), (("--like", "no.har"), "no.har"), (("--plot", "a.gif"), "a.gif"),
     (("--html", "no/such/a.html"), "no/such"), (("--against-real", "--target", "1%"), "--against-real"),
     (("--against-real", "--policy", "lighttpd"), "policy"), (("--balancer", "apache"), "apache"),
     (("--balancer", "haproxy:uri"), "haproxy:uri"), (("--balancer", "nginx:foo"), "foo"),
     (("--balancer", "nginx", "--policy", "random"), "--balancer")],
)  # fmt: skip
def test_usage_problems_are_one_line(
    words: tuple[str, ...], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["simulate", *FEW, *words]) == 2
    shown = capsys.readouterr()
    errors = [line for line in shown.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert named in errors[0]


def test_defaults_are_those_of_the_settings(tmp_path: Path) -> None:
    settings = Settings(pods=5, workers=3, policy="random", use_redis=True, env={"CAPTCHA_TTL": "30"})
    fields, source = default_fields(settings)
    assert source == "the settings"
    assert fields == {
        "pods": "5", "workers": "3", "policy": "random", "redis-pods": "all", "strategy": "atomic",
        "ttl": "30s",
    }  # fmt: skip
    assert default_fields(Settings())[0]["pods"] == str(StackSpec().pods)


def test_ctrl_c_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("devenv.cli.commands.simulate.verb.play", stopped)
    assert main(["simulate"]) == 130


@pytest.mark.parametrize(
    ("balancer", "policy"),
    [("nginx:ip_hash", "nginx-ip-hash"), ("caddy", "caddy"), ("nginx,workers=2", "nginx-workers"),
     ("nginx,workers=2,zone=on", "nginx"), ("haproxy:leastconn", "haproxy-leastconn")],
)  # fmt: skip
def test_a_balancer_by_its_own_name_is_predicted_as_its_policy(
    balancer: str, policy: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, named = run(capsys, "--balancer", balancer)
    assert (code, named["share_lost"]) == (0, run(capsys, "--policy", policy)[1]["share_lost"])


def test_balancers_and_policies_complete() -> None:
    assert "nginx:ip_hash" in balancers("nginx:i")
    assert {"nginx-ip-hash", "nginx"} <= set(policies("ngin"))
