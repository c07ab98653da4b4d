"""The plugin: silent where nobody uses it, telling where a test fails, gone afterwards."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

from tests.support import HANG_GUARD_S

Make = Callable[[str], Any]

UNUSED = """
import sys

def test_of_something_else(request):
    assert request.config.pluginmanager.hasplugin("devenv")
    wings = ("devenv.stack", "devenv.verbs", "devenv.wire")
    assert [name for name in sys.modules if name.startswith(wings)] == []
"""

FAILING = '''
import pytest
import httpx

SCENARIO = """
version: 1
id: wishful
title: Without Redis it would pass
cause: pod-memory
needs: [R]
stores: {memory: {shows: It passes}, guide: {shows: It passes}, atomic: {shows: It passes}}
sessions: {person: abstract}
steps:
  - {create: person, pod: A}
  - {verify: person, pod: B, answer: right, expect: {outcome: success}}
"""

@pytest.fixture
def wishful(devenv, request):
    path = request.config.rootpath / "wishful.yaml"
    path.write_text(SCENARIO)
    return path

def test_helper(devenv, wishful):
    devenv.replay(wishful).assert_holds()

def test_plain_assert(devenv, wishful):
    outcome = devenv.replay("wishful.yaml")
    assert outcome.holds

def test_toggled(devenv):
    devenv.toggle(True, "a", strategy="guide")
    assert devenv.status().pods[0].settings["SESSION_STRATEGY"] == "guide"

def test_as_before(devenv):
    assert {pod.settings["USE_REDIS"] for pod in devenv.status().pods} == {"false"}
    assert len(devenv.pods) == 3
    assert httpx.get(devenv.base_url + "/health").status_code == 200

def test_no_such_scenario(devenv):
    devenv.replay("pod-memori")
'''

WAITING = """
import time

def test_that_takes_its_time(devenv, request):
    (request.config.rootpath / "running").touch()
    time.sleep(120)
"""

EXPLORING = """
import logging

def test_that_explores(devenv, request):
    class Mark(logging.Handler):
        def emit(self, record):
            if "learning" in record.getMessage():
                (request.config.rootpath / "running").touch()

    logging.getLogger("devenv").addHandler(Mark())
    logging.getLogger("devenv").setLevel(logging.INFO)
    devenv.explore("8 W", strategy="guide")

def test_after_it():
    pass
"""


def test_nothing_is_started_nor_imported_where_nobody_asks(project: Make) -> None:
    unused = project(UNUSED)
    done = unused.pytest()
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (unused.folder / ".devenv").exists()


def test_failures_explain_themselves_and_toggles_are_taken_back(project: Make) -> None:
    failing = project(FAILING)
    done = failing.pytest("--devenv-strategy", "memory", "--devenv-pods", "3")
    assert "3 failed, 2 passed" in done.stdout, done.stdout + done.stderr
    helper, plain, unknown = (
        done.stdout.split(f"__ {name} __")[1].split("\n____")[0]
        for name in ("test_helper", "test_plain_assert", "test_no_such_scenario")
    )
    for message in (helper, plain):
        assert message.count("replay of wishful with the memory store: fails") == 1
        assert 'outcome: expected "success", got "not_found"' in message.replace("success,", '"success",')
        assert "pod-memory: " in message
        assert "change: " in message
        assert "Reproduce with: devenv replay " in message
        assert "devenv: captcha-api-b wrote" in message
    assert "no scenario 'pod-memori'" in unknown
    assert "hint: did you mean pod-memory" in unknown
    assert failing.left_behind() == []


@pytest.mark.parametrize("text", [WAITING, EXPLORING], ids=["waiting", "exploring"])
def test_ctrl_c_leaves_nothing_behind(project: Make, text: str) -> None:
    waiting = project(text)
    process = subprocess.Popen(
        waiting.command(), cwd=waiting.folder, env=waiting.environment(), stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, encoding="utf-8", start_new_session=True,
    )  # fmt: skip
    try:
        while not (waiting.folder / "running").exists():
            assert process.poll() is None
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        assert len(family) > 4
        process.send_signal(signal.SIGINT)
        message, _ = process.communicate(timeout=HANG_GUARD_S)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == pytest.ExitCode.INTERRUPTED
    assert "KeyboardInterrupt" in message
    assert "passed" not in message  # no other test is begun
    assert [item for item in family if item.is_running() and item.status() != psutil.STATUS_ZOMBIE] == []
    assert waiting.left_behind() == []


def test_a_wrong_option_is_one_line(project: Make) -> None:
    done = project(UNUSED).pytest("-o", "devenv_backend=vm")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "devenv_backend is 'vm', expected embedded or compose" in done.stderr.splitlines()[0]
