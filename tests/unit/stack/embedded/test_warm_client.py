"""What the warm process is asked, and what its reports say; the forks themselves: tests/integration/stack."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from devenv.stack.embedded import warm_client, warm_server
from devenv.stack.embedded.forked_program import Program
from devenv.stack.embedded.warm_client import KILLED
from devenv.stack.environment import essentials

pytestmark = pytest.mark.skipif(os.name != "posix", reason="no fork here")
PROGRAM = Program("uvicorn", ("app:app", "--port", "1"), {"A": "한", "EMPTY": ""}, "/", "/run/pod.pid")


@pytest.mark.parametrize(
    ("report", "code"),
    [(b"", KILLED), (b"12", KILLED), (b"12\n", KILLED), (b"12\n0\n", 0), (b"12\n143\n", 143)],
)
def test_a_report_without_an_exit_code_is_of_a_killed_process(report: bytes, code: int) -> None:
    assert warm_client.exit_code(report) == code


@pytest.mark.parametrize(
    ("command", "result"),
    [
        ((sys.executable, "-m", "uvicorn", "a:b"), ("uvicorn", ("a:b",))),
        ((sys.executable, "-m", "uvicorn"), ("uvicorn", ())),
        ((sys.executable, "-m"), None),
        ((sys.executable, "-c", "pass"), None),
        (("/elsewhere/python", "-m", "uvicorn"), None),
        (("redis-server", "--port", "1"), None),
    ],
)
def test_only_a_module_of_our_interpreter_is_forked(command: tuple[str, ...], result: object) -> None:
    assert warm_client.module_of(command) == result


@pytest.mark.parametrize(
    ("name", "allowed"),
    [
        ("USE_REDIS", True),
        ("PYTHONUSERBASE", True),
        ("PYTHONHASHSEED", False),
        ("PROMETHEUS_MULTIPROC_DIR", False),
        ("prometheus_multiproc_dir", False),
        ("LD_PRELOAD", False),
    ],
)
def test_a_variable_that_imports_read_forbids_the_fork(name: str, allowed: bool) -> None:
    assert warm_client.forkable({**essentials({}), name: "1"}) is allowed


@pytest.mark.parametrize(("value", "warm"), [("", True), ("false", True), ("true", False), ("TRUE", False)])
def test_cold_forbids_forks(value: str, warm: bool) -> None:
    assert warm_client.available({"DEVENV_COLD": value}) is warm


def test_a_message_arrives_with_its_descriptors(tmp_path: Path) -> None:
    here, there = socket.socketpair()
    files = [(tmp_path / name).open("wb") for name in "abc"]
    with here, there:
        warm_server.send(here, PROGRAM, [file.fileno() for file in files])
        descriptors: list[int] = []
        assert warm_server.receive(there, descriptors) == PROGRAM
        assert [os.fstat(number).st_ino for number in descriptors] == [
            os.fstat(file.fileno()).st_ino for file in files
        ]
        here.close()
        assert warm_server.receive(there, []) is None
    for file in files:
        file.close()
    for number in descriptors:
        os.close(number)


def test_where_nobody_listens_nothing_is_asked(tmp_path: Path) -> None:
    assert warm_client.connect(tmp_path / "socket") is None
    here, there = socket.socketpair()
    there.close()
    before = len(list(Path("/dev/fd").iterdir()))
    with (tmp_path / "log").open("wb") as log:
        assert warm_client.WarmProcess(here).start(PROGRAM, log.fileno()) is None
    assert len(list(Path("/dev/fd").iterdir())) == before - 1  # the socket, which is not asked again
