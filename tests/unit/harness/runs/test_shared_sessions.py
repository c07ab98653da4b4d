from __future__ import annotations

import time
from pathlib import Path

import pytest

from devenv.core.model.events import HistoryEvent, RedisCommand
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import Endpoints, PodStatus, StackSpec, StackStatus
from devenv.harness.runs.shared_sessions import files_by_kind
from devenv.stack.pod_files import shared_files

IN_FILE, IN_REDIS = "3f2a9c51d0e7", "77ab0c9de812"
HISTORY = [
    HistoryEvent(0, "ok", "create", {}, 1.0, "captcha-api-a", f"{kind}:{session}")
    for kind, session in (("basket", IN_FILE), ("login", IN_REDIS))
]
GET = RedisCommand(1, "captcha-api-a", 1, "SET", (f"s:{IN_REDIS}",), f"s:{IN_REDIS}", "+OK", 1.0, 1.1)


def test_a_session_in_redis_needs_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ids stand in the file, as in a file for statistics; one of the sessions is in Redis."""
    monkeypatch.setattr(shared_files, "_TEMPORARY", (str(tmp_path),))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    service = ServiceSpec(str(tmp_path), CAPTCHA, app="main:app")
    ends = Endpoints("http://127.0.0.1:1", "http://127.0.0.1:2", "http://127.0.0.1:3", "127.0.0.1", 4)
    pods = tuple(PodStatus(f"captcha-api-{letter}", "running", {}) for letter in "ab")
    status = StackStatus("embedded", StackSpec(service=service), ends, pods, "redis", "7", "running")
    since = time.time()
    (tmp_path / "all.json").write_text(f"{IN_FILE} {IN_REDIS}", encoding="utf-8")
    files = files_by_kind(status, HISTORY, [GET], since, tmp_path / "state")
    assert [file.path for file in files["basket"]] == [str(tmp_path / "all.json")]
    assert "login" not in files
