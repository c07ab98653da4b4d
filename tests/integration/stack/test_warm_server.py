"""Programs that are forks of a warm process are what they are when they are started by themselves."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest

from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.embedded import warm_client, warm_server
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.stack.embedded.child import Child
from devenv.stack.embedded.warm_client import WarmProcess
from devenv.stack.environment import essentials
from devenv.verbs.operate.select import SUPERVISOR
from tests.support import SharedWarmProcess, all_gone, until

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no fork here")

PORTRAIT = """
import json, os, random, secrets, signal, stat, sys, tempfile, threading, time, uuid
handlers = {int(number): str(signal.getsignal(number)) for number in signal.valid_signals()}
print(json.dumps({
    "arguments": sys.argv[1:],
    "environment": dict(os.environ),
    "folder": os.getcwd(),
    "first of the path": sys.path[0],
    "temporary files": tempfile.gettempdir(),
    "input": sys.stdin.read(),
    "leads its session": os.getsid(0) == os.getpid() == os.getpgid(0),
    "handlers": handlers,
    "threads": threading.active_count(),
    "descriptors": sorted(
        number for number in range(64)
        if os.path.exists(f"/dev/fd/{number}") and not stat.S_ISDIR(os.fstat(number).st_mode)
    ) if sys.platform == "linux" else [],
    "encoding": [sys.stdout.encoding, sys.stderr.encoding, sys.stderr.errors],
    "main": sys.modules["__main__"].__spec__.name,
    "zone": time.strftime("%Z", time.localtime(0)),
}))
print(json.dumps([str(uuid.uuid4()), random.random(), secrets.token_hex(8)]))
"""
ENDINGS = {
    "nothing": ("pass", 0),
    "an exit code": ("raise SystemExit(7)", 7),
    "a sentence": ("raise SystemExit('no such luck')", 1),
    "an error": ("raise ValueError('no such luck')", 1),
    "a word that is written late": ("import sys; sys.stdout.write('not a whole line')", 0),
    "a thread that goes on": (
        "import threading, time; threading.Timer(0.05, print, ['later']).start(); raise SystemExit(3)", 3,
    ),
    "Ctrl-C": ("import os, signal; os.kill(os.getpid(), signal.SIGINT)", None),
    "SIGTERM": ("import os, signal; os.kill(os.getpid(), signal.SIGTERM)", 128 + signal.SIGTERM),
    "a crash": ("import os; os.abort()", 128 + signal.SIGABRT),
    "a child that stays": (
        "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'])", 0,
    ),
}  # fmt: skip


@pytest.fixture
def warm(shared_warm_process: SharedWarmProcess) -> Iterator[WarmProcess]:
    connection = warm_client.connect(shared_warm_process.path)
    assert connection is not None
    process = WarmProcess(connection)
    yield process
    process.close()


def outcome(
    folder: Path, program: str, warm: WarmProcess | None, env: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Exit code and log of a module with this text."""
    folder.mkdir(exist_ok=True)
    (folder / "portrait.py").write_text(program, encoding="utf-8")
    child = Child("portrait", folder.with_suffix(".log"), folder.with_suffix(".pid"), warm)

    async def run() -> int:
        command = [sys.executable, "-m", "portrait", "--port", "1"]
        await child.start(command, {**essentials(), **(env or {})}, folder)
        return await child.ended()

    return asyncio.run(run()), child.log.read_text(encoding="utf-8")


def portrait(
    folder: Path, warm: WarmProcess | None, env: Mapping[str, str]
) -> tuple[dict[str, Any], list[Any]]:
    code, log = outcome(folder, PORTRAIT, warm, env)
    lines = log.splitlines()
    assert code == 0, log
    return json.loads(lines[0]), json.loads(lines[1])


def test_a_fork_has_nothing_of_the_warm_process(tmp_path: Path, warm: WarmProcess) -> None:
    (tmp_path / "tmp").mkdir()
    env = {"USE_REDIS": "true", "EMPTY": "", "TMPDIR": str(tmp_path / "tmp"), "TZ": "Asia/Seoul"}
    started, _ = portrait(tmp_path / "pod", None, env)
    forked, first = portrait(tmp_path / "pod", warm, env)
    assert forked == started
    assert forked["environment"] == {**essentials(), **env} | {
        name: value for name, value in started["environment"].items() if name == "LC_CTYPE"
    }
    assert forked["temporary files"] == str(tmp_path / "tmp")
    _, second = portrait(tmp_path / "pod", warm, env)
    assert not set(map(str, first)) & set(map(str, second)), "two forks drew the same random values"


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_fork_ends_as_a_program_does(tmp_path: Path, warm: WarmProcess, ending: str) -> None:
    program, code = ENDINGS[ending]
    started = outcome(tmp_path / "pod", program, None)
    forked = outcome(tmp_path / "pod", program, warm)
    assert forked[0] == started[0]
    assert code is None or forked[0] == code
    assert _last_line(forked[1]) == _last_line(started[1])


def _last_line(log: str) -> str:
    return next((line for line in reversed(log.splitlines()) if not line.startswith("devenv: ")), "")


