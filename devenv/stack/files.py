"""Text files that users give, read with one clear error; files that are written, with one too."""

from __future__ import annotations

import codecs
import errno
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

from devenv.core.model.errors import EnvironmentProblem, UsageProblem

_MACHINE = frozenset(
    getattr(errno, name)
    for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS", "EIO", "EMFILE", "ENFILE", "ENOMEM")
    if hasattr(errno, name)
)
"""What the machine lacks, whatever file was named: space, a writable disk, descriptors, memory."""

_REPORTED = 1 << 20
_FULL_BYTES = 64 * 1024
"""A disk with less room is full: what could not be written may have been larger than what is left."""
_LONGEST_NAME = 200
"""Characters of a file's name that its draft's name has too: a name has at most 255 bytes."""
SERVICE_FILE = "devenv.toml"
"""The file that describes a user-provided service, in the folder where a verb runs."""


def is_of_the_machine(error: OSError) -> bool:
    """Whether the machine is the reason (a full disk) and not the name that was given."""
    return error.errno in _MACHINE


def problem_of_the_machine(error: Exception) -> EnvironmentProblem | None:
    """What this machine lacks, with the file, where that is the reason of ``error``; None where it is not."""
    if isinstance(error, OSError) and (error.filename is not None or is_of_the_machine(error)):
        what = f"{error.filename}: " if error.filename is not None else ""
        return EnvironmentProblem(f"{what}{error.strerror or error}")
    if isinstance(error, MemoryError):
        return EnvironmentProblem("the memory of this machine is used up")
    return None


def full_disk_hint(folder: Path) -> str | None:
    """The next step where a program ended that writes to ``folder``, if the disk is full; else None."""
    free = shutil.disk_usage(folder).free
    if free >= _FULL_BYTES:
        return None
    return f"only {free // 1024} kB are free on the disk of {folder}: make room there"


@contextmanager
def writing(path: Path | str, option: str = "") -> Iterator[None]:
    """Turn an OSError of the block, which writes ``path``, into one that names the file.

    Raises EnvironmentProblem (exit code 4); where ``option`` ("--out") named the file and the machine is not
    the reason, UsageProblem. A pipe without a reader stays a BrokenPipeError.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        shown = f"{option} {path}" if option else str(path)
        reason = error.strerror or str(error)
        if option and not is_of_the_machine(error):
            raise UsageProblem(f"{shown}: cannot be written: {reason}") from error
        full = error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC))
        raise EnvironmentProblem(
            f"{shown}: cannot be written: {reason}", hint="make room on that disk" if full else None
        ) from error


def read_text(path: Path, name: str = "", hint: str | None = None) -> str:
    """The text of a file in UTF-8, with or without a byte order mark; every line ends in ``\\n``.

    ``name`` is what messages call the file ("": its path), ``hint`` the next step where it cannot be read.
    Raises UsageProblem for a file that is missing, a folder, not readable, or not in UTF-8.
    """
    shown = name or str(path)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise cannot_be_read(path, error, hint, shown) from error
    return _with_newlines(decode_text(data, shown))


def cannot_be_read(path: Path, error: OSError, hint: str | None, shown: str = "") -> UsageProblem:
    """Why a file cannot be read; ``shown`` is what messages call it, ``hint`` is the next step."""
    reason = "Is a directory" if path.is_dir() else error.strerror or str(error)
    return UsageProblem(f"{shown or path}: cannot be read: {reason}", hint=hint)


def _with_newlines(text: str) -> str:
    """The text in which every line ends in a newline."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def read_text_if_there(
    path: Path, name: str, absent: tuple[type[OSError], ...] = (FileNotFoundError, NotADirectoryError)
) -> str | None:
    """As ``read_text``; None where reading fails with one of the errors ``absent``."""
    try:
        return read_text(path, name)
    except UsageProblem as problem:
        if isinstance(problem.__cause__, absent):
            return None
        raise


