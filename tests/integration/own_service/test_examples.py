"""Services that nobody wrote for this: another style, language, protocol; as two real pods."""

from __future__ import annotations

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.model.topology import Ports, RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.config.devenv_toml_writer import toml_text
from devenv.harness.config.settings import Settings
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.demo.own_service import try_service
from devenv.verbs.demo.own_story import OwnVerdict
from devenv.verbs.explain.source import explain_run
from devenv.verbs.init.detect import InitOptions, look
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.operate.toggle import toggle
from tests.integration.own_service.conftest import HEADER_VALUE, OWN_STYLE, explored, needed, played
from tests.support import devenv_run

NODE = """\
[service]
command = "node server.mjs"

[profile]
id = { field = "id" }

[profile.kinds.sum]
create = { path = "/challenges" }
verify = { path = "/challenges/{id}", method = "PUT", body = { sum = "{answer}" } }
answers = { wrong = -1 }

[[profile.not-found]]
status = 404

[[profile.success]]
equals = { solved = true }

[[profile.wrong]]
equals = { solved = false }
"""
MCP = """\
preset = "mcp-session"
[service]
app = "server:app"
redis = false
"""
FILES = {"own-style": OWN_STYLE, "node-service": NODE, "mcp-session": MCP}
WITH_REDIS = ["own-style", "node-service"]


@pytest.fixture(scope="module", params=list(FILES))
def service(
    request: pytest.FixtureRequest, example: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, EmbeddedStack]]:
    """An example as two pods, sessions in their memory."""
    name = str(request.param)
    if name == "node-service":
        needed("node")
    spec = StackSpec(ports=Ports.free(), service=parse_service(FILES[name], example(name)))
    stack = EmbeddedStack(tmp_path_factory.mktemp("stack"), SUPERVISOR)
    try:
        stack.start(spec, lambda line: None)
        yield name, stack
    finally:
        stack.stop()


def test_the_bug_is_shown_and_its_cause_told(service: tuple[str, EmbeddedStack], tmp_path: Path) -> None:
    name, stack = service
    scenario = "mcp-session-lost" if name == "mcp-session" else "lost-session"
    result, run = played(stack, scenario, Strategy.MEMORY, tmp_path)
    if name == "mcp-session":  # it says what is right, and names the step at which the session was lost
        assert [failure.step for failure in result.deviations] == [3]
    else:
        assert result.deviations == ()
        assert result.bug
    explanation = explain_run(run)
    assert [group.cause for group in explanation.groups] == ["pod-memory"]
    [group] = explanation.groups
    assert "captcha-api-a" in group.first.sentence
    assert "captcha-api-b" in group.first.sentence
    assert ("Mcp-Session-Id" in group.first.change) == (name == "mcp-session")


@pytest.mark.parametrize("service", WITH_REDIS, indirect=True)
def test_with_redis_every_pod_knows_the_session(service: tuple[str, EmbeddedStack], tmp_path: Path) -> None:
    _, stack = service
    result, run = played(stack, "lost-session", Strategy.ATOMIC, tmp_path)
    assert result.deviations == ()
    assert not explain_run(run).wrong
    trace = (run.folder / "trace.jsonl").read_text(encoding="utf-8").splitlines()
    commands = [json.loads(line) for line in trace if '"kind": "redis"' in line]
    assert {command["pod"] for command in commands if command["command"] == "GET"} == {
        "captcha-api-a",
        "captcha-api-b",
    }


@pytest.mark.parametrize("service", ["mcp-session"], indirect=True)
def test_what_has_no_switch_is_not_toggled(service: tuple[str, EmbeddedStack]) -> None:
    _, stack = service
    before = [pod.pid for pod in stack.status().pods]
    with pytest.raises(UsageProblem, match="has no switch"):
        toggle(stack, True, progress=lambda line: None, clock=time.monotonic)
    assert [pod.pid for pod in stack.status().pods] == before


@pytest.mark.parametrize("service", ["own-style"], indirect=True)
def test_the_values_of_its_headers_are_in_no_file(service: tuple[str, EmbeddedStack], tmp_path: Path) -> None:
    _, stack = service
    _, run = played(stack, "lost-session", Strategy.MEMORY, tmp_path)
    texts = [path.read_text(encoding="utf-8") for path in run.folder.iterdir()]
    assert any("/v2/solve" in text for text in texts)
    assert not any(HEADER_VALUE in text for text in texts)


