"""Manifests of files and folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.harness.config.manifests import manifest_documents


def test_a_folder_gives_its_yaml_files_in_order(tmp_path: Path) -> None:
    (tmp_path / "b.yml").write_text("kind: B\n---\nkind: C\n")
    (tmp_path / "a.yaml").write_text("kind: A\n")
    (tmp_path / "notes.txt").write_text("kind: none")
    documents = manifest_documents([tmp_path, tmp_path / "a.yaml"])
    assert [document.data["kind"] for document in documents] == ["A", "B", "C", "A"]
    assert documents[1].name == str(tmp_path / "b.yml")


def test_a_broken_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("kind: A\nspec: [\n")
    with pytest.raises(UsageProblem, match=r"a\.yaml:\d+: not readable as YAML"):
        manifest_documents([tmp_path])
