"""Folders of each pod's own for what it writes: temporary files, home, XDG folders, a copy of its code.

Containers share none of these. Two pods on one machine would: sessions that a service keeps in files would
be found by every pod, and a demo would say that nothing is lost.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

from devenv.stack.files import write_atomically
from devenv.stack.pod_files.pod_copy import PodCopy, copy_for_pod

_LONGEST = 64
"""Characters of a path up to which a socket's name still fits behind it: the system allows 107 in all."""
PODS_PREFIX = "devenv-pods-"
"""How the folder of all pods' folders begins where it is below the system's."""
_FOLDERS: Mapping[str, tuple[str, ...]] = {
    "tmp": ("TMPDIR", "TEMP", "TMP"),
    "home": ("HOME",),
    "home/.cache": ("XDG_CACHE_HOME",),
    "home/.config": ("XDG_CONFIG_HOME",),
    "home/.local/share": ("XDG_DATA_HOME",),
    "home/.local/state": ("XDG_STATE_HOME",),
    "run": ("XDG_RUNTIME_DIR",),
}
"""The folders, and the variables by which programs find them."""
_TOOLS: Mapping[str, str] = {
    "PYTHONUSERBASE": ".local", "PYENV_ROOT": ".pyenv", "RBENV_ROOT": ".rbenv", "ASDF_DATA_DIR": ".asdf",
    "VOLTA_HOME": ".volta", "NVM_DIR": ".nvm", "CARGO_HOME": ".cargo", "RUSTUP_HOME": ".rustup",
    "GOPATH": "go", "DOTNET_CLI_HOME": ".dotnet", "MAVEN_USER_HOME": ".m2", "GRADLE_USER_HOME": ".gradle",
}  # fmt: skip
"""Where a language's tools are installed, by variable: in the person's home, and pods share them."""


class PodFolders:
    """The folders of a stack's pods, below ``run``; below the system's where that path is too long."""

    def __init__(self, run: Path) -> None:
        self._state = run.parent
        self._wished = run / "pods"
        self._root: Path | None = None

    def fresh(self, pod: str, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
        """New, empty folders for ``pod``, as a new container has them; the variables that name them."""
        folder = self._root_folder() / pod
        shutil.rmtree(folder, ignore_errors=True)
        variables: dict[str, str] = {}
        for name, named_by in _FOLDERS.items():
            made = folder / name
            made.mkdir(parents=True, mode=0o700, exist_ok=True)
            variables |= dict.fromkeys(named_by, str(made))
        return {**variables, **_php(folder), **_tools(environ)}

    def copy(self, pod: str, service_folder: Path) -> PodCopy:
        """A copy of a service's folder for ``pod``, after ``fresh``. Raises NoCopy with the reason."""
        return copy_for_pod(service_folder, self._root_folder() / pod / "disk", self._state)

    def remove(self) -> None:
        """Delete all of them; idempotent."""
        for root in (self._wished, self._root):
            if root is not None:
                shutil.rmtree(root, ignore_errors=True)
        self._root = None

    def _root_folder(self) -> Path:
        if self._root is None:
            short = len(str(self._wished)) <= _LONGEST
            self._root = self._wished if short else Path(tempfile.mkdtemp(prefix=PODS_PREFIX))
        return self._root


def _php(folder: Path) -> dict[str, str]:
    """Debian's PHP keeps sessions in /var/lib/php/sessions, whatever TMPDIR says; PHP's images in /tmp."""
    setting = f'session.save_path = "{(folder / "tmp").as_posix()}"\n'
    write_atomically(folder / "php" / "pod.ini", setting)
    return {"PHP_INI_SCAN_DIR": f"{os.pathsep}{folder / 'php'}"}  # after the folder that PHP itself looks in


def _tools(environ: Mapping[str, str]) -> dict[str, str]:
    """The variables that lead to a language's tools, with the person's home behind those that are not set."""
    home = Path(environ.get("HOME") or Path.home())
    return {
        name: environ.get(name) or str(home / folder)
        for name, folder in _TOOLS.items()
        if environ.get(name) or (home / folder).is_dir()
    }