class TestInit:
    """What init writes of an example is enough for everything else."""

    def test_a_flag_that_switches_nothing_is_no_switch(
        self, example: Callable[[str], Path], tmp_path: Path
    ) -> None:
        folder = example("own-style")
        program = (folder / "main.py").read_text(encoding="utf-8")
        always = program.replace('.lower() != "true"', ".lower() is None")
        assert always != program
        (folder / "main.py").write_text(always, encoding="utf-8")
        result = look(InitOptions(folder), tmp_path, lambda line: None)
        assert (result.key, result.switchable) == ("own:{id}", False)
        assert "whatever USE_REDIS says" in result.notes[-1]
        assert not parse_service(toml_text(result), folder).switchable

    def test_a_service_that_breaks_says_why(self, example: Callable[[str], Path], tmp_path: Path) -> None:
        folder = example("own-style")
        program = (folder / "main.py").read_text(encoding="utf-8")
        broken = program.replace('"expiresIn": TTL_S', '"expiresIn": {}["no such word"]')
        assert broken != program
        (folder / "main.py").write_text(broken, encoding="utf-8")
        with pytest.raises(EnvironmentProblem, match="answered 500") as message:
            look(InitOptions(folder), tmp_path, lambda line: None)
        assert "KeyError: 'no such word'" in str(message.value.hint)

    def test_a_service_with_openapi_needs_no_word(
        self, example: Callable[[str], Path], tmp_path: Path
    ) -> None:
        folder = example("own-style")
        result = look(InitOptions(folder), tmp_path, lambda line: None)
        assert result.neutral == ("FEATURE_FLAGS_HOST", "AUDIT_DSN")
        assert result.key == "own:{id}"
        written = parse_service(toml_text(result), folder)
        wished = parse_service(OWN_STYLE, folder)
        assert written.profile.kinds == wished.profile.kinds
        assert written.profile.id_field == wished.profile.id_field
        assert list(written.profile.headers) == ["x-client-id"]
        for status, body in (
            (410, {}),
            (200, {"data": {"verdict": "pass"}}),
            (200, {"data": {"verdict": "fail"}}),
        ):
            assert written.profile.outcome(status, body) is wished.profile.outcome(status, body)

    def test_one_without_is_told_three_things(self, example: Callable[[str], Path], tmp_path: Path) -> None:
        needed("node")
        folder = example("node-service")
        options = InitOptions(
            folder, create="POST /challenges", verify="PUT /challenges/{id}", body='{"sum": -1}'
        )
        written = parse_service(toml_text(look(options, tmp_path, lambda line: None)), folder)
        wished = parse_service(NODE, folder)
        assert written.command == wished.command
        for status, body in ((404, {}), (200, {"solved": True}), (200, {"solved": False})):
            assert written.profile.outcome(status, body) is wished.profile.outcome(status, body)


