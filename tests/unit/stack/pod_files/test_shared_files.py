from __future__ import annotations

import os
import sys
import time
from dataclasses import replace
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from devenv.core.model.ids import ChallengeId
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.stack.pod_files import shared_files
from devenv.stack.pod_files.shared_files import files_of_sessions
from devenv.stack.pod_files.shared_files import shared_files as look

A, B = "captcha-api-a", "captcha-api-b"
SESSION = ChallengeId("3f2a9c51d0e7")
ENDS = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", "127.0.0.1", 4)


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ServiceSpec:
    """A service in a folder, and the machine's folder for temporary files beside it."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(shared_files, "_TEMPORARY", (str(tmp_path / "temporary"),))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    folder = tmp_path / "service"
    folder.mkdir()
    (folder / ".git").mkdir()
    return ServiceSpec(str(folder), CAPTCHA, app="main:app")


def status(service: ServiceSpec | None, pids: tuple[int | None, ...] = (None, None)) -> StackStatus:
    pods = tuple(PodStatus(name, "running", {}, pid) for name, pid in zip((A, B), pids, strict=False))
    return StackStatus("embedded", StackSpec(service=service), ENDS, pods, "redis", "7", "running")


def hints(state: StackStatus, tmp_path: Path, since: float) -> dict[str, str]:
    files = look(state, [SESSION], since, tmp_path / "state")
    return {Path(file.path).name: file.why for file in files}


def test_a_file_with_the_id_of_a_session(service: ServiceSpec, tmp_path: Path) -> None:
    since = time.time()
    (tmp_path / "temporary" / "sessions.json").write_text(f'["{SESSION}"]', encoding="utf-8")
    (tmp_path / "temporary" / f"sess_{SESSION}").touch()
    (tmp_path / "temporary" / "other.json").write_text("[]", encoding="utf-8")
    assert hints(status(service), tmp_path, since) == {
        "sessions.json": "holds the id of a session",
        f"sess_{SESSION}": "holds the id of a session",
    }
    assert hints(status(service), tmp_path, since + 60) == {}


def test_what_is_no_store_is_not_looked_at(service: ServiceSpec, tmp_path: Path) -> None:
    """Logs, our own state, what a pod has for itself."""
    since, holding = time.time(), f'["{SESSION}"]'
    for name in ("app.log", f"{A}.json", "devenv-pods-x/a.json", ".devenv/a.json"):
        file = tmp_path / "temporary" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(holding, encoding="utf-8")
    (tmp_path / "service" / "node_modules").mkdir()
    (tmp_path / "service" / "node_modules" / "a.json").write_text(holding, encoding="utf-8")
    assert hints(status(service), tmp_path, since) == {}


def test_where_nothing_can_be_shared_or_all_is_meant_to_be(service: ServiceSpec, tmp_path: Path) -> None:
    since = time.time()
    (tmp_path / "temporary" / "sessions.json").write_text(SESSION, encoding="utf-8")
    containers = replace(status(service), backend="compose")
    one_pod = replace(status(service), pods=status(service).pods[:1])
    for state in (status(None), containers, one_pod, status(replace(service, shared_folder=True))):
        assert hints(state, tmp_path, since) == {}


def test_a_file_that_two_pods_have_open_both_ways(service: ServiceSpec, tmp_path: Path) -> None:
    """As SQLite does; what it keeps there shows no id."""
    file = tmp_path / "sessions.db"
    program = f"""f = open({str(file)!r}, "a+"); f.write("x"); f.flush(); print("", flush=True); input()"""
    since = time.time()
    with (
        Popen([sys.executable, "-c", program], stdin=PIPE, stdout=PIPE) as first,
        Popen([sys.executable, "-c", program], stdin=PIPE, stdout=PIPE) as second,
    ):
        for process in (first, second):
            assert process.stdout is not None
            process.stdout.readline()
        both = hints(status(service, (first.pid, second.pid)), tmp_path, since)
        one = hints(status(service, (first.pid, None)), tmp_path, since)
        first.communicate(b"\n")
        second.communicate(b"\n")
    assert (both, one) == ({"sessions.db": "is open for reading and writing in several pods"}, {})


def test_pods_that_run_in_one_folder_share_all_that_they_write_there(
    service: ServiceSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    since = time.time()
    (tmp_path / "service" / "kept.bin").write_bytes(b"\x00")
    state = status(service, (os.getpid(), None))
    assert hints(state, tmp_path, since) == {}
    monkeypatch.chdir(tmp_path / "service")
    assert hints(state, tmp_path, since) == {
        "kept.bin": "was written by a pod, and all pods run in that folder"
    }


def test_the_files_of_a_pods_sessions_wherever_they_are(
    service: ServiceSpec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path / "service")
    since = time.time()
    kept = tmp_path / "service" / "sessions.json"
    kept.write_text(SESSION, encoding="utf-8")
    assert files_of_sessions(os.getpid(), [SESSION], since) == (str(kept),)
    assert files_of_sessions(os.getpid(), [ChallengeId("another-one")], since) == ()
