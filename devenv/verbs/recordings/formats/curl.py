"""A list of curl commands, as browsers copy them ("Copy all as cURL (bash)") or as people write them down.

What a command sends is what curl 8 sends: one request for each URL.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import quote_plus, urljoin, urlsplit

from devenv.core.model.bodies import FORM_TYPE
from devenv.core.model.errors import UsageProblem
from devenv.core.model.http_name import HTTP_NAME
from devenv.core.model.reading import REFUSED, refusal
from devenv.verbs.recordings.formats.curl_globbing import shown, urls_of
from devenv.verbs.recordings.formats.curl_options import long_name, takes_value
from devenv.verbs.recordings.formats.recorded import Recorded, Recording, encoded_target
from devenv.verbs.recordings.formats.shell_words import ShellCommand, shell_commands

_JSON = "application/json"
_BOUNDARY = "devenv-boundary"
_DATA = frozenset(("data", "data-ascii", "data-raw", "data-binary", "data-urlencode", "json"))
_METHOD = re.compile(HTTP_NAME)
"""A method as RFC 9110, section 9.1, allows it; ``put`` is another than PUT."""
_ELSEWHERE = {
    "config": "reads options from a file",
    "upload-file": "sends a file",
    "variable": "sets a variable of curl's own",
}
"""Options without which it is not known what is sent."""
_NOT_SENT = (
    "range",
    "aws-sigv4",
    "time-cond",
    "etag-compare",
    "digest",
    "ntlm",
    "negotiate",
    "anyauth",
    "netrc",
)
"""Options that add a header which is not taken over."""
_NOT_OVER_HTTP = "only http and https are taken over"
MOST_REQUESTS = 50_000
"""A longer list is refused at once: ``devenv replay`` reads scenarios of a fifth of these steps at most."""
MOST_SENT = 1_000_000
"""Characters that requests send beyond those of the list: one command sends its body to many URLs."""


def parse_curl(text: str, name: str) -> Recording:
    """The requests, one after the other. Raises UsageProblem that names file and line."""
    requests: list[Recorded] = []
    most, sent = len(text) + MOST_SENT, 0
    notes = ["a list of commands has no answers and no times: what was answered, and how fast, is not known"]
    for command in shell_commands(text, name):
        where = f"{name}:{command.line}: "
        program = command.words[0]
        if program != "curl":
            program = program.replace("\\", "/").rpartition("/")[2]
        if program not in ("curl", "curl.exe"):
            if not command.piped:
                raise UsageProblem(f"{where}this is no curl command")
            notes.append(f"left out: line {command.line}: {program}, which reads what curl wrote")
            continue
        try:
            for options in _read(command, where):
                for request in options.requests(command.line, where):
                    if len(requests) == MOST_REQUESTS:
                        raise UsageProblem(f"{where}at most {MOST_REQUESTS} requests are read")
                    sent += len(request.target) + options.length
                    if sent > most:
                        raise UsageProblem(f"{where}the requests up to here send more than {most} characters")
                    requests.append(request)
                if options.notes:
                    notes += [f"line {command.line}: {note}" for note in options.notes]
        except REFUSED as error:
            raise refusal(f"{name}:{command.line}", error) from error
    if not requests:
        raise UsageProblem(
            f"{name}:1: there is no curl command", hint="one command a line: curl -X POST URL …"
        )
    return Recording(name, "curl commands", tuple(requests), notes=tuple(notes), unit="line")


@dataclass(slots=True)
class _Options:
    """What the options of one command, up to ``--next``, say about its requests."""

    method: str | None = None
    head: bool = False
    in_query: bool = False
    globbing: bool = True
    path_as_is: bool = False
    target: str | None = None
    urls: list[str] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    without: set[str] = field(default_factory=set)
    """Headers that an option removes (``-H 'Name:'``), where curl would send them by itself."""
    given: dict[str, list[str]] = field(default_factory=dict)
    """Those that ``-H`` gives values: they are sent all the same."""
    cookies: list[str] = field(default_factory=list)
    data: list[tuple[str, str]] = field(default_factory=list)
    """Option and text."""
    as_json: bool = False
    """Whether one of them is --json."""
    query: list[str] = field(default_factory=list)
    parts: list[str] = field(default_factory=list)
    """Of a multipart form, each with its headers."""
    notes: list[str] = field(default_factory=list)
    length: int = 0
    """Characters of the headers and the body that each of its requests has."""

    def requests(self, line: int, where: str) -> Iterator[Recorded]:
        """One for each URL. Raises UsageProblem where there is none."""
        if not self.urls:
            raise UsageProblem(f"{where}there is no URL")
        body = self._body()
        headers = self._headers(body)
        method = self._method(body)
        self.length = len(body or "") + sum(len(name) + len(value) + 1 for name, value in headers.items())
        for pattern in self.urls:
            for address in urls_of(pattern, where) if self.globbing else (pattern,):
                url = urlsplit(address if "://" in address else f"http://{address}")
                if url.scheme.lower() not in ("http", "https"):
                    raise UsageProblem(f"{where}{shown(address)} is no HTTP address", hint=_NOT_OVER_HTTP)
                query = url.query
                if self.query or self.in_query:
                    query = "&".join(filter(None, [query, *self.query, *self._data_in_query()]))
                path = (url.path if self.path_as_is else _squashed(url.path)) or "/"
                target = self.target or encoded_target(path + (f"?{query}" if query else ""))
                host = url.netloc.rpartition("@")[2]
                yield Recorded(line, method, target, headers=headers, body=body, host=host)

    def _method(self, body: str | None) -> str:
        if self.method is not None:
            return self.method
        return "HEAD" if self.head else "GET" if body is None else "POST"

    def _data_in_query(self) -> list[str]:
        return [text for _, text in self.data] if self.in_query else []

    def _body(self) -> str | None:
        if self.parts:
            return "".join(f"--{_BOUNDARY}\r\n{part}\r\n" for part in self.parts) + f"--{_BOUNDARY}--\r\n"
        if not self.data or self.in_query:
            return None
        body = self.data[0][1]
        for option, text in self.data[1:]:
            body += text if option == "json" else f"&{text}"
        return body

    def _headers(self, body: str | None) -> dict[str, str]:
        """With what curl adds by itself."""
        headers = dict(self.headers)
        for name, values in self.given.items():
            headers[name] = ("; " if name == "cookie" else ", ").join(values)
        if self.cookies:
            headers.setdefault("cookie", ";".join(self.cookies))
        if self.parts:
            headers.setdefault("content-type", f"multipart/form-data; boundary={_BOUNDARY}")
        elif body is not None and self.as_json:
            headers = {"content-type": _JSON, "accept": _JSON} | headers
        elif body is not None:
            headers.setdefault("content-type", FORM_TYPE)
        if not self.without:
            return headers
        removed = self.without - self.given.keys()
        return {name: value for name, value in headers.items() if name not in removed}


def _read(command: ShellCommand, where: str) -> Iterator[_Options]:
    """The options of the command, and of what follows each ``--next``."""
    options = _Options()
    words = iter(command.words[1:])
    for word in words:
        if not word.startswith("-") or word == "-":
            options.urls.append(word)
            continue
        for written, option, value in _split(word, where):
            if takes_value(option):
                if value is None and (value := next(words, None)) is None:
                    raise UsageProblem(f"{where}{written} has no value")
                _apply(option, value, options, f"{where}{written} ")
            elif option == "next":
                yield options
                options = _Options()
            else:
                _flag(option, options)
    yield options


def _split(word: str, where: str) -> list[tuple[str, str, str | None]]:
    """The options in one word, as written and by their long names, with their values: ``-sXPOST`` is two."""
    if word.startswith("--"):
        option, equals, value = word[2:].partition("=")
        if takes_value(option) is None or (equals and not takes_value(option)):
            raise UsageProblem(f"{where}curl has no option --{option}", hint="see curl --help all")
        return [(f"--{option}", option, value if equals else None)]
    options: list[tuple[str, str, str | None]] = []
    for place, letter in enumerate(word[1:], start=2):
        long = long_name(letter)
        if long is None:
            raise UsageProblem(f"{where}curl has no option -{letter} (in {word})", hint="see curl --help all")
        if takes_value(long):
            options.append((f"-{letter}", long, word[place:] or None))
            break
        options.append((f"-{letter}", long, None))
    return options


def _flag(option: str, options: _Options) -> None:
    """What has no value; only few say something about the request."""
    if option == "get":
        options.in_query = True
    elif option == "head":
        options.head = True
    elif option == "globoff":
        options.globbing = False
    elif option == "path-as-is":
        options.path_as_is = True
    elif option in _NOT_SENT:
        options.notes.append(f"--{option} is not taken over")


def _apply(option: str, value: str, options: _Options, where: str) -> None:
    """Take one option over; ``where`` begins a complaint: file, line and option."""
    if option in _DATA:
        options.data.append((option, _data(option, value, where)))
        options.as_json = options.as_json or option == "json"
        return
    if option in _ELSEWHERE:
        raise UsageProblem(f"{where}{value} {_ELSEWHERE[option]}, which is not taken over")
    if option == "request":
        if not _METHOD.fullmatch(value):
            raise UsageProblem(f"{where}{value!r} is no HTTP method")
        options.method = value
    elif option == "url":
        options.urls.append(value)
    elif option == "request-target":
        options.target = value
    elif option == "url-query":
        options.query.append(value[1:] if value.startswith("+") else _urlencoded(value, where))
    elif option == "header":
        _header(value, options, where)
    elif option == "cookie":
        if "=" in value:
            options.cookies.append(value.strip())
        else:
            options.notes.append(f"the cookies of the file {value} are left out: -b takes NAME=VALUE too")
    elif option in ("form", "form-string"):
        options.parts.append(_part(option, value, where))
    elif option == "user":
        _login(f"Basic {base64.b64encode(value.encode()).decode()}", options)
    elif option == "oauth2-bearer":
        _login(f"Bearer {value}", options)
    elif option in _NOT_SENT:
        options.notes.append(f"--{option} is not taken over")


def _login(value: str, options: _Options) -> None:
    """The last one counts; a header that -H gives goes before all."""
    if "authorization" not in options.given:
        options.headers["authorization"] = value


def _header(value: str, options: _Options, where: str) -> None:
    """``Name: value``; ``Name:`` takes away what curl would send by itself, ``Name;`` sends it empty."""
    if value.startswith("@"):
        raise UsageProblem(f"{where}{value} reads a file: write the headers into the command")
    name, colon, text = value.partition(":")
    name, text = name.strip().lower(), text.strip()
    if colon and not text:
        options.without.add(name)
    elif colon or name.endswith(";"):
        options.given.setdefault(name if colon else name.removesuffix(";"), []).append(text)


def _data(option: str, value: str, where: str) -> str:
    if option == "data-urlencode":
        return _urlencoded(value, where)
    if value.startswith("@") and option != "data-raw":
        raise UsageProblem(f"{where}{value} reads a file: write the body into the command")
    return value


def _urlencoded(value: str, where: str) -> str:
    """``content``, ``=content`` or ``name=content``; ``@file`` and ``name@file`` are refused.

    A blank becomes +, as curl 7.88 writes it.
    """
    if "=" not in value and "@" in value:
        raise UsageProblem(f"{where}{value} reads a file: write the body into the command")
    key, equals, content = value.partition("=")
    if not equals:
        return quote_plus(value)
    return f"{key}={quote_plus(content)}" if key else quote_plus(content)


def _part(option: str, value: str, where: str) -> str:
    """One field of a form: its headers, an empty line, its text."""
    name, equals, text = value.partition("=")
    if not equals:
        raise UsageProblem(f"{where}{value} is no NAME=CONTENT")
    kind = None
    if option == "form":
        if text[:1] in ("@", "<"):
            raise UsageProblem(
                f"{where}sends a file or a form of parts from files, which is not taken over ({value})"
            )
        if typed := re.fullmatch(r"(.*?);\s*type=([^;]+)", text, re.DOTALL):
            text, kind = typed[1], typed[2]
        text = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    lines = [f'Content-Disposition: form-data; name="{name}"', *([f"Content-Type: {kind}"] if kind else [])]
    return "\r\n".join([*lines, "", text])


def _squashed(path: str) -> str:
    """Without ``.`` and ``..``, as curl sends it."""
    return urljoin("http://x", path).removeprefix("http://x") if "/." in path else path
