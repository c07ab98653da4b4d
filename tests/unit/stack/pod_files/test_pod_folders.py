from __future__ import annotations

import os
from pathlib import Path

import pytest

from devenv.stack.pod_files.pod_folders import PodFolders

FOLDERS = ("TMPDIR", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PodFolders:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return PodFolders(tmp_path / "run")


def test_no_two_pods_have_a_folder_in_common(folders: PodFolders) -> None:
    first, second = folders.fresh("a"), folders.fresh("b")
    for name in FOLDERS:
        assert Path(first[name]).is_dir()
        assert first[name] != second[name]
    assert first["TEMP"] == first["TMP"] == first["TMPDIR"]
    assert Path(first["XDG_CACHE_HOME"]).is_relative_to(first["HOME"])


def test_a_pod_that_starts_anew_has_empty_folders(folders: PodFolders) -> None:
    Path(folders.fresh("a")["TMPDIR"], "sess_1").write_text("x", encoding="utf-8")
    other = Path(folders.fresh("b")["TMPDIR"], "sess_2")
    other.write_text("x", encoding="utf-8")
    assert list(Path(folders.fresh("a")["TMPDIR"]).iterdir()) == []
    assert other.is_file()
    folders.remove()
    folders.remove()
    assert not other.exists()


def test_php_keeps_its_sessions_in_the_pods_own_folder(folders: PodFolders) -> None:
    """PHP reads the files of its own folder first, then those of this."""
    variables = folders.fresh("a")
    before, _, folder = variables["PHP_INI_SCAN_DIR"].partition(os.pathsep)
    setting = Path(folder, "pod.ini").read_text(encoding="utf-8")
    assert (before, setting) == ("", f'session.save_path = "{Path(variables["TMPDIR"]).as_posix()}"\n')


def test_a_sockets_name_fits_into_every_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 60) / "run"
    folders = PodFolders(deep)
    try:
        assert len(folders.fresh("captcha-api-a")["TMPDIR"]) <= 64
    finally:
        folders.remove()


def test_a_languages_tools_are_still_found(folders: PodFolders, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / ".pyenv").mkdir(parents=True)
    variables = folders.fresh("a", {"HOME": str(home), "CARGO_HOME": "/opt/cargo"})
    assert variables["PYENV_ROOT"] == str(home / ".pyenv")
    assert variables["CARGO_HOME"] == "/opt/cargo"
    assert "NVM_DIR" not in variables
    assert variables["HOME"] != str(home)
