"""Commands of a bash script as words: quotation, escapes, comments, operators, the script's variables.

Only what a list of commands needs. What runs a program, or takes a value from outside the file, is an error.
After bash(1), QUOTING and SHELL GRAMMAR.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from devenv.core.model.errors import UsageProblem

_ENDS_WORD = " \t\n;&|<>()"
_PLAIN = re.compile(r"""[^\s;&|<>()'"$\\^`]++""")
"""Characters that mean nothing but themselves, in a word and between quotation marks."""
_PIECE = (
    r"""(?:[^\s;&|<>()'"$\\^`\ud800-\udfff]++|"[^"$\\`\ud800-\udfff]*+"|'[^'\ud800-\udfff]*+'"""
    r"""|\\(?![ \t]*+(?:\n|\Z))[^\ud800-\udfff])"""
)
_PIECES = re.compile(f"{_PIECE}++")
"""A part of a word that is plain or quoted or escaped, without variables."""
_INSIDE = re.compile(r"""([^'"\\]++)|"([^"]*+)"|'([^']*+)'|\\(.)""", re.DOTALL)
_WORDS = re.compile(rf"(?:(?!#){_PIECE}++(?=[ \t\n;&|]|\Z)(?:[ \t]++|\\[ \t]*+\n)*+)++")
"""Words of such parts alone, with the blanks behind each; no number before a redirection."""
_LINE = re.compile(rf"[ \t]*+({_WORDS.pattern})(\n++|;;?|&&?|\Z)?+")
"""A command that begins with such words; with the operator behind it (no pipe), where it has no others."""
_QUOTED = re.compile(r"""(["'])([^"'\\]*+)\1""")
"""One quoted text whose inside is as it is written: most are."""
_UNQUOTED = re.compile(r"""[^'"\\]*+""")
_WORD = re.compile(f"{_PIECE}++".replace(r"|\Z", ""))
"""One of these words: where they end is no end of the text."""
_SETTING = r"[A-Za-z_]\w*+=[^\s;&|<>()'\"$\\^`\ud800-\udfff]*+"
_SETTINGS = re.compile(rf"[ \t]*+(?:{_SETTING}[ \t]*+[\n;&]++[ \t]*+)++")
"""Commands that set one variable each."""
_NAME_AND_VALUE = re.compile(r"([A-Za-z_]\w*+)=([^\s;&]*+)")
_DOUBLE_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_QUOTED_ESCAPE = re.compile(r'\\(?:([$`"\\])|\n)')
_BETWEEN = re.compile(r"[ \t]++")
_CONTINUED = re.compile(r"\\[ \t]*(?:\n|\Z)")
_OPERATOR = re.compile(r"\n++|;;?|&&?|\|[|&]?")
_REDIRECTION = re.compile(r"\d*+(?:>>|>\||>&|<<<?|<&|<>|>|<)|&>>?")
_REDIRECTIONS = re.compile(rf"(?:\d*+(?!<[|<])[<>][>|&]?+[ \t]*+(?!#){_PIECE}++(?=[ \t\n;&|<>]|\Z)[ \t]*+)++")
"""Of plain words."""
_ANSI_C_TEXT = re.compile(r"'((?:[^'\\]++|\\.)*+)'", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VARIABLES = re.compile(r"(?:\$(?:[A-Za-z_]\w*+|\{[A-Za-z_]\w*+\}))++")
_SUBSTITUTION = re.compile(r"\$[({0-9@*#?$!-]|`")
_ANSI_C = re.compile(
    r"\\(?:x([0-9a-fA-F]{1,2})|u([0-9a-fA-F]{1,4})|U([0-9a-fA-F]{1,8})|([0-7]{1,3})|c(.)|(.))", re.DOTALL
)
_MOST_FROM_VARIABLES = 10_000_000
_LETTERS = {
    "a": b"\a", "b": b"\b", "e": b"\x1b", "E": b"\x1b", "f": b"\f", "n": b"\n", "r": b"\r", "t": b"\t",
    "v": b"\v", "\\": b"\\", "'": b"'", '"': b'"', "?": b"?",
}  # fmt: skip


class ShellCommand(NamedTuple):
    """One simple command."""

    line: int
    """Its first line, from 1."""
    words: tuple[str, ...]
    piped: bool = False
    """Whether it reads what the command before it wrote (``|``)."""


def shell_commands(text: str, name: str) -> Iterator[ShellCommand]:
    """The commands of a script in order; lines that only set variables are read, and give no command.

    Raises UsageProblem that names file and line.
    """
    saved_on_windows = text.count("\r\n") == text.count("\n")
    reader = _Reader(text.replace("\r\n", "\n") if saved_on_windows else text, name)
    while (command := reader.command()) is not None:
        if command.words:
            yield command


@dataclass(slots=True)
class _Reader:
    text: str
    name: str
    position: int = 0
    line: int = 1
    first: int = 1
    """The line in which the present command begins."""
    piped: bool = False
    variables: dict[str, str] = field(default_factory=dict)
    from_variables: int = 0
    """Characters that were put in for variables: a short file can name a long value often."""

    def command(self) -> ShellCommand | None:
        """The next command, without words where it was empty or set variables; None at the end."""
        words: list[str] = []
        piped = not self._settings() and self.piped
        if line := _LINE.match(self.text, self.position):
            self.first = self.line
            words = _split(line[1])
            self._advance(line.end())
            if line[2] is not None:
                self.piped = False
                return self._finish(words, piped)
        while True:
            self._skip_blanks()
            if not words:
                if self._settings():
                    piped = False
                    continue
                self.first = self.line
            if self._simple_words(words):
                continue
            if self.position >= len(self.text):
                return self._finish(words, piped) if words else None
            if self.text[self.position] in "\n;&|":
                self._operator()
                return self._finish(words, piped)
            if self.text[self.position] in "()":
                raise self._problem(f"{self.text[self.position]!r}: only plain commands are read")
            if not self._redirection():
                words.append(self._word())

    def _finish(self, words: list[str], piped: bool) -> ShellCommand:
        command = words[1:] if words[:1] in (["export"], ["$"]) else words
        settings: list[tuple[str, str]] = []
        for word in command:
            if "=" not in word or (setting := _ASSIGNMENT.fullmatch(word)) is None:
                return ShellCommand(self.first, tuple(command[len(settings) :]), piped)
            settings.append((setting[1], setting[2]))
        self.variables.update(settings)
        return ShellCommand(self.first, ())

    def _settings(self) -> bool:
        """Commands that only set a variable, many at once; whether there are any."""
        settings = _SETTINGS.match(self.text, self.position)
        if settings is None:
            return False
        self.variables.update(_NAME_AND_VALUE.findall(settings[0]))
        self._advance(settings.end())
        return True

    def _simple_words(self, words: list[str]) -> bool:
        """Add the words up to one that needs more than one look; false where there is none."""
        simple = _WORDS.match(self.text, self.position)
        if simple is None:
            return False
        words += _split(simple[0])
        self._advance(simple.end())
        return True

    def _skip_blanks(self) -> None:
        """Blanks, comments, and line ends after a backslash."""
        while self.position < len(self.text):
            if blanks := _BETWEEN.match(self.text, self.position):
                self.position = blanks.end()
            elif continued := _CONTINUED.match(self.text, self.position):
                self._advance(continued.end())
            elif self.text[self.position] == "#":
                end = self.text.find("\n", self.position)
                self.position = len(self.text) if end < 0 else end
            else:
                return

    def _operator(self) -> None:
        operator = _OPERATOR.match(self.text, self.position)
        assert operator is not None
        self._advance(operator.end())
        self.piped = operator[0] in ("|", "|&")

    def _redirection(self) -> bool:
        """Whether what is written goes to a file: that says nothing about the request."""
        if plain := _REDIRECTIONS.match(self.text, self.position):
            self._advance(plain.end())
            return True
        redirection = _REDIRECTION.match(self.text, self.position)
        if redirection is None:
            return False
        if "<<" in redirection[0]:
            raise self._problem("a here-document is not read: write the body into the command")
        self._advance(redirection.end())
        self._skip_blanks()
        if self.text[self.position : self.position + 1] in ("", *_ENDS_WORD):
            raise self._problem(f"{redirection[0]} has no file")
        self._word()
        return True

    def _word(self) -> str:
        word = bytearray()
        while self.position < len(self.text) and (character := self.text[self.position]) not in _ENDS_WORD:
            following = self.text[self.position + 1 : self.position + 2]
            if pieces := _PIECES.match(self.text, self.position):
                self._advance(pieces.end())
                word += _unquoted(pieces[0]).encode()
            elif character == "'":
                word += self._until("'").encode()
            elif character == '"':
                word += self._double_quoted()
            elif character == "$" and following == "'":
                self.position += 1
                word += self._ansi_c()
            elif character == "$" and following == '"':
                self.position += 1
            elif character == "\\":
                self._advance(self.position + 2)
                word += b"" if following == "\n" else following.encode()
            elif character == "^" and following in ('"', "\n"):
                raise self._problem("this is written for Windows' cmd", hint='copy as "cURL (bash)" instead')
            else:
                word += self._plain()
        return self._decoded(bytes(word))

    def _plain(self) -> bytes:
        """One character as it is, or the values of variables."""
        if variables := _VARIABLES.match(self.text, self.position):
            names = re.findall(r"\w+", variables[0])
            if (unknown := next((name for name in names if name not in self.variables), None)) is not None:
                raise self._problem(
                    f"the value of the shell's variable {unknown} is not in the file",
                    hint=f"put {unknown}=… in a line before, or write the value out",
                )
            self.from_variables += sum(len(self.variables[name]) for name in names)
            if self.from_variables > _MOST_FROM_VARIABLES:
                raise self._problem(f"the shell's variables give more than {_MOST_FROM_VARIABLES} characters")
            self.position = variables.end()
            return "".join([self.variables[name] for name in names]).encode()
        if _SUBSTITUTION.match(self.text, self.position):
            raise self._problem("what $(…), `…` or $1 stand for is not in the file: write it out")
        self._advance(self.position + 1)
        return self.text[self.position - 1].encode()

    def _until(self, quote: str) -> str:
        """What stands between two quotation marks, as it is."""
        end = self.text.find(quote, self.position + 1)
        if end < 0:
            raise self._unclosed()
        inside = self.text[self.position + 1 : end]
        self._advance(end + 1)
        return inside

    def _double_quoted(self) -> bytes:
        """Between ``"``: a backslash escapes only ``$``, `````, ``"``, itself and the line's end."""
        quoted = _DOUBLE_QUOTED.match(self.text, self.position)
        if quoted is None:
            raise self._unclosed()
        if "$" not in quoted[1] and "`" not in quoted[1]:
            self._advance(quoted.end())
            return _QUOTED_ESCAPE.sub(r"\1", quoted[1]).encode()
        inside = bytearray()
        self.position += 1
        while self.text[self.position] != '"':
            following = self.text[self.position + 1 : self.position + 2]
            if plain := _PLAIN.match(self.text, self.position):
                self.position = plain.end()
                inside += plain[0].encode()
            elif self.text[self.position] == "\\" and following and following in '$`"\\\n':
                self._advance(self.position + 2)
                inside += b"" if following == "\n" else following.encode()
            else:
                inside += self._plain()
        self.position += 1
        return bytes(inside)

    def _ansi_c(self) -> bytes:
        """Between ``$'`` and ``'``."""
        end = _ANSI_C_TEXT.match(self.text, self.position)
        if end is None:
            raise self._unclosed()
        self._advance(end.end())
        parts, position = [], 0
        for escape in _ANSI_C.finditer(end[1]):
            parts += [end[1][position : escape.start()].encode(), _unescaped(escape)]
            position = escape.end()
        inside = b"".join([*parts, end[1][position:].encode()])
        return inside.partition(b"\0")[0]  # bash ends it there

    def _decoded(self, word: bytes) -> str:
        """As UTF-8; the halves of a character that was written as two ``\\u`` escapes become one."""
        try:
            joined = word.decode("utf-8", "surrogatepass").encode("utf-16", "surrogatepass")
            return joined.decode("utf-16")
        except UnicodeError:
            raise self._problem("it holds bytes that are no UTF-8 text, and a scenario is text") from None

    def _advance(self, to: int) -> None:
        self.line += self.text.count("\n", self.position, to)
        self.position = min(to, len(self.text))

    def _unclosed(self) -> UsageProblem:
        return self._problem("this cannot be read: no closing quotation")

    def _problem(self, message: str, hint: str | None = None) -> UsageProblem:
        return UsageProblem(f"{self.name}:{self.first}: {message}", hint=hint)


def _split(text: str) -> list[str]:
    """The words of what ``_WORDS`` matched."""
    if _UNQUOTED.fullmatch(text):
        return text.split()
    return [_unquoted(word) for word in _WORD.findall(text)]


def _unquoted(pieces: str) -> str:
    """What ``_PIECES`` matched, without quotation marks and backslashes."""
    if '"' not in pieces and "'" not in pieces and "\\" not in pieces:
        return pieces
    if quoted := _QUOTED.fullmatch(pieces):
        return quoted[2]
    if '"' not in pieces and "'" not in pieces:
        return "\\".join([piece.replace("\\", "") for piece in pieces.split("\\\\")])
    return "".join(map("".join, _INSIDE.findall(pieces)))


def _unescaped(escape: re.Match[str]) -> bytes:
    byte, short, long, octal, control, letter = escape.groups()
    if byte is not None:
        return bytes([int(byte, 16)])
    if octal is not None:
        return bytes([int(octal, 8) & 0xFF])
    if control is not None:
        return bytes([ord(control) & 0x1F])
    if short is not None or long is not None:
        code = int(short or long, 16)
        return chr(code).encode("utf-8", "surrogatepass") if code <= 0x10FFFF else b""
    return _LETTERS.get(letter, b"\\" + letter.encode())
