from __future__ import annotations

import json
from pathlib import Path

import pytest

from devenv import __version__
from devenv.cli import main
from devenv.cli.screen import Screen, grid
from devenv.core.scenario import find
from devenv.verbs.rollout.plans import shipped_plans

VERBS = [
    "rollout plan", "rollout run", "rollout status", "rollout promote", "rollout abort", "trace", "watch",
    "simulate", "balance", "export prometheus", "export grafana", "export argo", "export flagger",
    "export flagd", "demo", "explain", "explore", "doctor", "check", "up", "down", "status", "logs", "seed",
    "toggle", "scale", "route", "replay", "scenarios", "export k8s", "init", "record", "shrink", "import har",
    "import log", "import curl",
    *(f"gate {verb}" for verb in (
        "list", "hold", "release", "delay", "drop", "error", "disconnect", "blackhole", "reset",
    )),
]  # fmt: skip


@pytest.fixture(autouse=True)
def nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, English, and the embedded backend, so that no test meets a stack of this machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVENV_BACKEND", "embedded")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", "140")
    for name in ("DEVENV_STATE_DIR", "DEVENV_PODS", "USE_REDIS", "SESSION_STRATEGY", "DEVENV_POLICY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"devenv {__version__}\n"


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_verb_that_exists_and_no_other(
    flag: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([flag]) == 0
    shown = capsys.readouterr().out
    listed = [line.split()[1] for line in shown.splitlines() if line.startswith("│ ") and line[2].isalpha()]
    assert sorted(listed) == sorted(dict.fromkeys(verb.split()[0] for verb in VERBS))
    assert "Exit codes" in shown


def test_the_help_of_rollout_names_every_shipped_plan(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in ("plan", "run"):
        assert main(["rollout", verb, "--help"]) == 0
        shown = capsys.readouterr().out
        assert [name for name in shipped_plans() if name not in shown] == []


@pytest.mark.parametrize("group", ["", "gate", "export", "import", "rollout"])
def test_without_a_verb_the_help_and_what_is_missing(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(group.split()) == 2
    shown = capsys.readouterr()
    assert "--help" in shown.out
    assert "error: a verb is missing" in shown.err


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_has_the_common_options(verb: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*verb.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    for option in ("--json", "--backend", "--no-color", "--seed"):
        assert option in shown


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["explode"], "explode"),
        (["toggle", "sideways"], "sideways"),
        (["up", "--pods", "none"], "--pods"),
        (["up", "--pods", "27"], "--pods"),
        (["up", "--port", "99999"], "--port"),
        (["up", "--policy", "roundrobin"], "roundrobin"),
        (["up", "--policy", "pinned:q"], "'q'"),
        (["replay"], "FILE|NAME|RUN-ID"),
        (["replay", "pod-memori"], "pod-memori"),
        (["scenarios", "pod-memori"], "pod-memori"),
        (["logs", "--json", "--follow"], "--follow"),
    ],
)
def test_usage_problems_are_one_line_with_the_next_step(
    words: list[str], named: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == 2
    output = capsys.readouterr()
    error, hint = output.err.splitlines()
    assert error.startswith("error: ")
    assert named in error
    assert hint.startswith("hint: ")
    assert output.out == "" or "--json" in words


def test_with_json_an_error_is_an_object_on_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", "pod-memori", "--json"]) == 2
    output = json.loads(capsys.readouterr().out)
    assert output["error"]["exit_code"] == 2
    assert "pod-memori" in output["error"]["message"]
    assert "pod-memory" in output["error"]["hint"]


def test_ctrl_c_is_130_and_one_word(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("devenv.cli.commands.explore.verb.explore_orders", stopped)
    assert main(["explore", "R"]) == 130
    assert capsys.readouterr() == ("", "interrupted\n")


def test_a_broken_env_file_ends_every_verb_with_its_line(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / ".env").write_text("# mine\nUSE_REDIS=maybe\n", encoding="utf-8")
    for verb in (["demo"], ["up"], ["status"], ["toggle", "on"]):
        assert main(verb) == 2
        error = capsys.readouterr().err.splitlines()[0]
        assert error == "error: .env:2: USE_REDIS is 'maybe', expected true or false"
    assert [path.name for path in nowhere.iterdir()] == [".env"]


def test_a_scenario_with_an_error_on_line_7_says_so(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = find("pod-restart").source.splitlines()
    position = next(number for number, line in enumerate(lines) if line.startswith("about:"))
    blank = ["#"] * (6 - position)
    (nowhere / "mine.yaml").write_text(
        "\n".join([*lines[:position], *blank, "wait: 3", *lines[position:]]), encoding="utf-8"
    )
    assert main(["replay", "mine.yaml"]) == 2
    error = capsys.readouterr().err.splitlines()[0]
    assert error.startswith("error: mine.yaml:7: ")
    assert "wait" in error


def test_nothing_running(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["down"]) == 0
    assert capsys.readouterr().out == "nothing was running\n"
    assert main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": []}
    for verb in (["status"], ["toggle", "on"], ["route"], ["seed"]):
        assert main(verb) == 4
        assert "devenv up" in capsys.readouterr().err


def test_a_machine_without_the_wanted_redis_server(
    nowhere: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DEVENV_REDIS_SERVER", str(nowhere / "no-such-server"))
    assert main(["replay", "pod-memory"]) == 4
    assert "no-such-server" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("product", "verb"),
    [
        ("nginx", "replay pod-memory --balancer nginx"),
        ("haproxy", "rollout run births --fresh --balancer haproxy"),
        ("envoy", "balance envoy"),
        ("traefik", "record --balancer traefik"),
        ("caddy", "demo --balancer caddy"),
    ],
)
def test_a_machine_without_the_balancer(
    product: str,
    verb: str,
    nowhere: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(f"DEVENV_{product.upper()}", str(nowhere / "none"))
    assert main(verb.split()) == 4
    assert (
        f"/none is no program that can be run\nhint: give the path of {product}," in capsys.readouterr().err
    )


def test_scenarios_lists_and_shows(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scenarios", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["scenarios"]
    services = {scenario["id"]: scenario["service"] for scenario in listed}
    assert services["pod-memory"] == "captcha"
    assert (services["lost-session"], services["mcp-session-lost"]) == ("any", "mcp-session")
    assert main(["scenarios"]) == 0
    shown = capsys.readouterr().out
    assert all(scenario["id"] in shown for scenario in listed)
    assert main(["scenarios", "pod-memory"]) == 0
    assert "steps:" in capsys.readouterr().out


def test_foreign_addresses_in_env_are_noted_and_their_values_not_shown(
    nowhere: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (nowhere / ".env").write_text("REDIS_HOST=prod.example\nREDIS_PASSWORD=hunter2\n", encoding="utf-8")
    assert main(["down"]) == 0
    output = capsys.readouterr().err
    assert "REDIS_HOST, REDIS_PASSWORD not used" in output
    assert "hunter2" not in output
    assert "prod.example" not in output


def test_what_is_shown_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    screen = Screen()
    table = grid("key")
    table.add_row("rcaptcha:receipt:[bold]x[/bold]")
    screen.show("a:receipt:[b]", table)
    assert capsys.readouterr().out.split() == ["a:receipt:[b]", "key", "rcaptcha:receipt:[bold]x[/bold]"]


@pytest.mark.parametrize(
    ("running", "ended"),
    [(("embedded", "compose"), ["embedded"]), (("compose",), ["compose"]), ((), [])],
)
def test_down_ends_the_stack_that_the_other_verbs_speak_to(
    running: tuple[str, ...],
    ended: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The compose project is one for all folders: it may be somebody else's."""
    monkeypatch.delenv("DEVENV_BACKEND", raising=False)
    stopped: list[str] = []

    def stop(backend: str, position: object) -> bool:
        stopped.append(backend)
        return backend in running

    monkeypatch.setattr("devenv.cli.commands.stack_verbs._stop", stop)
    assert main(["down", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"stopped": ended}
    assert [item for item in stopped if item in running] == ended


def test_without_a_stack_the_logs_of_a_demo_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["logs", "--backend", "embedded"]) == 4
    shown = " ".join(capsys.readouterr().err.split())
    assert "there are no logs" in shown and "a demo keeps its logs in" in shown and "logs.txt" in shown
