"""Text files that users give: one clear error for each thing that can be wrong with them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.stack import files
from devenv.stack.files import decode_text, read_text, read_text_if_there, text_lines, text_pieces


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
