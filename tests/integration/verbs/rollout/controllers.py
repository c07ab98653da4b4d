"""``devenv rollout`` as processes in a stack's folder, which tests start, kill and ask."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devenv.core.model.backends import Backend
from devenv.verbs.rollout.journal import Phase, RolloutJournal, RolloutState
from tests.support import HANG_GUARD_S, devenv_command, devenv_here, until

HEAD = """\
version: 1
id: mine
title: Of a test
pods: 2
ttl: 20
slack: 0.5
traffic: { rate: 40, think: 0.05 }
"""
SURE = "gate: { max-loss: 0, margin: 0.1 }"
ROUGH = "gate: { margin: 0.3, least: 60 }"
"""60 sessions: none of them lost at a share of 25 % happens once in 30 million runs; with 20, once in 300."""


KILLED = f"""\
strategy: births
start: off
steps:
  - {{ name: ready, stages: ready, dwell: 1s, {ROUGH} }}
  - {{ name: births, stages: births, change: runtime, dwell: 1s, {SURE}, promote: manual }}
"""
MOMENTS = [
    (0, Phase.STARTING), (1, Phase.CHANGING), (1, Phase.DWELLING), (1, Phase.GATING), (2, Phase.DWELLING),
    (2, Phase.GATING), (2, Phase.WAITING),
]  # fmt: skip


class Here:
    """The command line in the stack's folder."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        """``more`` are further variables of the commands."""
        self.folder = folder
        self.journal = RolloutJournal(folder / ".devenv")
        unwanted = ("DEVENV_", "USE_REDIS", "SESSION_STRATEGY", "REDIS_", "CAPTCHA_TTL", "MIGRATION_")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
        self.environment |= more or {}

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.folder / "controller.log").open("ab") as log:
            return subprocess.Popen(
                devenv_command("rollout", *words),
                cwd=self.folder,
                env=self.environment,
                stdout=log,
                stderr=log,
            )

    def json(self, *words: str, code: int = 0) -> Any:
        done = devenv_here(self.folder, self.environment, "rollout", *words, "--json")
        assert done.returncode == code, done.stderr
        return json.loads(done.stdout)

    def reaches(self, controller: subprocess.Popen[bytes], step: int, phase: Phase) -> RolloutState:
        def there() -> RolloutState | None:
            state = self.journal.read()
            assert controller.poll() is None, (self.folder / "controller.log").read_text()
            return state if state is not None and (state.step, state.phase) == (step, phase) else None

        state = until(there, f"step {step} is {phase}", every=0.005)
        assert state is not None
        return state


def killed_at_every_step(here: Here, backend: Backend) -> None:
    """Start a rollout, kill its controller at each of ``MOMENTS``, resume, and promote its last step.

    The stack of ``backend`` has two pods, and the state of ``here`` belongs to it.
    """
    (here.folder / "killed.yaml").write_text(HEAD + KILLED, encoding="utf-8")
    words = ["run", "killed.yaml", "--rate", "39", "--seed", "7"]
    for step, phase in MOMENTS:
        controller = here.start(*words)
        here.reaches(controller, step, phase)
        controller.kill()
        controller.wait(HANG_GUARD_S)
        words = ["run", "--resume"]
    assert here.json("status")["controlled"] is False
    controller = here.start("run", "--resume")
    until(lambda: here.json("status")["controlled"], "a controller is at work")
    assert here.json("promote") == {"promoted": 2}
    assert controller.wait(HANG_GUARD_S) == 0, (here.folder / "controller.log").read_text()
    state = here.journal.present()
    assert (state.phase, [result["decision"] for result in state.results]) == (Phase.DONE, ["holds", "holds"])
    assert set(state.pods.values()) == {"births"}
    assert (state.rate, state.seed, state.backend) == (39, 7, backend), "--resume keeps the options"
