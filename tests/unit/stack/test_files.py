"""Text files that users give: one clear error for each thing that can be wrong with them; files written."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.stack import files
from devenv.stack.files import (
    append_private,
    decode_text,
    private_folder,
    read_text,
    read_text_if_there,
    state_folder,
    text_lines,
    text_pieces,
    write_atomically,
)
from tests.support import ROOT, files_of_at_most

posix = pytest.mark.skipif(os.name != "posix", reason="Windows has neither modes, nor limits, nor such files")


def test_utf8_with_and_without_a_mark_and_any_line_ends(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    file.write_bytes("\ufeff가=1\r\nb\rc\n".encode())
    assert read_text(file) == "가=1\nb\nc\n"
    file.write_bytes("가=1\n".encode())
    assert read_text(file) == "가=1\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"a=1\nb=\xff\n", "a.txt: not UTF-8 at byte 6 (line 2)"),
        ("a=1\n".encode("utf-16"), "a.txt: not UTF-8 at byte 0 (line 1)"),
        (b"\xef\xbb\xbfa\n\nb\xe9", "a.txt: not UTF-8 at byte 4 (line 3)"),
    ],
)
def test_another_encoding_is_told_with_its_line(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / "a.txt").write_bytes(data)
    with pytest.raises(UsageProblem) as caught:
        read_text(tmp_path / "a.txt", "a.txt")
    assert caught.value.message == message
    assert caught.value.hint == "save it as text in UTF-8"
    with pytest.raises(UsageProblem) as again:
        decode_text(data, "a.txt")
    assert again.value.message == message
    with pytest.raises(UsageProblem) as streamed:
        list(text_lines(io.BytesIO(data), "a.txt", lambda done: None))
    assert streamed.value.message == message


@pytest.mark.parametrize("data", [b"\xef\xbb\xbfa\xed\x95\x9c", b"", b"a\n\nb\xe9", b"a\n\xed\x95"])
def test_pieces_of_a_text_are_the_whole_text(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_REPORTED", 3)  # bytes of a piece

    def problem_or(read: Callable[[], str]) -> str:
        try:
            return read()
        except UsageProblem as problem:
            return problem.message

    pieces = problem_or(lambda: "".join(text_pieces(io.BytesIO(data), "x", lambda done: None)))
    assert pieces == problem_or(lambda: decode_text(data, "x"))


@pytest.mark.parametrize("text", ["", "\ufeffa\r\nb\rc\x0bd\u2028e\n\n f", "a\n", "\n", "한글\r\n"])
def test_lines_one_after_the_other_are_those_of_the_whole_text(text: str) -> None:
    data = text.encode()
    assert list(text_lines(io.BytesIO(data), "x", lambda done: None)) == decode_text(data, "x").splitlines()


def test_reading_lines_reports_each_megabyte() -> None:
    done: list[int] = []
    lines = list(text_lines(io.BytesIO((b"x" * 1023 + b"\n") * 3000), "x", done.append))
    assert (len(lines), done) == (3000, [1 << 20, 2 << 20])


def test_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    missing = tmp_path / "no.txt"
    with pytest.raises(UsageProblem) as caught:
        read_text(missing, hint="make one")
    assert caught.value.message == f"{missing}: cannot be read: No such file or directory"
    assert caught.value.hint == "make one"
    with pytest.raises(UsageProblem, match="cannot be read: Is a directory"):
        read_text(tmp_path)


def test_what_may_be_absent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert read_text_if_there(tmp_path / "no.txt", "no.txt") is None
    assert read_text_if_there(tmp_path / "file" / "no.txt", "no.txt") is None
    assert read_text_if_there(tmp_path / "file", "file") == ""
    with pytest.raises(UsageProblem, match="folder: cannot be read: Is a directory"):
        read_text_if_there(tmp_path, "folder")
    assert read_text_if_there(tmp_path, "folder", (IsADirectoryError,)) is None


@pytest.mark.parametrize("content", ["한글\n", ["한", "글\n"], "한글\n".encode()])
def test_files_are_written_whole_or_not_at_all(tmp_path: Path, content: str | bytes | list[str]) -> None:
    target = tmp_path / "deep" / "file.txt"
    write_atomically(target, content)
    assert target.read_bytes() == "한글\n".encode()

    def broken() -> Iterator[str]:
        yield "half"
        raise KeyError

    with pytest.raises(KeyError):
        write_atomically(target, broken())
    assert target.read_bytes() == "한글\n".encode()
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


@posix
def test_a_full_disk_names_the_file_and_leaves_what_was_there(tmp_path: Path) -> None:
    new, old, lines = tmp_path / "new.json", tmp_path / "old.json", tmp_path / "lines.jsonl"
    write_atomically(old, "before")
    append_private(lines, "one\n")
    with files_of_at_most(100):
        for path, option in ((new, ""), (old, "--out"), (lines, "")):
            with pytest.raises(EnvironmentProblem) as caught:
                if path is lines:
                    append_private(path, "two\n" * 100)
                else:
                    write_atomically(path, "x" * 101, option)
            assert caught.value.message == f"{option} {path}: cannot be written: File too large".strip()
        append_private(lines, "three\n")
    assert lines.read_text(encoding="utf-8") == "one\nthree\n"
    assert old.read_text(encoding="utf-8") == "before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.jsonl", "old.json"]


@posix
def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    pipe, link, target = tmp_path / "pipe", tmp_path / "link", tmp_path / "target"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_atomically(pipe, "to the pipe", "--junit")
        assert os.read(reader, 100) == b"to the pipe"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    target.touch()
    link.symlink_to(target.name)
    write_atomically(link, "to the target", "--junit")
    assert link.is_symlink()
    assert target.read_text(encoding="utf-8") == "to the target"


@posix
def test_only_the_owner_reads_a_file_that_no_option_named(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        write_atomically(tmp_path / "kept", "")
        append_private(tmp_path / "added", "")
        write_atomically(tmp_path / "named", "", "--html")
    finally:
        os.umask(before)
    modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    assert modes == {"kept": "0o600", "added": "0o600", "named": "0o644"}


@posix
def test_the_state_folder_is_its_owners_and_git_leaves_it_out(tmp_path: Path) -> None:
    state, other = tmp_path / ".devenv", tmp_path / "other"
    for folder in (state, other):
        folder.mkdir(mode=0o755)
    (state / ".gitignore").touch()  # as a full disk left it
    assert [state_folder(folder) for folder in (state, other)] == [state, other]
    assert (state / ".gitignore").read_text(encoding="utf-8") == "*\n"
    assert list(other.iterdir()) == []
    assert [oct(folder.stat().st_mode & 0o777) for folder in (state, other)] == ["0o700", "0o755"]
    assert oct(state_folder(tmp_path / "new").stat().st_mode & 0o777) == "0o700"
    assert oct(private_folder(other).stat().st_mode & 0o777) == "0o700"


WRITES_ITSELF = {
    "cli/running.py": "the traceback of a fault, whose error is handled there",
    "stack/balancers/process.py": "a balancer's files, inside of writing(); its log",
    "stack/certificates.py": "certificates, inside of writing()",
    "stack/compose/backend.py": "the log of docker compose",
    "stack/embedded/backend.py": "the log of the supervisor",
    "stack/embedded/child.py": "the log of a program",
    "stack/embedded/parent_death_guard.py": "uses the standard library alone",
    "stack/embedded/warm_server.py": "the name of a process in /proc",
    "stack/embedded/warm_client.py": "a pipe",
    "stack/files.py": "this is it",
    "wire/edge/supervisor.py": "lines that the client reads while they are written",
}
"""Modules that write a file by themselves: why that is right."""
_WRITES = re.compile(r"""\.write_text\(.*encoding=|\.write_bytes\(|open\([^()\n]*["'][wax]b?\+?["']""")


def test_every_other_module_writes_files_whole_and_names_them() -> None:
    package = ROOT / "devenv"
    texts = {path: path.read_text(encoding="utf-8") for path in package.rglob("*.py")}
    writing = {path.relative_to(package).as_posix() for path, text in texts.items() if _WRITES.search(text)}
    assert writing == set(WRITES_ITSELF)
