"""A pod's own copy of the folder of a user-provided service, as each container has its own.

Two pods that run in one folder share every file that the service writes there: a store in a JSON file or in
SQLite beside the code is found by both, and a demo would say that no session is lost. Each pod therefore runs
in a copy. Folders of installed packages are linked; what lies around the folder, up to the top of its
repository, is linked too, so that ``../shared`` is found.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from devenv.stack.files import STATE_FOLDER

MOST_FILES = 5_000
"""Files and folders of a folder that is copied: 0.4 s for each start of a pod."""
MOST_BYTES = 128 * 1024 * 1024
"""Bytes of all files that are copied."""
LINKED_FROM = 8 * 1024 * 1024
"""A file of this many bytes is linked: weights of a model, a recording, an archive."""
_LINKED = frozenset(
    {"node_modules", "bower_components", ".git", ".hg", ".svn", ".tox", ".nox", ".gradle", ".yarn"}
)
"""Folders that a service does not write to while it runs."""
_LINKED_BY = ("pyvenv.cfg", "conda-meta", "CACHEDIR.TAG")
"""What marks a folder of installed packages (a virtual environment) or of a tool's cache."""
_REPOSITORY = (".git", ".hg", ".svn")
_MOST_NEIGHBOURS = 500
"""Entries of a folder above that are linked."""


class NoCopy(Exception):
    """Why a folder cannot be copied, in words."""


@dataclass(slots=True)
class PodCopy:
    """The folder in which one pod runs."""

    original: Path
    """The service's folder."""
    folder: Path
    """The pod's copy of it."""
    without: Path
    """Our own state, which is not in the copy."""

    def moved(self, text: str) -> str:
        """``text`` with paths into the service's folder leading into the copy; links stay as they are."""
        return self._pattern().sub(self._instead, text)

    def command(self, words: Sequence[str]) -> list[str]:
        """The words of a command, moved."""
        return [self.moved(word) for word in words]

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Variables with their values moved."""
        return {name: self.moved(value) for name, value in variables.items()}

    def _pattern(self) -> re.Pattern[str]:
        end = r"(?P<rest>[/\\][^\s:;,?#'\"]*|(?![\w.-]))"
        return re.compile(rf"(?<![\w.-]){re.escape(str(self.original))}{end}")

    def _instead(self, match: re.Match[str]) -> str:
        rest = match["rest"]
        here = self.folder / rest.lstrip("/\\")
        linked = not here.resolve().is_relative_to(self.folder.resolve())
        ours = Path(match[0]).is_relative_to(self.without) or STATE_FOLDER in Path(rest).parts
        return match[0] if linked or ours else f"{self.folder}{rest}"


@dataclass(slots=True)
class Budget:
    """What may still be copied."""

    files: int = MOST_FILES
    size: int = MOST_BYTES

    def take(self, size: int) -> None:
        """Raises NoCopy where nothing is left."""
        self.files -= 1
        self.size -= size
        if self.files < 0:
            raise NoCopy(f"it has more than {MOST_FILES:,} files")
        if self.size < 0:
            raise NoCopy(f"its files have more than {MOST_BYTES // 1024 // 1024} MB")


def copy_for_pod(original: Path, disk: Path, without: Path) -> PodCopy:
    """Copy ``original`` below the new folder ``disk``; ``without`` (our own state) is left out.

    Raises NoCopy, with nothing left behind, where the folder is too large or links cannot be made.
    """
    top = repository_of(original)
    try:
        folder = _linked_neighbours(top, original, disk, without)
        _Copying(Budget(), without, top).tree(original, folder)
    except NoCopy:
        shutil.rmtree(disk, ignore_errors=True)
        raise
    except OSError as error:
        shutil.rmtree(disk, ignore_errors=True)
        raise NoCopy(f"{error.strerror or type(error).__name__}: {error.filename}") from error
    return PodCopy(original, folder, without)


def repository_of(original: Path) -> Path:
    """The top of the repository that the folder lies in; without one the folder above, but no home."""
    ends = {Path.home(), Path(original.anchor)}
    above = [original, *original.parents]
    for folder in above:
        if folder in ends:
            break
        if any((folder / name).exists() for name in _REPOSITORY):
            return folder
    return original if original.parent in ends else original.parent


def is_linked(folder: os.DirEntry[str]) -> bool:
    """Whether all pods have this folder in common: installed packages, caches, version control."""
    return folder.name in _LINKED or any(Path(folder.path, name).exists() for name in _LINKED_BY)


def _linked_neighbours(top: Path, original: Path, disk: Path, without: Path) -> Path:
    """Folders like those from ``top`` to ``original``, with links to what else is there; gives the last."""
    disk.mkdir(parents=True)
    here, folder = disk, top
    for name in original.relative_to(top).parts:
        entries = list(folder.iterdir())
        for entry in entries if len(entries) <= _MOST_NEIGHBOURS else ():
            if entry.name != name and entry != without:
                _link(here / entry.name, str(entry), entry.is_dir())
        here, folder = here / name, folder / name
        if folder != original:
            here.mkdir()
    return here if here != disk else disk / original.name


@dataclass(slots=True)
class _Copying:
    budget: Budget
    without: Path
    top: Path

    def tree(self, source: Path, target: Path) -> None:
        with os.scandir(source) as entries:
            listed = list(entries)
        self.budget.take(0)
        target.mkdir()
        for entry in listed:
            if entry.name == STATE_FOLDER or Path(entry.path) == self.without:
                continue
            goal = target / entry.name
            try:
                self._one(entry, goal)
            except FileNotFoundError:
                continue  # it has gone meanwhile
            except PermissionError:  # the pod may be able to read it
                _link(goal, entry.path, entry.is_dir())

    def _one(self, entry: os.DirEntry[str], goal: Path) -> None:
        if entry.is_symlink():
            self._symlink(entry, goal)
        elif entry.is_dir():
            if is_linked(entry):
                _link(goal, entry.path, True)
            else:
                self.tree(Path(entry.path), goal)
        elif entry.is_file():
            size = entry.stat().st_size
            if size >= LINKED_FROM:
                _link(goal, entry.path, False)
                return
            self.budget.take(size)
            shutil.copy2(entry.path, goal)

    def _symlink(self, entry: os.DirEntry[str], goal: Path) -> None:
        """A relative link to what is below ``top`` stays as it is and leads into the copy."""
        target = Path(entry.path).readlink()
        leads_to = Path(entry.path).resolve()
        inside = leads_to.is_relative_to(self.top) and not target.is_absolute()
        _link(goal, str(target if inside else leads_to), entry.is_dir())


def _link(link: Path, target: str, is_folder: bool) -> None:
    """Raises NoCopy where this system makes no links."""
    try:
        link.symlink_to(target, is_folder)
    except OSError as error:
        raise NoCopy(f"no link to {target} can be made ({error.strerror or error})") from error
