"""Run folders and their names."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.events import HistoryEvent
from devenv.harness.client.recording import Recording
from devenv.harness.runs.folders import list_runs, open_run, resolve_run

NOON = 1_767_268_800.0  # 2026-01-01 12:00 UTC


def test_a_run_is_named_by_time_and_name(tmp_path: Path) -> None:
    first = open_run(tmp_path, "pod memory/../x", NOON)
    assert first.id == "20260101T120000Z-pod-memory-..-x"
    assert first.folder.parent == tmp_path / "runs"
    assert open_run(tmp_path, "pod memory/../x", NOON).id == f"{first.id}-2"


def test_latest_follows_the_newest(tmp_path: Path) -> None:
    for count, name in enumerate(["one", "two", "three"]):
        run = open_run(tmp_path, name, NOON + count)
        assert resolve_run(tmp_path, "latest") == run
    assert [run.id.rpartition("-")[2] for run in list_runs(tmp_path)] == ["one", "two", "three"]


def test_latest_as_a_file_where_links_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_args: object, **_options: object) -> None:
        raise OSError("a required privilege is not held")

    monkeypatch.setattr(Path, "symlink_to", refused)
    open_run(tmp_path, "one", NOON)
    two = open_run(tmp_path, "two", NOON)
    assert not (tmp_path / "runs" / "latest").is_symlink()
    assert resolve_run(tmp_path, "latest") == two
    assert len(list_runs(tmp_path)) == 2


def test_a_run_is_found_by_the_beginning_of_its_id(tmp_path: Path) -> None:
    one = open_run(tmp_path, "one", NOON)
    open_run(tmp_path, "one", NOON)
    two = open_run(tmp_path, "two", NOON)
    assert resolve_run(tmp_path, one.id) == one  # although it is the beginning of one-2 too
    assert resolve_run(tmp_path, two.id[:-1]) == two
    with pytest.raises(UsageProblem, match="is the beginning of 3 runs"):
        resolve_run(tmp_path, "2026")
    with pytest.raises(UsageProblem, match="no run 'x'"):
        resolve_run(tmp_path, "x")
    with pytest.raises(UsageProblem, match="no run is recorded yet") as result:
        resolve_run(tmp_path / "elsewhere", "latest")
    assert "devenv replay NAME" in (result.value.hint or "")


def test_a_recording_becomes_json_lines(tmp_path: Path) -> None:
    run = open_run(tmp_path, "one", NOON)
    recording = Recording()
    recording.history.append(HistoryEvent(0, "invoke", "create", {"type": "abstract"}, NOON, "captcha-api-a"))
    recording.note(NOON, "captcha-api-a", "restart")
    run.write_lines("history.jsonl", (event.to_json() for event in recording.history))
    lines = (run.folder / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["f"] for line in lines] == ["create"]
    assert [message.kind for message in recording.messages] == ["note"]


def test_results_are_read_back_or_refused(tmp_path: Path) -> None:
    run = open_run(tmp_path, "one", NOON)
    with pytest.raises(UsageProblem, match=r"has no readable results\.json"):
        run.read_json("results.json")
    run.write_json("results.json", {"kind": "replay"})
    assert run.read_json("results.json") == {"kind": "replay"}
    run.write_text("results.json", "[]")
    with pytest.raises(UsageProblem, match="is not a JSON object"):
        run.read_json("results.json")
