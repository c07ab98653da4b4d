"""The file that a HAR comes in: JSON, or a zip of Playwright's: a HAR with its bodies, or a trace."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import read_json
from devenv.stack.files import decode_text

Attached = Callable[[str], bytes | None]
"""The file beside the HAR that an entry's ``_file`` names; None where it is not there."""
_ZIP = b"PK\x03\x04"
MOST_BYTES = 256 * 1024 * 1024
"""Of one file, unpacked."""


def nothing_attached(name: str) -> bytes | None:
    """For a HAR that stands alone."""
    return None


def beside(folder: Path) -> Attached:
    """The files in the folder of a HAR file."""

    def read(name: str) -> bytes | None:
        path = _plain(name)
        if path is None:
            return None
        try:
            file = folder.joinpath(*path.parts)
            return file.read_bytes() if file.resolve().is_relative_to(folder.resolve()) else None
        except OSError:
            return None

    return read


def is_zip(file: BinaryIO) -> bool:
    """Whether a file, which is at its begin and stays there, is a zip."""
    begin = file.read(len(_ZIP))
    file.seek(0)
    return begin == _ZIP


def open_har(data: bytes, name: str, attached: Attached) -> tuple[str, Attached]:
    """The HAR's text, and how to read the files that it names. Raises UsageProblem that names the file."""
    if not data.startswith(_ZIP):
        return decode_text(data, name), attached
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
        names = archive.namelist()
        reader = _Archive(archive, name)
        hars = [item for item in names if item.endswith(".har")]
        networks = sorted(item for item in names if item.endswith(".network"))
        if len(hars) == 1:
            return reader.text(hars[0]), reader.attached(hars[0])
        if not hars and networks:
            lines = [line for network in networks for line in reader.text(network).split("\n")]
            return _har_of_trace(lines, name), reader.attached(networks[0])
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        raise UsageProblem(f"{name}: not readable as a zip file: {error}") from None
    what = f"{len(hars)} HAR files" if hars else "no HAR file and no trace.network"
    raise UsageProblem(
        f"{name}: the zip file holds {what}", hint="Playwright writes har.har and bodies into it"
    )


class _Archive:
    """Reads members of a zip file, none that unpacks to more than MOST_BYTES."""

    def __init__(self, archive: zipfile.ZipFile, name: str) -> None:
        self._archive = archive
        self._name = name

    def text(self, member: str) -> str:
        """A member as text."""
        return decode_text(self._read(member), f"{self._name}: {member}")

    def attached(self, beside: str) -> Attached:
        """The members by their names beside the member ``beside``."""
        folder = PurePosixPath(beside).parent

        def read(name: str) -> bytes | None:
            path = _plain(name)
            try:
                return None if path is None else self._read(str(folder / path))
            except KeyError:
                return None

        return read

    def _read(self, member: str) -> bytes:
        with self._archive.open(member) as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise UsageProblem(f"{self._name}: {member} is larger than {MOST_BYTES // 1024**2} MB")
        return data


def _har_of_trace(lines: list[str], name: str) -> str:
    """Of a Playwright trace: each ``resource-snapshot`` of trace.network is an entry of a HAR."""
    entries = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = read_json(line)
        except ValueError:
            raise UsageProblem(f"{name}: trace.network:{number}: not readable as JSON") from None
        if isinstance(record, dict) and record.get("type") == "resource-snapshot":
            entries.append(record.get("snapshot"))
    log = {"creator": {"name": "Playwright trace"}, "entries": entries}
    return json.dumps({"log": log})


def _plain(name: str) -> PurePosixPath | None:
    """A relative path that stays where it is; None for any other."""
    path = PurePosixPath(name.replace("\\", "/"))
    return None if path.is_absolute() or ".." in path.parts or not path.parts else path
