"""No verb that reads somebody else's file shows a control character of it, or breaks by it."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from devenv.core.render.visible import is_visible
from tests.support import ROOT, devenv_here

HOSTILE = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\u200b\r"
NAME = json.dumps(HOSTILE)
K8S = f"""
kind: Deployment
metadata: {{name: {NAME}}}
spec: {{template: {{spec: {{containers: [{{name: {NAME}, env: [{{name: REDIS_HOST, value: {NAME}}}]}}]}}}}}}
---
kind: ConfigMap
metadata: {{name: {NAME}}}
data: {{REDIS_PORT: {NAME}}}
"""
VERBS = (
    ("rollout", "status"), ("rollout", "plan", "plan.yaml"), ("rollout", "promote"), ("rollout", "abort"),
    ("rollout", "run", "plan.yaml"), ("export", "argo", "plan.yaml"), ("simulate", "--like", "x.har"),
    ("simulate", "--like", "x.log"), ("balance", "--k8s", "k8s.yaml"), ("balance", HOSTILE),
    ("doctor", "--k8s", "k8s.yaml", "--no-probe"), ("doctor", "--env-file", "env", "--no-probe"),
    ("scale", HOSTILE), ("watch", "--interval", HOSTILE), ("explore", HOSTILE), ("init", "--preset", HOSTILE),
    ("trace", HOSTILE, "--otlp", "o.json"),
)  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plan with hostile names, a rollout of it that has stopped, manifests, a log and a recording."""
    folder = tmp_path_factory.mktemp("hostile")
    plan = ROOT.joinpath("devenv", "rollouts", "added-canary.yaml").read_text(encoding="utf-8")
    plan = plan.replace("name: two pods, flag off", f"name: {NAME}")
    row = {
        "number": 1, "name": HOSTILE, "predicted_loss": 0.1, "test": {"sessions": 3, "lost": 1},
        "decision": "stop", "verdicts": {"refused": 1}, "first_refusal": HOSTILE,
        "lost_between": [{"born": HOSTILE, "used": HOSTILE, "sessions": 1, "why": HOSTILE}],
    }  # fmt: skip
    state = {"plan": plan, "name": HOSTILE, "token": "x", "step": 1, "phase": "stopped", "results": [row]}
    request = {"method": f"P{HOSTILE}", "url": f"http://h/{HOSTILE}"}
    har = {"log": {"entries": [{"startedDateTime": HOSTILE, "time": 1, "request": request}]}}
    files = {
        "plan.yaml": plan, "k8s.yaml": K8S, "x.har": json.dumps(har), "x.log": f"1.2.3.4 {HOSTILE}\n",
        "env": f"REDIS_HOST=x{HOSTILE}\nREDIS_PORT={HOSTILE}\n", ".devenv/rollout.json": json.dumps(state),
    }  # fmt: skip
    (folder / ".devenv").mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="")
    return folder


@pytest.mark.parametrize("words", VERBS, ids=[" ".join(words[:2]).replace(HOSTILE, "…") for words in VERBS])
def test_what_a_file_says_reaches_no_terminal(folder: Path, words: Sequence[str]) -> None:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DEVENV_", "REDIS_"))}
    done = devenv_here(folder, kept, *words)
    shown = done.stdout + done.stderr
    assert is_visible(shown), ascii(shown)
    assert done.returncode in (0, 1, 2, 4), shown
    assert "Traceback" not in shown
