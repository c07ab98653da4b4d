"""Readers of foreign text, and hostile shapes of text: what ``benchmarks/hostile.py`` and the tests try."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path

from devenv.core.checker.history import parse_history
from devenv.core.doctor_rules.redis_url import read_url
from devenv.core.model import env_file, yaml_lines
from devenv.core.model.bodies import answered_fields, sent_fields
from devenv.core.model.env_file import read_env
from devenv.core.model.outside import looks_outside
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.schedule import Schedule
from devenv.core.model.yaml_lines import read_manifests
from devenv.core.resp.replies import ReplyFramer
from devenv.core.resp.requests import RequestFramer
from devenv.core.scenario import parse
from devenv.core.scenario.ordering import parse_order
from devenv.harness.config import devenv_toml_reader
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.verbs.recordings.composing import ImportOptions, compose
from devenv.verbs.recordings.formats.access_log import parse_access_log
from devenv.verbs.recordings.formats.bodies import parts_of
from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.har import parse_har
from devenv.verbs.recordings.redaction import Redactor
from devenv.wire.gate.link import PIECE
from devenv.wire.http.bodies import Malformed
from devenv.wire.http.heads import parse_request_head, parse_response_head

Reader = Callable[[str], object]
"""Reads text; raises UsageProblem where it is none of its kind."""

_MULTIPART = "multipart/form-data; boundary=b"


CORPUS = Path(__file__).parent / "corpus"
"""Texts that ``benchmarks/fuzz.py`` kept: a JSON list for each reader."""


def corpus_file(reader: str, folder: Path = CORPUS) -> Path:
    """Where the texts of a reader are kept: ``.env value`` in ``env-value.json``."""
    return folder / ("-".join(re.findall(r"[a-z0-9]+", reader.lower())) + ".json")


def kept_texts(reader: str) -> list[str]:
    """The texts that were kept for a reader."""
    path = corpus_file(reader)
    return list(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else []


def _har(text: str) -> object:
    """The text as URL, header, body and answer of an entry, and the whole as a scenario."""
    request = {
        "method": "POST",
        "url": "http://a/x?" + "".join(text.split()),
        "headers": [{"name": "x-a", "value": text}],
        "postData": {"mimeType": "text/plain", "text": text},
    }
    response = {"status": 200, "headers": [{"name": "location", "value": text}], "content": {"text": text}}
    log = {"entries": [{"request": request, "response": response}]}
    return compose(parse_har(json.dumps({"log": log}), "a.har"), CAPTCHA, ImportOptions())


def _in_pieces(feed: Callable[[bytes], object], text: str) -> None:
    """As the gate feeds what has many lines."""
    data = text.encode("utf-8", "replace")
    for begin in range(0, len(data), PIECE):
        feed(data[begin : begin + PIECE])


def _head(parse_head: Callable[[bytes], object], first: bytes) -> Reader:
    def read(text: str) -> object:
        try:
            return parse_head(first + text.encode("utf-8", "replace"))
        except Malformed:
            return None

    return read


READERS: Mapping[str, Reader] = {
    "HAR": lambda text: parse_har(text, "a.har"),
    "HAR entry": _har,
    "curl": lambda text: parse_curl(text, "a.sh"),
    "curl argument": lambda text: parse_curl("curl 'http://a/" + text.replace("'", "") + "'", "a.sh"),
    "curl form": lambda text: parse_curl("curl http://a/ -F 'a=" + text.replace("'", "") + "'", "a.sh"),
    "log": lambda text: parse_access_log(text, "a.log"),
    "log, combined": lambda text: parse_access_log("1.2.3.4 - - [" + text, "a.log"),
    "log, haproxy": lambda text: parse_access_log("haproxy[1]: " + text, "a.log"),
    "log, rest": lambda text: parse_access_log(
        '1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 1 ' + text, "a.log"
    ),
    "log, JSON": lambda text: parse_access_log(
        json.dumps({"method": "GET", "path": "/a", "time": text, "duration": text}), "a.log"
    ),
    ".env": lambda text: read_env(text, ".env"),
    ".env value": lambda text: looks_outside("DB_HOST", text),
    "YAML scenario": lambda text: parse(text, "a.yaml"),
    "YAML manifests": lambda text: read_manifests(text, "a.yaml"),
    "TOML": lambda text: parse_service(text, Path()),
    "history": lambda text: parse_history(text, "history.jsonl"),
    "order": parse_order,
    "schedule": Schedule.parse,
    "Redis URL": lambda text: read_url("redis://" + text),
    "RESP request": lambda text: _in_pieces(RequestFramer().feed, text),
    "RESP reply": lambda text: _in_pieces(ReplyFramer().feed, text),
    "HTTP request head": _head(parse_request_head, b""),
    "HTTP header": _head(parse_request_head, b"GET / HTTP/1.1\r\nHost: a\r\nX: "),
    "HTTP response head": _head(parse_response_head, b"HTTP/1.1 200 OK\r\nX: "),
    "form or JSON": sent_fields,
    "form": lambda text: sent_fields("a=b&" + text),
    "event stream": lambda text: answered_fields("data: {}\n" + text),
    "multipart": lambda text: parts_of("--b\r\n" + text, _MULTIPART),
    "multipart part": lambda text: parts_of("--b\r\ncontent-disposition: " + text, _MULTIPART),
    "redaction": lambda text: Redactor().body(text),
    "redaction, form": lambda text: Redactor().text("a=" + text, "application/x-www-form-urlencoded"),
    "redaction, path": lambda text: Redactor().target("/" + "".join(text.split())),
}
"""By name; each takes any text."""


def _fill(unit: str) -> Callable[[int], str]:
    return lambda size: unit * (size // len(unit) + 1)


def _nested(opening: str, closing: str) -> Callable[[int], str]:
    return lambda size: opening * (size // 2) + closing * (size // 2)


COPIES: Mapping[str, int] = {"HAR entry": 5}
"""How many times a reader is given the text at once."""


SHAPES: Mapping[str, Callable[[int], str]] = {
    "one letter": _fill("a"),
    "digits": _fill("1"),
    "blanks": _fill(" "),
    "empty lines": _fill("\n"),
    "CR LF": _fill("\r\n"),
    "short lines": _fill("a\n"),
    "dots": _fill("."),
    "dotted words": _fill("a."),
    "dashed words": _fill("a-"),
    "underscores": _fill("a_"),
    "slashes": _fill("/a"),
    "colons": _fill("a:"),
    "commas": _fill("a,"),
    "equals": _fill("a="),
    "pairs": _fill("a=b&"),
    "equal keys": _fill("a: 1\n"),
    "assignments": _fill("A=b\n"),
    "URLs": _fill("http://a/b "),
    "URLs without blanks": _fill("http://a"),
    "user and password": _fill("a:b@"),
    "open quotes": _fill('"'),
    "open apostrophes": _fill("'"),
    "quoted words": _fill('"a" '),
    "backslashes": _fill("\\"),
    "escaped quotes": _fill('\\"'),
    "open quote, escapes": lambda size: '"' + "\\a" * (size // 2),
    "dollar quotes": lambda size: "$'" + "\\a" * (size // 2),
    "open brackets": _fill("["),
    "nested brackets": _nested("[", "]"),
    "nested braces": _nested('{"a":', "}"),
    "nested YAML": lambda size: "".join(" " * depth + "a:\n" for depth in range(int((2 * size) ** 0.5))),
    "open braces": _fill("{"),
    "placeholders": _fill("{captured:a} "),
    "open placeholders": _fill("{captured:"),
    "part heads": _fill("--b\r\n"),
    "dispositions": _fill("content-disposition: "),
    "names": _fill(" name="),
    "types": _fill("; type="),
    "times": _fill("[01/Jan/2026:00:00:00 +0000] "),
    "log lines": _fill('1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET /a HTTP/1.1" 200 1 "-" "-"\n'),
    "log lines, cut": _fill('1.2.3.4 - - [01/Jan/2026:00:00:00 +0000] "GET '),
    "haproxy words": _fill("1.2.3.4:5 [01/Jan] a b/c 1/2/3/4"),
    "timers": _fill("1/2/3/4/"),
    "JSON lines": _fill('{"method": "GET", "path": "/a", "time": 1}\n'),
    "curl commands": _fill("curl http://a/ -d a=b\n"),
    "curl continued": lambda size: "curl" + " \\\n -d a=b" * (size // 10),
    "shell variables": lambda size: "A=b\ncurl http://a/" + "$A" * (size // 2),
    "tabs": _fill("\t"),
    "minus signs": _fill("-"),
    "bearers": _fill("Bearer "),
    "cookies": _fill("a=b; "),
    "IPv6 addresses": _fill("::1,"),
    "links": _fill('<a>; rel="'),
    "long integers": _fill("9" * 5000 + "\n"),
    "JWTs": _fill("eyJaaaaaaaa."),
    "base64": _fill("QUJD"),
    "base64, no digit": _fill("ABCD+/="),
    "card digits": _fill("1234 "),
    "JSON fields": _fill('"a": "b", '),
    "escaped JSON fields": _fill('\\"a\\": '),
    "e-mail addresses": _fill("a@b.c "),
    "percent": _fill("%41"),
    "Korean": _fill("가"),
    "NUL": _fill("\0"),
    "RESP commands": _fill("*1\r\n$4\r\nPING\r\n"),
    "RESP nested": _fill("*1\r\n"),
    "header lines": _fill("a: b\r\n"),
    "YAML list": _fill("- a\n"),
    "YAML flow": _fill("[a, "),
    "tables": _fill("[a.b]\n"),
    "anchors": _fill("- &a b\n"),
    "schemes": _fill("a://"),
    "plus signs of base64": _fill("/+"),
    "character references": _fill("&#x41;"),
    "tags": _fill("<a>"),
    "percent signs, escaped": lambda size: "%" + "25" * (size // 2),
    "escaped quotes, cut": lambda size: '"' + '\\"' * (size // 2) + "\\",
    "haproxy lines, cut": _fill("a:1 [b] c d/e 1/2/3/4/5 1 "),
    "different names": lambda size: "".join(f"name{number:x}=1&" for number in range(size // 10)),
    "before": _fill("A.GET before B.SET\n"),
    "marks of a script": _fill("\u0e31"),
    "joiners": _fill("a\u200d"),
    "open attributes": _fill('<a b="'),
    "attributes without quotes": lambda size: "<a " + "b=c/ " * (size // 5),
    "tags without ends": _fill("<abcdefghij"),
    "nested tags": lambda size: "<a>" * (size // 7) + "</a>" * (size // 7),
    "tags that close others": lambda size: "".join(f"<a{number % 99}></b>" for number in range(size // 9)),
    "open comments": _fill("<!--"),
    "open CDATA": _fill("<![CDATA["),
    "options of a command": _fill("--password a "),
    "names in lines": _fill("a b c d e\n"),
    "chunk sizes": _fill("1\r\na\r\n"),
    "folded header lines": _fill("\r\n a"),
    "RESP without values": _fill("$-1\r\n"),
    "RESP maps": _fill("%1\r\n+a\r\n"),
    "complex keys": _fill("? a\n: b\n"),
    "merged keys": lambda size: "a: &a {b: c}\nd:\n" + "  <<: *a\n" * (size // 9),
    "here documents": _fill("<<EOF\n"),
    "halves of surrogate pairs": lambda size: '"' + "\\ud800" * (size // 6) + '"',
    "large exponents": lambda size: "[" + "1e400," * (size // 6) + "1]",
    "letters that fold": _fill("\u0130\ufb03"),
    "open placeholders, nested": _fill("{captured:{"),
    "last parts": _fill("--b--\r\n"),
    "events, cut": _fill('data: {"a":\n\n'),
    "columns": lambda size: "password,a\n" + "b,c\n" * (size // 4),
    "columns, quoted": lambda size: '"password","a"\n' + '"b""","' * (size // 7),
    "names of columns": _fill("password;"),
    "serialised texts": _fill('s:1:"a";'),
    "serialised sessions": _fill('a|s:1:"'),
    "comparisons": _fill("token eq 'b' "),
    "identified": _fill("IDENTIFIED BY "),
    "Oracle's URLs": _fill(":oracle:ab:c/"),
    "curl without a user": _fill("curl "),
    "mysql without a password": _fill("mysql --"),
    "machines": _fill("machine a login b "),
    "codes that are said": _fill("security code is "),
    "codes that are yours": _fill("a1b2 is your a "),
    "blocks": _fill("password: |\n  b\n"),
    "blocks, open": _fill("a: >\n"),
    "calls": _fill("password('"),
    "long brackets": _fill("password=[["),
    "tokens in a path": _fill("/token/abcde1"),
    "LDIF": _fill("a:: b\n"),
    "patches": _fill('{"op": "add", "path": "/password", "value": 1}\n'),
    "tables of JSON": _fill('{"columns": ["password"], "rows": [["a"]]}\n'),
}
"""By name; each makes a text of about so many characters."""

LIMITED: Mapping[str, int] = {
    ".env": env_file.MOST_CHARACTERS,
    "TOML": devenv_toml_reader.MOST_CHARACTERS,
    "YAML scenario": yaml_lines.MOST_CHARACTERS,
    "YAML manifests": yaml_lines.MOST_CHARACTERS,
}
"""Readers that refuse at once what is longer; libraries read for them, and slowly."""