STRANGE = """\
import json, os, secrets, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import redis

url = os.environ["GAME_CACHE_URL"] if os.getenv("USE_REDIS") == "true" else None
cache = redis.Redis.from_url(url) if url else None
memory = {}

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        if self.path == "/start" and "lang" not in body:
            return self.say(400, {"why": "no lang"})
        if self.path == "/start":
            session = secrets.token_hex(12)
            cache.set("game:" + session, 7, ex=60) if cache else memory.update({session: 7})
            return self.say(200, {"hello": body["lang"]}, session)
        session = self.headers.get("X-Game", "")
        number = cache.get("game:" + session) if cache else memory.get(session)
        self.say(200, {"ok": int(number) == body["n"]} if number else {"ok": False, "why": "no game"})

    def say(self, status, told, session=None):
        text = json.dumps(told).encode()
        self.send_response(status)
        if session:
            self.send_header("X-Game", session)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


def test_a_session_in_a_header_and_other_names_for_everything(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """No framework, no OpenAPI, a body to begin with: init is told the requests, and nothing else."""
    (tmp_path / "game.py").write_text(STRANGE, encoding="utf-8")
    (tmp_path / ".env").write_text("GAME_CACHE_URL=rediss://prod.example.invalid:6380\n", encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return devenv_run(tmp_path, environment, *words)

    requests = ["--create", "POST /start", "--verify", "POST /guess", "--body", '{"n": 1}']
    start = ["init", "--yes", "--command", "{python} game.py {port}", *requests]
    refused = run(*start)
    assert refused.returncode == 4
    assert "--create-body" in refused.stderr
    begun = run(*start, "--create-body", '{"lang": "en"}', "--json")
    assert begun.returncode == 0, begun.stderr
    report = json.loads(begun.stdout)
    assert (report["id_header"], report["redis_key"]) == ("x-game", "game:{id}")
    text = (tmp_path / "devenv.toml").read_text(encoding="utf-8")
    switch = '\n[service.redis]\non = { GAME = "redis" }\noff = { GAME = "memory" }\n'
    (tmp_path / "devenv.toml").write_text(text + switch, encoding="utf-8")
    (tmp_path / "game.py").write_text(
        STRANGE.replace('"USE_REDIS") == "true"', '"GAME") == "redis"'), "utf-8"
    )
    story = run("demo", "--trials", "2", "--json")
    acts = json.loads(story.stdout)["acts"]
    assert [(act["setting"], act["lost"]) for act in acts] == [("GAME=memory", 2), ("GAME=redis", 0)]
    assert story.returncode == 0


def test_three_commands_from_its_folder(example: Callable[[str], Path], environment: dict[str, str]) -> None:
    folder = example("own-style")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return devenv_run(folder, environment, *words)

    assert run("init", "--yes").returncode == 0
    story = run("demo", "--trials", "2", "--json")
    assert story.returncode == 0
    message = json.loads(story.stdout)
    assert [act["lost"] for act in message["acts"]] == [2, 0]
    report = Path(message["report"]).read_text(encoding="utf-8")
    assert message["sentence"] in report  # the verdict on both acts, not on the bug alone
    assert re.search(
        r"USE_REDIS=false.*2 × not found.*USE_REDIS=true.*2 of 2 known.*pod-memory", report, re.DOTALL
    )
    assert [finding["cause"] for finding in message["acts"][0]["findings"]] == ["pod-memory"]
    explained = run("explain", "latest")
    assert explained.returncode == 1
    assert "pod-memory" in explained.stdout


def test_every_verb_says_redis_of_its_store_and_the_doctor_finds_nothing(
    example: Callable[[str], Path], environment: dict[str, str]
) -> None:
    folder = example("own-style")
    (folder / "devenv.toml").write_text(OWN_STYLE, encoding="utf-8")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        return devenv_run(folder, environment, *words)

    assert run("up", "-d").returncode == 0
    try:
        on, replay, explain = run("toggle", "on"), run("replay", "lost-session"), run("explain")
        doctor, seed = run("doctor", "--json"), run("seed", "-n", "3")
        ends = json.loads(run("status", "--json").stdout)["endpoints"]
        settings = (
            f"USE_REDIS=true\nREDIS_HOST=127.0.0.1\nREDIS_PORT={ends['redis_port']}\nREDIS_PREFIX=own:\n"
        )
        (folder / "pod.env").write_text(settings, encoding="utf-8")
        outside = run("doctor", "--env-file", "pod.env", "--service", ends["traffic"])
    finally:
        assert run("down").returncode == 0
    assert on.stdout.count("memory → Redis") == 2
    assert "store: Redis" in replay.stdout
    for done in (on, replay, explain):
        assert done.returncode == 0
        assert "atomic" not in done.stdout + done.stderr
    # Its keys have a prefix that no setting names; nobody knows its commands.
    assert json.loads(doctor.stdout)["findings"] == []
    assert "2 of 2 challenges have their key in Redis" in doctor.stdout
    assert doctor.returncode == 0
    assert "6 of 6 challenges have their key in Redis" in outside.stdout  # asked as devenv.toml says
    assert outside.returncode == 0
    assert seed.returncode == 2
    assert "the service has puzzle" in seed.stderr


def test_unknown_addresses_stop_it_and_no_value_is_told(
    example: Callable[[str], Path], environment: dict[str, str]
) -> None:
    folder = example("own-style")
    words = ["up", "-d", "--app", "main:app"]
    done = devenv_run(folder, environment, *words)
    assert done.returncode == 2
    assert "FEATURE_FLAGS_HOST (.env:7), AUDIT_DSN (.env:8)" in done.stderr
    assert "--allow-env" in done.stderr
    assert "example.invalid" not in done.stderr + done.stdout
    assert not (folder / ".devenv" / "embedded.json").exists()


@pytest.mark.parametrize("service", WITH_REDIS, indirect=True)
def test_its_orders_are_explored(service: tuple[str, EmbeddedStack], tmp_path: Path) -> None:
    _, stack = service
    exploration = explored(stack, "W+W+X", tmp_path)
    # Two reads and an expiry: what each read sees is all that the orders differ in.
    assert (exploration.traces, exploration.complete, exploration.violations) == (4, True, ())
    assert exploration.exit_code == 0


def test_several_worker_processes_in_each_pod(example: Callable[[str], Path], tmp_path: Path) -> None:
    service = parse_service(OWN_STYLE, example("own-style"))
    settings = Settings(workers=2, state_dir=tmp_path, service=service)
    story = try_service(settings, service, trials=4, act_ended=lambda act: None, progress=lambda line: None)
    memory, redis = story.acts
    assert memory.trials["puzzle"].crossing.not_found == 4
    assert redis.lost == 0
    assert story.verdict is OwnVerdict.HOLDS
    values = {group.cause for group in memory.explanation.groups}
    assert "pod-memory" in values
    assert values <= {"pod-memory", "many-workers"}  # whether a session meets its worker again is chance


def test_its_cluster_client_on_a_cluster(
    example: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    service = parse_service(OWN_STYLE, example("own-style"))
    spec = StackSpec(
        ports=Ports.free(),
        use_redis=True,
        env={"REDIS_CLUSTER": "true"},
        redis_mode=RedisMode.CLUSTER,
        service=service,
    )
    stack = EmbeddedStack(tmp_path_factory.mktemp("cluster"), SUPERVISOR)
    try:
        stack.start(spec, lambda line: None)
        result, run = played(stack, "lost-session", Strategy.ATOMIC, tmp_path)
    finally:
        stack.stop()
    assert result.deviations == ()
    assert not explain_run(run).wrong
    assert '"command": "CLUSTER' in (run.folder / "trace.jsonl").read_text(encoding="utf-8")
