"""Bash's words. What bash itself makes of them is held against it in tests/integration/verbs/recordings."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.shell_words import ShellCommand, shell_commands


def words(text: str) -> list[tuple[str, ...]]:
    return [command.words for command in shell_commands(text, "x.sh")]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("'a'\"b\"c\\ d", "abc d"),
        (r"$'\x41\101\u0042\U00000043\cA\e'", "AABC\x01\x1b"),
        (r"$'\xc3\xa9'", "é"),
        (r"$'\xc3'$'\xa9'", "é"),
        (r"$'\ud83d\udc4b'", "👋"),
        (r"$'it\'s \z'", "it's \\z"),
        (r"$'a\0b'", "a"),
        ("'^INV-[0-9]{6}$'", "^INV-[0-9]{6}$"),
        ('"$\'s"', "$'s"),
        (r'"\$x \` \" \\ \n"', '$x ` " \\ \\n'),
        ("x^y", "x^y"),
        ("'^\"'", '^"'),
        ("a#b", "a#b"),
        ("\\'a\\\"$'b'\\ ", "'a\"b "),
        ('"a"\\\\\'b c\'d"$"', "a\\b cd$"),
    ],
)
def test_a_word(text: str, word: str) -> None:
    assert words(f"curl {text}\n") == [("curl", word)]


def test_commands_and_their_lines() -> None:
    text = (
        "# first\n\n$ curl a \\\n  b # rest\nX=1 Y='2 3'\n"
        'curl c$X "${Y}" >out 2>&1; curl d | jq .\nZ=4 curl e && curl f &\n'
    )
    assert list(shell_commands(text, "x.sh")) == [
        ShellCommand(3, ("curl", "a", "b")),
        ShellCommand(6, ("curl", "c1", "2 3")),
        ShellCommand(6, ("curl", "d")),
        ShellCommand(6, ("jq", "."), piped=True),
        ShellCommand(7, ("curl", "e")),
        ShellCommand(7, ("curl", "f")),
    ]


def test_variables_set_on_end_redirections_and_what_only_looks_like_one() -> None:
    text = 'A=a;B==; C=$A&\n\nD="d"\ncurl $A$B${C}$D =x E=e 2>f <g>h 2 >i >># rest\n j'
    with pytest.raises(UsageProblem, match=r"x\.sh:4: >> has no file"):
        words(text)
    assert words(text.replace(" >># rest\n", "")) == [("curl", "a=ad", "=x", "E=e", "2", "j")]
    assert words("A=b |\nA=b\njq x | curl y\n") == [("jq", "x"), ("curl", "y")]


def test_a_file_that_was_saved_on_windows() -> None:
    assert words("curl a \\\r\n  b\r\ncurl c\r\n") == [("curl", "a", "b"), ("curl", "c")]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("\ncurl 'a\n", "x.sh:2: this cannot be read: no closing quotation"),
        ('curl "a', "x.sh:1: this cannot be read: no closing quotation"),
        ("curl $'a\\'", "x.sh:1: this cannot be read: no closing quotation"),
        ('a\ncurl -H "T: $TOKEN"', "x.sh:2: the value of the shell's variable TOKEN is not in the file"),
        ("curl $(cat url)", "x.sh:1: what $(…), `…` or $1 stand for is not in the file"),
        ('curl "`cat url`"', "x.sh:1: what $(…), `…` or $1 stand for is not in the file"),
        ("curl ${A:-b}", "x.sh:1: what $(…), `…` or $1 stand for is not in the file"),
        ("curl -d @- <<EOF\nx\nEOF", "x.sh:1: a here-document is not read"),
        ("(curl a)", "x.sh:1: '(': only plain commands are read"),
        ('curl ^"a^"', "x.sh:1: this is written for Windows' cmd"),
        ("curl a ^\n  b", "x.sh:1: this is written for Windows' cmd"),
        ("curl a > ; curl b", "x.sh:1: > has no file"),
        ("a\nB=" + "b" * 1_000_000 + "\ncurl " + "$B" * 11, "x.sh:3: the shell's variables give more than"),
        (r"curl $'\xff'", "x.sh:1: it holds bytes that are no UTF-8 text"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        words(text)
    assert caught.value.message.startswith(problem), caught.value.message