def decode_text(data: bytes, name: str) -> str:
    """The text that ``data`` is in UTF-8, without a byte order mark. UsageProblem names file and line."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _not_utf8(name, error.start, line) from None


def universal_lines(text: str) -> list[str]:
    """Lines that end in CR, LF or both, and in nothing else: JSON may hold other ends of lines (U+2028)."""
    return _with_newlines(text).removesuffix("\n").split("\n")


def text_lines(
    file: Iterable[bytes],
    name: str,
    progress: Callable[[int], None],
    split: Callable[[str], list[str]] = str.splitlines,
) -> Iterator[str]:
    """The lines of a file in UTF-8, as ``split(decode_text(…))`` gives them, one after the other.

    ``file`` gives pieces that end where a line ends, as a file opened for bytes does; ``progress`` is called
    with the bytes read, once a megabyte. Raises as ``decode_text``.
    """
    done = reported = 0
    for number, piece in enumerate(file, start=1):
        piece = piece.removeprefix(codecs.BOM_UTF8) if number == 1 else piece
        try:
            text = piece.decode()
        except UnicodeDecodeError as error:
            raise _not_utf8(name, done + error.start, number) from None
        done += len(piece)
        if done - reported >= _REPORTED:
            reported = done
            progress(done)
        yield from split(text)


def text_pieces(file: BinaryIO, name: str, progress: Callable[[int], None]) -> Iterator[str]:
    """The text of a file in UTF-8, a megabyte after the other; ``progress`` and errors as ``text_lines``."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    done, lines = 0, 1
    while data := file.read(_REPORTED):
        first = done == 0
        data = data.removeprefix(codecs.BOM_UTF8) if first else data
        pending = len(decoder.getstate()[0])
        try:
            yield decoder.decode(data)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].count(b"\n")
            raise _not_utf8(name, done - pending + error.start, lines + before) from None
        lines += data.count(b"\n")
        done += len(data)
        progress(done)
    if pending := len(decoder.getstate()[0]):
        raise _not_utf8(name, done - pending, lines)


def _not_utf8(name: str, byte: int, line: int) -> UsageProblem:
    return UsageProblem(f"{name}: not UTF-8 at byte {byte} (line {line})", hint="save it as text in UTF-8")


IGNORE = ".gitignore"
STATE_FOLDER = ".devenv"


def state_folder(path: Path) -> Path:
    """Make the folder ``path`` of a stack's state: only its owner may enter it, and git leaves it out.

    Both hold of a folder that is made here, and of one that is called .devenv; a folder of another name that
    was there stays as it is, as it may have other uses. On Windows the user's profile protects it.
    """
    if path.is_dir() and path.name != STATE_FOLDER:
        return path
    with writing(private_folder(path)):
        ignore = path / IGNORE
        if not ignore.exists() or not ignore.stat().st_size:  # a full disk leaves an empty one
            write_atomically(ignore, "*\n")
    return path


def private_folder(path: Path) -> Path:
    """Make the folder ``path`` that only its owner may enter; one that is there becomes such a folder."""
    with writing(path):
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.chmod(0o700)
    return path


def append_private(path: Path, text: str) -> None:
    """Write lines at the end of ``path``, which is made with mode 0600 where it is not there.

    Where they do not fit (a full disk), what was written of them is taken back. Raises as ``writing``.
    """
    left = memoryview(text.encode("utf-8", "backslashreplace"))
    with writing(path), open(path, "ab", buffering=0, opener=_private) as file:
        before = os.fstat(file.fileno()).st_size
        try:
            while left:
                left = left[file.write(left) :]
        except OSError:
            with suppress(OSError):
                file.truncate(before)
            raise


def write_atomically(path: Path, content: str | bytes | Iterable[str], option: str = "") -> None:
    """Write a text in UTF-8, its pieces, or bytes to ``path``: it is there whole or not at all.

    Makes the folder. Only the owner may read the file; one that ``option`` ("--out") named has the mode of
    any file that the user makes. What is no file (a pipe, /dev/null) is written to, not replaced. Half a
    surrogate pair, which UTF-8 cannot write, is written as its escape. Raises as ``writing``.
    """
    pieces = [content] if isinstance(content, str | bytes) else content
    encoded = (
        piece if isinstance(piece, bytes) else piece.encode("utf-8", "backslashreplace") for piece in pieces
    )
    with writing(path, option):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                file.writelines(encoded)
            return
        target = path.resolve() if path.is_symlink() else path
        draft = target.with_name(f".{target.name[:_LONGEST_NAME]}.{token_hex(4)}")
        try:
            with open(draft, "xb", opener=None if option else _private) as file:
                file.writelines(encoded)
            draft.replace(target)
        except BaseException:
            draft.unlink(missing_ok=True)
            raise


def _private(path: str, flags: int) -> int:
    """Opens a file that is made for its owner alone; on Windows the folder's own protection holds."""
    return os.open(path, flags, 0o600)
