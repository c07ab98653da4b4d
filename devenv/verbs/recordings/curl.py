"""A list of curl commands, as browsers copy them ("Copy all as cURL (bash)") or as people write them down."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.recorded import Recorded, Recording

_DATA = ("-d", "--data", "--data-ascii", "--data-raw", "--data-binary", "--json", "--data-urlencode")
_VALUE = {
    "-X": "method", "--request": "method", "-H": "header", "--header": "header", "--url": "url",
    **dict.fromkeys(_DATA, "data"),
    **dict.fromkeys(
        (
            "-b", "--cookie", "-A", "--user-agent", "-e", "--referer", "-u", "--user", "-o", "--output", "-m",
            "--max-time", "--connect-timeout", "-x", "--proxy", "--retry", "-w", "--write-out", "-c",
            "--cookie-jar", "-D", "--dump-header", "--resolve", "--cacert", "--cert", "--key", "--ciphers",
            "--oauth2-bearer", "--interface", "-K", "--limit-rate",
        ),
        "ignored",
    ),
}  # fmt: skip
"""Options with a value, and what it is. Cookies and credentials are not taken over."""
_FILES = ("-F", "--form", "-T", "--upload-file")
_ANSI_C = re.compile(r"\$'((?:[^'\\]|\\.)*)'", re.DOTALL)
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "a": "\a", "b": "\b", "0": "\0"}
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|.)", re.DOTALL)


def parse_curl(text: str, name: str) -> Recording:
    """The requests, one after the other. Raises UsageProblem that names file and line."""
    requests = [_request(line, number, f"{name}:{number}: ") for number, line in _commands(text)]
    if not requests:
        raise UsageProblem(
            f"{name}:1: there is no curl command", hint="one command a line: curl -X POST URL …"
        )
    notes = ("a list of commands has no answers and no times: what was answered, and how fast, is not known",)
    return Recording(name, "curl commands", tuple(requests), notes=notes)


def _commands(text: str) -> Iterator[tuple[int, str]]:
    """Each command with the number of its first line; a line that ends in a backslash goes on."""
    held, first = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not held and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first or number
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1] + " "
            continue
        held += line
        if _open(held):
            held += "\n"
            continue
        yield first, held.strip()
        held, first = "", 0
    if held:
        yield first, held.strip()


def _open(text: str) -> bool:
    """Whether a quotation goes on in the next line."""
    try:
        shlex.split(_plain(text))
    except ValueError:
        return True
    return False


@dataclass(slots=True)
class _Command:
    method: str | None = None
    url: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    data: list[str] = field(default_factory=list)
    in_query: bool = False


def _request(text: str, number: int, where: str) -> Recorded:
    try:
        words = shlex.split(_plain(text))
    except ValueError as error:
        raise UsageProblem(f"{where}this cannot be read: {str(error).lower()}") from None
    while words and words[-1] in (";", "&", "&&", "|"):
        words.pop()
    if words:
        words[-1] = words[-1].rstrip(";")
    if not words or words[0] not in ("curl", "curl.exe"):
        raise UsageProblem(f"{where}this is no curl command")
    if "^" in text and '^"' in text:
        raise UsageProblem(f"{where}this is written for Windows' cmd", hint='copy as "cURL (bash)" instead')
    command = _read(words[1:], where)
    if command.url is None:
        raise UsageProblem(f"{where}there is no URL")
    url = urlsplit(command.url if "://" in command.url else f"http://{command.url}")
    query = "&".join([item for item in (url.query,) if item] + (command.data if command.in_query else []))
    body = None if command.in_query or not command.data else "&".join(command.data)
    return Recorded(
        number,
        command.method or ("POST" if body is not None else "GET"),
        (url.path or "/") + (f"?{query}" if query else ""),
        headers=command.headers,
        body=body,
        host=url.netloc,
    )


def _read(words: list[str], where: str) -> _Command:
    command = _Command()
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word == "-":
            command.url = command.url or word
            continue
        option, value = _split(word)
        if option in _FILES:
            raise UsageProblem(f"{where}{option} sends a file or a form of parts, which is not taken over")
        if option not in _VALUE:
            _flags(option, command)
            continue
        if value is None and (value := next(rest, None)) is None:
            raise UsageProblem(f"{where}{option} has no value")
        _apply(option, value, command, where)
    return command


def _split(word: str) -> tuple[str, str | None]:
    """``-XPOST`` and ``--request=POST`` hold their value; of ``-sXPOST`` the first letters are flags."""
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return option, value if equals else None
    for at in range(1, len(word)):
        option = f"-{word[at]}"
        if option in _VALUE or option in _FILES:
            return option, word[at + 1 :] or None
    return word, None


def _flags(option: str, command: _Command) -> None:
    """What has no value; only few say something about the request."""
    short = "" if option.startswith("--") else option
    if option == "--get" or "G" in short:
        command.in_query = True
    if option == "--head" or "I" in short:
        command.method = "HEAD"


def _apply(option: str, value: str, command: _Command, where: str) -> None:
    what = _VALUE[option]
    if what == "method":
        command.method = value.upper()
    elif what == "url":
        command.url = value
    elif what == "header":
        header, _, text = value.partition(":")
        command.headers[header.strip().lower()] = text.strip()
    elif what == "data":
        if value.startswith("@") and option != "--data-raw":
            raise UsageProblem(f"{where}{option} {value} reads a file: write the body into the command")
        if option == "--data-urlencode":
            key, equals, plain = value.partition("=")
            value = f"{key}={quote(plain)}" if equals and key else quote(plain if equals else key)
        if option == "--json":
            command.headers.setdefault("content-type", "application/json")
            command.headers.setdefault("accept", "application/json")
        command.data.append(value)


def _plain(text: str) -> str:
    """Bash's ``$'…'``, which shlex does not know, as ordinary quotation."""
    return _ANSI_C.sub(lambda found: shlex.quote(_joined(_ESCAPE.sub(_unescaped, found[1]))), text)


def _joined(text: str) -> str:
    """The halves of a character that was written as two ``\\u`` escapes, as one."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _unescaped(found: re.Match[str]) -> str:
    word = found[1]
    if word[0] in "ux" and len(word) > 1:
        return chr(int(word[1:], 16))
    return _ESCAPES.get(word, word)