def test_what_is_read_at_import_is_never_forked(tmp_path: Path, warm: WarmProcess) -> None:
    """The fork would go by the value that the warm process has."""
    message = "import os, sys; print(os.environ['PYTHONHASHSEED'], sys.flags.hash_randomization)"
    assert outcome(tmp_path / "pod", message, warm, {"PYTHONHASHSEED": "0"})[1].startswith("0 0\n")


def test_which_variables_imports_read(tmp_path: Path) -> None:
    """A library that reads another one when it is imported needs a line in warm_client, or here."""
    program = (
        "import os\n"
        "names = set()\n"
        "kind = type(os.environ)\n"
        "get = kind.__getitem__\n"
        "kind.__getitem__ = lambda self, name: (names.add(name), get(self, name))[1]\n"
        "from devenv.stack.embedded import warm_server\n"
        "names.clear()\n"
        "warm_server.import_modules()\n"
        "print(*sorted(names - set(os.environ)))\n"
    )
    code, log = outcome(tmp_path / "pod", program, None)
    assert code == 0, log
    # The languages are for argparse's words; pods get the PYTHONUSERBASE that the warm process went by.
    harmless = {"LANGUAGE", "LANG", "LC_ALL", "LC_MESSAGES", "PYTHONUSERBASE"}
    read = set(log.splitlines()[0].split()) - harmless
    assert "PYDANTIC_DISABLE_PLUGINS" in read
    assert {name for name in read if warm_client.forkable({name: "x"})} == set()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_warm_process_has_one_thread_and_no_socket_but_its_own(
    own_warm_process: None, tmp_path: Path
) -> None:
    stack = EmbeddedStack(tmp_path, SUPERVISOR)
    stack.start(StackSpec(pods=1, ports=Ports.free()), lambda line: None)
    try:
        warm = warm_process_of(tmp_path)
        assert warm.num_threads() == 1
        assert warm.net_connections(kind="inet") == []
    finally:
        stack.stop()


def warm_process_of(state_dir: Path) -> psutil.Process:
    """The child of the supervisor that has guards for children."""
    pid = json.loads((state_dir / "embedded.json").read_text(encoding="utf-8"))["pid"]
    return next(child for child in psutil.Process(pid).children() if child.cmdline()[1:2] == ["-m"])


def test_a_killed_warm_process_takes_nothing_along_and_pods_start_without_it(
    own_warm_process: None, tmp_path: Path
) -> None:
    stack = EmbeddedStack(tmp_path, SUPERVISOR)
    before = stack.start(StackSpec(ports=Ports.free()), lambda line: None)
    try:
        supervisor = psutil.Process(warm_process_of(tmp_path).ppid())
        warm = warm_process_of(tmp_path)
        family = [supervisor, *supervisor.children(recursive=True)]
        warm.kill()
        until(lambda: all_gone([warm]), "the warm process has ended")
        assert stack.status().pods == before.pods
        stack.restart_pods({"a": {"USE_REDIS": "true"}}, lambda line: None)
        after = stack.status()
        assert [pod.state for pod in after.pods] == ["running", "running"]
        assert after.pods[0].pid != before.pods[0].pid
        assert after.pods[1].pid == before.pods[1].pid
        family += supervisor.children(recursive=True)
        psutil.Process(supervisor.pid).kill()
        until(lambda: all_gone(family), "all processes have ended")
    finally:
        stack.stop()


@pytest.mark.parametrize("cold", [False, True])
def test_a_pod_of_ours_is_a_fork_unless_that_is_forbidden(
    own_warm_process: None, tmp_path: Path, cold: bool
) -> None:
    stack = EmbeddedStack(tmp_path, SUPERVISOR, cold=cold)
    status = stack.start(StackSpec(pods=1, ports=Ports.free()), lambda line: None)
    try:
        (pid,) = [pod.pid for pod in status.pods if pod.pid is not None]
        assert ("devenv.stack.embedded.pod_server" in psutil.Process(pid).cmdline()) is cold
    finally:
        stack.stop()


@pytest.mark.parametrize("name", warm_server.POD_MODULES)
def test_a_module_that_pods_import_is_there(name: str) -> None:
    """``import_modules`` leaves out what is not installed, also a misspelt name."""
    assert find_spec(name) is not None


def test_a_pod_imports_nothing_more_than_the_warm_process_has(tmp_path: Path, warm: WarmProcess) -> None:
    """What a fork has to import costs its time at each start."""
    program = (
        "import sys, threading, time, urllib.request, uvicorn\n"
        "before = set(sys.modules)\n"
        "config = uvicorn.Config('devenv.captcha_api.app:app', port=0, access_log=False, log_level='error')\n"
        "server = uvicorn.Server(config)\n"
        "threading.Thread(target=server.run, daemon=True).start()\n"
        "while not server.started: time.sleep(0.01)\n"
        "port = server.servers[0].sockets[0].getsockname()[1]\n"
        "after = set(sys.modules)\n"
        "print('imported:', *sorted(after - before))\n"
        "urllib.request.urlopen(f'http://127.0.0.1:{port}/health')\n"
        "print('imported:', *sorted(name for name in set(sys.modules) - after if 'anyio' in name))\n"
    )
    code, log = outcome(tmp_path / "pod", program, warm, {"NO_PROXY": "*"})
    assert code == 0, log
    lines = [line for line in log.splitlines() if line.startswith("imported:")]
    assert lines == ["imported: devenv.captcha_api.app", "imported:"]
