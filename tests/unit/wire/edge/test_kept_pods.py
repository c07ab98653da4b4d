"""The pods of Compose's proxy in a file that outlives its process."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.wire.edge.kept_pods import KeptPods

PODS = ["captcha-api-a", "captcha-api-c"]


def environ(file: Path) -> dict[str, str]:
    return {"DEVENV_PODS": "x=x:8000", "DEVENV_POLICY": "random", "DEVENV_KEPT_PODS": str(file)}


def test_what_was_written_is_read_by_a_process_of_the_same_container(tmp_path: Path) -> None:
    given = environ(tmp_path / "pods.json")
    assert KeptPods.of(given).read() is None
    KeptPods.of(given).write(PODS, "pinned:c")
    assert KeptPods.of(given).read() == (PODS, "pinned:c")
    assert [file.name for file in tmp_path.iterdir()] == ["pods.json"]
    for name in ("DEVENV_PODS", "DEVENV_POLICY"):
        assert KeptPods.of({**given, name: "other"}).read() is None, "another container's file"


def test_a_file_that_was_cut_is_no_file(tmp_path: Path) -> None:
    given = environ(tmp_path / "pods.json")
    (tmp_path / "pods.json").write_text("{", encoding="utf-8")
    assert KeptPods.of(given).read() is None


def test_without_the_variable_nothing_is_kept() -> None:
    kept = KeptPods.of({})
    kept.write(PODS, "random")
    assert kept.read() is None


def test_pods_that_cannot_be_kept_are_an_error_that_names_the_file(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"missing.pods\.json"):
        KeptPods.of(environ(tmp_path / "missing" / "pods.json")).write(PODS, "random")
