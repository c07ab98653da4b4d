"""Files through which the pods of an embedded stack share sessions, as two containers would not.

Each pod of a user-provided service has its own copy of the service's folder, its own home and its own
temporary folder. A path that is written out in the code (``/tmp/sessions.json``) leads all pods to one file
all the same, and a folder that is too large to be copied is one for all.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from devenv.core.model.ids import ChallengeId
from devenv.core.model.session_ids import stored_forms
from devenv.core.model.topology import StackStatus
from devenv.stack.files import STATE_FOLDER
from devenv.stack.pod_files.pod_copy import is_linked, repository_of
from devenv.stack.pod_files.pod_folders import PODS_PREFIX

_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm", "/var/lib/php/sessions")  # noqa: S108
"""Folders that programs write to by name, whatever TMPDIR says."""
_MOST_ENTRIES = 20_000
"""Files and folders of one tree that are looked at: about 0.2 s."""
_MOST_BYTES = 64 * 1024 * 1024
"""A larger file is not searched for ids."""
_CLOCK_S = 0.05
"""So far the times of files may lie behind the clock."""
_LOGS = (".log", ".out", ".err", ".pid", ".pyc")
"""Ends of names of files that no pod reads sessions from."""


@dataclass(frozen=True, slots=True)
class SharedFile:
    """A file that the pods of this machine share."""

    path: str
    why: str
    """What makes it one: "holds the id of a session"."""
    ids: frozenset[ChallengeId] = frozenset()
    """The sessions that it holds; empty where that is not known."""

    def __str__(self) -> str:
        return f"{self.path} {self.why}"

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"path": self.path, "why": self.why}


def shared_files(
    status: StackStatus, ids: Collection[ChallengeId], since: float, state_dir: Path
) -> tuple[SharedFile, ...]:
    """The files by which pods may have found the sessions ``ids``, opened after ``since``, of each other.

    ``state_dir`` is our own. Nothing where the pods are containers, where there is one, or where the service
    is said to share its folder.
    """
    service = status.spec.service
    if service is None or status.backend != "embedded" or service.shared_folder or len(status.pods) < 2:
        return ()
    original = Path(service.directory)
    pods = {pod.name: _processes(pod.pid) for pod in status.pods if pod.pid is not None}
    one_folder = any(_runs_in(process, original) for processes in pods.values() for process in processes)
    since -= _CLOCK_S
    both_ways = "is open for reading and writing in several pods"
    files = {path: SharedFile(path, both_ways) for path in _open_in_several(pods, since)}
    forms = _Forms(ids)
    for root in dict.fromkeys((original, repository_of(original), *_temporary())):
        for path in _changed(root, since, state_dir):
            if path in files or any(pod.name in path for pod in status.pods):
                continue
            if held := forms.held_by(path):
                files[path] = SharedFile(path, "holds the id of a session", held)
            elif one_folder and root == original:
                files[path] = SharedFile(path, "was written by a pod, and all pods run in that folder")
    return tuple(files.values())


def files_of_sessions(pid: int, ids: Collection[ChallengeId], since: float) -> tuple[str, ...]:
    """The files with one of ``ids`` in them that a pod wrote after ``since``, in its folders or past them."""
    forms, files = _Forms(ids), []
    for process in _processes(pid):
        with suppress(psutil.Error, OSError):
            folders = [Path(process.cwd()), Path(process.environ().get("TMPDIR") or tempfile.gettempdir())]
            for root in folders:
                files += [path for path in _changed(root, since - _CLOCK_S, root) if forms.held_by(path)]
    for root in _temporary():
        files += [path for path in _changed(root, since - _CLOCK_S, root) if forms.held_by(path)]
    return tuple(dict.fromkeys(files))


def _temporary() -> Iterator[Path]:
    """The machine's folders for temporary files."""
    for name in (*_TEMPORARY, tempfile.gettempdir()):
        folder = Path(name)
        if folder.is_dir():
            yield folder.resolve()


# --- processes ----------------------------------------------------------------------------------------------


def _processes(pid: int) -> list[psutil.Process]:
    """A pod's process and those that it has started."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def _runs_in(process: psutil.Process, folder: Path) -> bool:
    try:
        return Path(process.cwd()) == folder
    except (psutil.Error, OSError):
        return False


def _open_in_several(pods: dict[str, list[psutil.Process]], since: float) -> list[str]:
    """Files that were changed since, and that two pods have open, to read and to write them."""
    users: dict[str, set[str]] = {}
    for pod, processes in pods.items():
        for process in processes:
            with suppress(psutil.Error, OSError):
                for file in process.open_files():
                    both_ways = "+" in getattr(file, "mode", "+")  # only Linux and BSD tell
                    if both_ways and not file.path.endswith(_LOGS):
                        users.setdefault(file.path, set()).add(pod)
    return [path for path, names in users.items() if len(names) > 1 and _time_of(path) >= since]


# --- files --------------------------------------------------------------------------------------------------


class _Forms:
    """The forms in which ids may stand in a file."""

    def __init__(self, ids: Collection[ChallengeId]) -> None:
        self._ids = {form.text.encode(): item for item in ids for form in stored_forms(item)}
        longest_first = sorted(self._ids, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(re.escape(text) for text in longest_first))

    def held_by(self, path: str) -> frozenset[ChallengeId]:
        """The ids that stand in the name or in the bytes of a file."""
        if not self._ids:
            return frozenset()
        texts = [os.fsencode(Path(path).name)]
        with suppress(OSError):
            if Path(path).stat().st_size <= _MOST_BYTES:
                texts.append(Path(path).read_bytes())
        return frozenset(self._ids[match] for text in texts for match in self._pattern.findall(text))


def _changed(root: Path, since: float, state_dir: Path) -> Iterator[str]:
    """The files below ``root`` that were written since, but for logs and our own; links are not followed."""
    left, folders, ours = _MOST_ENTRIES, [root], state_dir.resolve()
    while folders and left > 0:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                listed = list(entries)
        except OSError:
            continue
        left -= len(listed)
        for entry in listed:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    if not (_is_ours(entry, ours) or is_linked(entry)):
                        folders.append(Path(entry.path))
                elif entry.is_file(follow_symlinks=False) and not entry.name.endswith(_LOGS):
                    written = entry.stat(follow_symlinks=False).st_mtime
                    if since <= written <= time.time() + 1:
                        yield entry.path


def _is_ours(entry: os.DirEntry[str], state_dir: Path) -> bool:
    return entry.name == STATE_FOLDER or entry.name.startswith(PODS_PREFIX) or Path(entry.path) == state_dir


def _time_of(path: str) -> float:
    try:
        return Path(path).stat().st_mtime
    except OSError:
        return 0.0
