"""Reading log files: whole, by their end, as they grow, and what a dying program said."""

from __future__ import annotations

from pathlib import Path

from devenv.stack import logs


def test_last_words_are_the_last_lines() -> None:
    assert logs.last_words("one\n\ntwo\nthree\n", 2) == "two / three"
    assert logs.last_words("", 3) == ""


def test_of_a_traceback_only_the_error() -> None:
    text = 'start\nTraceback (most recent call last):\n  File "x", line 1\n    boom\nValueError: no\n'
    assert logs.last_words(text, 3) == "ValueError: no"


def test_chatter_is_left_out_unless_there_is_nothing_else() -> None:
    message = (
        "INFO:     Started\nREDIS_PORT must be an integer\nINFO:     Stopping\ndevenv: a ended by itself\n"
    )
    assert logs.last_words(message, 3) == "REDIS_PORT must be an integer"
    assert logs.last_words("INFO:     Started\n", 3) == "INFO:     Started"


def test_lines_carry_their_name_and_tail_counts_per_file(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("1\n2\n3\nunfinished", encoding="utf-8")
    (tmp_path / "bb.log").write_text("x\n", encoding="utf-8")
    files = {"a": tmp_path / "a.log", "bb": tmp_path / "bb.log"}
    assert list(logs.read(files, tail=2, follow=False)) == ["a  | 2", "a  | 3", "bb | x"]
    assert next(logs.read(files, tail=None, follow=False)) == "a  | 1"


def test_follow_reads_what_is_added_and_ends_with_the_stack(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("1\n", encoding="utf-8")
    alive = [True]
    lines = logs.read({"a": path}, tail=None, follow=True, alive=lambda: alive[0])
    assert next(lines) == "a | 1"
    with path.open("a", encoding="utf-8") as file:
        file.write("2\n")
    assert next(lines) == "a | 2"
    with path.open("a", encoding="utf-8") as file:
        file.write("last\n")
    alive[0] = False
    assert list(lines) == ["a | last"]


def test_a_file_that_was_begun_anew_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "a.log"
    path.write_text("a long first line\n", encoding="utf-8")
    lines = logs.read({"a": path}, tail=None, follow=True)
    assert next(lines) == "a | a long first line"
    path.write_text("new\n", encoding="utf-8")
    assert next(lines) == "a | new"
    lines.close()  # type: ignore[attr-defined]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert list(logs.read({"a": tmp_path / "none"}, tail=3, follow=False)) == []
    assert logs.since(tmp_path / "none", 0) == ""
