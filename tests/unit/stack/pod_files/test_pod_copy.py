from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from devenv.stack.pod_files import pod_copy
from devenv.stack.pod_files.pod_copy import Budget, NoCopy, PodCopy, copy_for_pod


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A service in a repository, beside a folder that it shares with others."""
    top = tmp_path / "repository"
    (top / ".git").mkdir(parents=True)
    put(top / "common" / "names.py")
    folder = top / "services" / "api"
    put(folder / "server.py")
    put(folder / "data" / "sessions.json", "[]")
    put(folder / "node_modules" / "express" / "index.js")
    put(folder / "env" / "pyvenv.cfg")
    put(folder / ".devenv" / "spec.json")
    return folder


def copied(service: Path, tmp_path: Path) -> PodCopy:
    return copy_for_pod(service, tmp_path / "disk", service / ".devenv")


def test_what_a_pod_writes_stays_in_its_copy(service: Path, tmp_path: Path) -> None:
    folder = copied(service, tmp_path).folder
    put(folder / "data" / "sessions.json", '["one"]')
    put(folder / "new.db")
    assert (service / "data" / "sessions.json").read_text(encoding="utf-8") == "[]"
    assert not (service / "new.db").exists()


def test_installed_packages_are_linked_and_our_state_is_left_out(service: Path, tmp_path: Path) -> None:
    folder = copied(service, tmp_path).folder
    assert (folder / "node_modules").is_symlink()
    assert (folder / "env").is_symlink()
    assert (folder / "node_modules" / "express" / "index.js").is_file()
    assert not (folder / ".devenv").exists()


def test_what_lies_around_the_folder_is_found_up_to_the_top_of_the_repository(
    service: Path, tmp_path: Path
) -> None:
    folder = copied(service, tmp_path).folder
    assert (folder / ".." / ".." / "common" / "names.py").is_file()
    put(folder / ".." / "beside.json")
    assert not (service.parent / "beside.json").exists()


def test_a_large_file_is_linked(service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pod_copy, "LINKED_FROM", 100)
    put(service / "weights.bin", "x" * 100)
    folder = copied(service, tmp_path).folder
    assert (folder / "weights.bin").is_symlink()
    assert not (folder / "server.py").is_symlink()


def test_a_relative_link_leads_into_the_copy(service: Path, tmp_path: Path) -> None:
    (service / "current").symlink_to("data", target_is_directory=True)
    (service / "outside").symlink_to(tmp_path, target_is_directory=True)
    folder = copied(service, tmp_path).folder
    put(folder / "current" / "sessions.json", '["one"]')
    assert (service / "data" / "sessions.json").read_text(encoding="utf-8") == "[]"
    assert (folder / "outside").resolve() == tmp_path.resolve()


@pytest.mark.parametrize("limits", [{"files": 2}, {"size": 2}], ids=str)
def test_a_folder_that_is_too_large_is_not_copied_and_leaves_nothing(
    service: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limits: dict[str, int]
) -> None:
    monkeypatch.setattr(pod_copy, "Budget", partial(Budget, **limits))
    put(service / "more.py")
    with pytest.raises(NoCopy, match=r"^it has more than|^its files have more than"):
        copied(service, tmp_path)
    assert not (tmp_path / "disk").exists()


def test_paths_into_the_folder_lead_into_the_copy(service: Path, tmp_path: Path) -> None:
    copy = copied(service, tmp_path)
    here, there = service, copy.folder
    assert copy.command(["node", f"{here}/server.mjs", f"--db={here}/data/x.db"]) == [
        "node",
        f"{there}/server.mjs",
        f"--db={there}/data/x.db",
    ]
    assert copy.environment({"URL": f"sqlite:///{here}/x.db", "PYTHONPATH": f"{here}:{here}/lib"}) == {
        "URL": f"sqlite:///{there}/x.db",
        "PYTHONPATH": f"{there}:{there}/lib",
    }


def test_paths_to_what_is_linked_or_ours_or_elsewhere_stay(service: Path, tmp_path: Path) -> None:
    copy = copied(service, tmp_path)
    kept = [f"{service}/env/bin/python", f"{service}/.devenv/run/tmp", f"{service}-old/x", f"{tmp_path}/x"]
    assert copy.command(kept) == kept


def test_without_a_repository_what_lies_beside_the_folder_is_found(tmp_path: Path) -> None:
    folder = tmp_path / "projects" / "api"
    put(folder / "server.py")
    put(tmp_path / "projects" / "common" / "names.py")
    copy = copied(folder, tmp_path)
    assert (copy.folder / ".." / "common" / "names.py").is_file()
