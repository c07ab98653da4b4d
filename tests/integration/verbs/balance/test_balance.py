"""``devenv balance`` on the proxy's policies and on a real balancer, from pods to verdict."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest

from devenv.cli.commands.balance.verb import completions
from devenv.core.balance.hiding import Hidden
from devenv.core.balance.measured import Balance, Change, Failure
from devenv.core.balance.verdict import judge
from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.verbs.balance.failing import failures, times_kept_out
from devenv.verbs.balance.plots import write_plot
from devenv.verbs.balance.report import document
from devenv.verbs.balance.targets import ProxyTarget, target_of
from devenv.verbs.balance.usecase import ClientKind, Measured, Plan, known_patterns, measure
from tests.support import command_environment, devenv_here

ENOUGH = 30


def ignore(text: str) -> None:
    """Progress that is not looked at."""


def shares_alone(*patterns: str) -> Plan:
    """Without pods that change or fail."""
    return Plan(sessions=ENOUGH, patterns=known_patterns(patterns), with_changes=False, with_failures=False)


@pytest.fixture(scope="module")
def turns() -> Balance:
    """Strict turns, with changes of the pods and without failures, which tests of their own have."""
    return measure(ProxyTarget("round-robin", 1), Plan(sessions=ENOUGH, with_failures=False), ignore)


def test_strict_turns_lose_all_or_none_by_the_number_of_requests_in_between(turns: Balance) -> None:
    shares = {result.name: result.share.value for result in turns.patterns}
    for name in ("new", "kept", "browser"):
        assert (shares[name], shares[f"{name}+image"]) == (1.0, 0.0)
    for result in turns.patterns:
        assert result.exact is None or result.share.value == result.exact.value
        assert (result.failed, result.unseen) == (0, 0)
    assert 0.1 < shares["users"] < 0.9
    judged = judge(turns)
    assert judged.verdict == "lost"
    parity = next(hiding for hiding in judged.hiding if hiding.cause is Hidden.PARITY)
    assert set(parity.hides) == {"new+image", "kept+image", "browser+image"}


def test_a_restart_loses_more_than_turns_alone(turns: Balance) -> None:
    lost = {change.change: change.lost for change in turns.changes}
    assert set(lost) == set(Change)
    assert lost[Change.RESTARTED] > lost[Change.NONE]


def test_the_report_and_the_picture_have_every_pattern(turns: Balance, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    measured = Measured(turns, judge(turns))
    page = document([measured], 1)
    assert not page.holds
    rows = [row for section in page.sections for table in section.tables for row in table.rows]
    assert {result.name for result in turns.patterns} <= {cell.text for row in rows for cell in row}
    assert "<svg" in page.sections[0].svg
    write_plot(tmp_path / "shares.png", [turns])
    assert (tmp_path / "shares.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UsageProblem, match=r"neither \.png nor \.svg"):
        write_plot(tmp_path / "shares.gif", [turns])


def test_the_proxy_sends_a_post_once_and_keeps_no_pod_out() -> None:
    target = ProxyTarget("round-robin", 1)
    results = asyncio.run(failures(target, 2, 1, ignore))
    closed = [each for each in results if each.failure is Failure.CLOSES and each.method == "POST"]
    assert [each.summary for each in closed] == ["A=502×10; B=200×10"] * 2
    assert sum(each.twice for each in results if each.method == "POST") == 0
    refused = next(each for each in results if each.failure is Failure.REFUSES)
    assert refused.summary == "B=200×20"
    kept = asyncio.run(times_kept_out(target, 2, 1.0, ignore))
    assert [each.out for each in kept] == [False, False]


def test_addresses_keep_clients_on_their_pods_until_they_change() -> None:
    plan = shares_alone("new", "new+image", "users")
    balance = measure(ProxyTarget("source-hash", 1), plan, ignore)
    judged = judge(balance)
    if balance.gaps:  # a system without other loopback addresses: not an all-clear
        assert judged.verdict == "inconclusive"
        return
    assert judged.losing == ("new, address changes",)
    assert [hiding.cause for hiding in judged.hiding] == [Hidden.ADDRESS]


def test_the_command_line_says_the_verdict_and_its_exit_code(tmp_path: Path) -> None:
    words = ("balance", "--no-changes", "--no-failures", "-n", "20", "--pattern", "new", "--json")
    done = devenv_here(tmp_path, command_environment(), *words, "pinned:a", "--client", "usual")
    assert done.returncode == 3, done.stderr
    result = json.loads(done.stdout)["results"][0]
    assert result["verdict"] == "inconclusive"
    assert any("captcha-api-b" in text for text in result["missing"])
    assert "new: 20 of 20" in done.stderr or "new" in done.stderr
    done = devenv_here(tmp_path, command_environment(), *words[:-1], "round-robin", "random")
    assert done.returncode == 1
    assert "✗ round-robin: sessions are lost: 100 %" in done.stdout
    for bad, message in (
        ("best", "neither a policy nor a balancer"),
        ("nginx:best", "unknown policy 'best'"),
    ):
        done = devenv_here(tmp_path, command_environment(), *words, bad)
        assert done.returncode == 2
        assert message in json.loads(done.stdout)["error"]["message"]


def test_manifests_are_measured_as_the_policies_that_are_their_models(tmp_path: Path) -> None:
    service = "kind: Service\nmetadata: {name: web}\nspec: {selector: {app: web}}\n"
    (tmp_path / "k8s").mkdir()
    (tmp_path / "k8s" / "web.yaml").write_text(service)
    words = ("balance", "--no-changes", "--no-failures", "-n", "40", "--pattern", "new", "--pattern", "kept")
    usual = ("--client", "usual", "--json", "--k8s")
    done = devenv_here(tmp_path, command_environment(), *words, *usual, "k8s")
    report = json.loads(done.stdout)
    assert (done.returncode, report["exit_code"]) == (1, 1)
    assert [(each["policy"], each["place"]) for each in report["kubernetes"]] == [
        ("per-connection", str(Path("k8s", "web.yaml:3")))
    ]
    (result,) = report["results"]
    assert "a model of Service web" in result["title"]
    lost = {each["pattern"]["name"]: each["lost"] for each in result["patterns"] if not each["clients"]}
    assert lost["kept"] == 0  # the choice is per connection
    assert 8 <= lost["new"] <= 32
    (tmp_path / "headless.yaml").write_text(f"{service}---\n{service[:-2]}, clusterIP: None}}\n")
    done = devenv_here(tmp_path, command_environment(), *words, *usual, "headless.yaml", "pinned:a")
    assert done.returncode in (1, 3)
    assert [each["policy"] for each in json.loads(done.stdout)["kubernetes"]] == ["per-connection", None]
    (tmp_path / "only.yaml").write_text(f"{service[:-2]}, clusterIP: None}}\n")
    done = devenv_here(tmp_path, command_environment(), *words, *usual, "only.yaml")
    assert done.returncode == 3
    assert "none of these Services" in json.loads(done.stdout)["error"]["message"]
    (tmp_path / "map.yaml").write_text("kind: ConfigMap\n")
    done = devenv_here(tmp_path, command_environment(), *words, *usual, "map.yaml")
    assert done.returncode == 2
    assert "no Service with a selector" in json.loads(done.stdout)["error"]["message"]


def test_a_file_that_cannot_be_taken_over_is_named_as_it_was_given(tmp_path: Path) -> None:
    text = (
        "http {\n  upstream pods { server $backend; }\n  server { location / { proxy_pass http://$x; } }\n}\n"
    )
    (tmp_path / "edge.conf").write_text(text)
    done = devenv_here(tmp_path, command_environment(), "balance", "edge.conf", "--json")
    assert done.returncode == 2
    assert json.loads(done.stdout)["error"]["message"].startswith("edge.conf:")


def test_targets_complete() -> None:
    assert completions("nginx:ip") == ["nginx:ip_hash"]
    assert completions("source") == ["source-hash"]


def test_in_front_of_captcha_pods_the_same_is_lost(tmp_path: Path) -> None:
    patterns = [word for name in ("new", "new+image", "kept", "kept+image") for word in ("--pattern", name)]
    words = (
        "balance",
        "--captcha-pods",
        "-n",
        "20",
        "--json",
        "--client",
        "usual",
        *patterns,
        "per-connection",
    )
    done = devenv_here(tmp_path, command_environment(), *words)
    assert done.returncode == 1, done.stderr
    (result,) = json.loads(done.stdout)["results"]
    assert result["title"] == "per-connection, in front of captcha-api (embedded)"
    assert result["gaps"][0].startswith("pods that change or fail")
    values = {each["pattern"]["name"]: each for each in result["patterns"] if not each["clients"]}
    assert values["kept"]["lost"] == values["kept+image"]["lost"] == 0  # the choice is per connection
    assert 2 <= values["new"]["lost"] <= 18
    assert sum(values["new+image"]["by_pod"].values()) == 3 * 20  # as the proxy recorded them
    assert all(count > 0 for count in values["new+image"]["by_pod"].values())
    assert {each["cause"] for each in result["hides"]} >= {"one connection"}
    assert not {each["cause"] for each in result["hides"]} & {"a cache"}


def test_a_balancers_cookie_counts_only_with_clients_that_keep_it() -> None:
    try:
        target = target_of("haproxy:cookie", 2, 1)
    except EnvironmentProblem as problem:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), problem.message
        pytest.skip(f"{problem.message}: {problem.hint}")
    plan = shares_alone("new", "new+image", "kept", "users")
    balance = measure(target, plan, ignore)
    assert "SRV=" in balance.cookie
    assert balance.title.startswith("haproxy 2.")
    judged = judge(balance)
    assert judged.losing == ("new, no cookies", "kept, no cookies", "users, no cookies")
    assert [hiding.cause for hiding in judged.hiding] == [Hidden.COOKIE]
    usual = replace(plan, clients=frozenset({ClientKind.USUAL}))
    assert judge(measure(target, usual, ignore)).verdict == "holds"
