"""Valid documents with one wrong value, and hostile files: they are refused, and no other error comes."""

# ruff: noqa: E501

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from devenv.cli import main
from devenv.core.checker.history import parse_history
from devenv.core.model.errors import DevenvError
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.yaml_lines import read_manifests
from devenv.core.scenario import parse
from devenv.harness.config.devenv_toml_reader import parse_service
from devenv.harness.runs.trace import read_numbered
from devenv.verbs.recordings.composing import ImportOptions, compose
from devenv.verbs.recordings.formats.access_log import parse_access_log
from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.har import parse_har
from devenv.verbs.recordings.formats.recorded import Recording

DEEP: Any = "a"
for _ in range(150):
    DEEP = [DEEP]
WRONG: tuple[Any, ...] = (
    None, True, -1, 10**30, 10**400, 1e308, float("nan"), float("inf"), "", "http://[::1/a", "\ud800\0\x1b[31m",
    [], {}, [{"a": [1]}], DEEP,
)  # fmt: skip


def variants(data: Any) -> Iterator[Any]:
    """``data`` with each value in it, one after the other, replaced by each wrong one."""
    if isinstance(data, dict):
        for key, value in data.items():
            yield from ({**data, key: other} for other in variants(value))
    elif isinstance(data, list):
        for index, value in enumerate(data):
            yield from ([*data[:index], other, *data[index + 1 :]] for other in variants(value))
    yield from WRONG


def only_refused(read: Callable[[], object], about: object) -> None:
    """``read`` must succeed or refuse."""
    try:
        read()
    except DevenvError as error:
        assert "\n" not in error.message
    except Exception as error:
        raise AssertionError(f"{type(error).__name__}: {error}, of {str(about)[:400]}") from error


HAR = {
    "log": {
        "creator": {"name": "b"},
        "entries": [
            {
                "startedDateTime": "2026-01-01T00:00:00.000Z",
                "time": 12.5,
                "request": {
                    "method": "POST",
                    "url": "http://localhost/api/abstract-captcha?a=b",
                    "headers": [{"name": "content-type", "value": "application/json"}],
                    "cookies": [{"name": "a", "value": "b"}],
                    "postData": {"mimeType": "application/json", "text": '{"a": 1}', "params": []},
                    "bodySize": 8,
                },
                "response": {
                    "status": 200,
                    "headers": [{"name": "location", "value": "/a"}],
                    "content": {
                        "mimeType": "application/json",
                        "text": "e30=",
                        "encoding": "base64",
                        "size": 2,
                    },
                    "redirectURL": "",
                },
            }
        ],
    }
}
LOGS = (
    {"method": "GET", "path": "/a", "status": 200, "time": "2026-01-01T00:00:00Z", "duration_ms": 5},
    {"request": {"method": "GET", "uri": "/a", "headers": {"X-Forwarded-For": ["1.2.3.4"]},
                 "remote_ip": "1.2.3.4"}, "status": 200, "ts": 1.5, "duration": 0.1},
    {"RequestMethod": "GET", "RequestPath": "/a", "DownstreamStatus": 200, "StartUTC": "2026-01-01T00:00:00Z",
     "Duration": 1000, "ClientHost": "1.2.3.4"},
    {"start_time": "2026-01-01T00:00:00Z", "method": "GET", "path": "/a", "response_code": 200, "duration": 5},
    {"req": {"method": "GET", "url": "/a", "headers": {}}, "res": {"statusCode": 200}, "time": 1, "responseTime": 2},
    {"httpRequest": {"requestMethod": "GET", "requestUrl": "http://a/b", "status": 200, "latency": "0.1s"},
     "timestamp": "2026-01-01T00:00:00Z", "request_body": {"a": 1}, "response_body": "x"},
)  # fmt: skip
HISTORY = [
    {"process": 1, "type": "invoke", "f": "create", "time": 1.0, "value": {"session": "s"}, "key": "a"},
    {
        "process": 1,
        "type": "ok",
        "f": "create",
        "time": 2.0,
        "value": {"session": "s", "limit": 3},
        "pod": "a",
    },
    {
        "process": 1,
        "type": "invoke",
        "f": "verify",
        "time": 3.0,
        "value": {"session": "s", "answer": "right"},
    },
    {"process": 1, "type": "ok", "f": "verify", "time": 4.0, "value": {"session": "s", "result": "passed"}},
]


def _imported(parse_form: Callable[[str, str], Recording], text: str) -> object:
    return compose(parse_form(text, "given"), CAPTCHA, ImportOptions())


def test_a_har_with_any_wrong_value() -> None:
    for data in variants(HAR):
        text = json.dumps(data)
        only_refused(partial(_imported, parse_har, text), text)


@pytest.mark.parametrize("log", LOGS, ids=str)
def test_a_log_line_with_any_wrong_value(log: Any) -> None:
    for data in variants(log):
        text = json.dumps(data)
        only_refused(partial(_imported, parse_access_log, text), text)


def test_a_history_with_any_wrong_value() -> None:
    for lines in variants(HISTORY):
        if isinstance(lines, list):
            text = "\n".join(json.dumps(line) for line in lines)
            only_refused(partial(parse_history, text, "h.jsonl"), text)


SCENARIO: Any = {
    "version": 1, "id": "a-b", "title": "A title", "cause": "pod-memory", "needs": ["R"],
    "stack": {"pods": 2, "env": {"A": "b"}}, "stores": {"atomic": {"shows": "It holds."}},
    "sessions": {"s": "abstract"},
    "steps": [
        {"create": "s", "pod": "A"},
        {"verify": "s", "answer": [1], "pod": "B", "expect": {"outcome": "failed"}},
        {"request": "GET /a", "headers": {"x": "y"}, "capture": {"c": {"from": "a", "match": "(b)"}}},
        {"together": {"one": {"verify": "s", "answer": "right", "pod": "A"}}, "order": ["one.GET before one.SET"]},
        {"gate": {"action": "hold", "key": "{key:s}"}},
        {"redis_command": ["GET", "{key:s}"]},
        {"pause": 0.1},
    ],
}  # fmt: skip


def test_a_scenario_with_any_wrong_value() -> None:
    for data in variants(SCENARIO):
        text = yaml.safe_dump(data)
        only_refused(partial(parse, text, "a.yaml"), text)


def test_a_devenv_toml_with_any_wrong_value() -> None:
    texts = (
        f'preset = "session"\n[service]\ncommand = {value}\ndirectory = {directory}\n[service.env]\nA = {value}\n'
        for value in _toml()
        for directory in ('"."', *_toml())
    )
    for text in texts:
        only_refused(partial(parse_service, text, Path("/nowhere")), text)


def _toml() -> tuple[str, ...]:
    return (
        "true", "-1", "9" * 30, "9" * 5000, "1e400", "nan", "inf", '""', '"http://[::1/a"', '"\\u0000"', "[]", "{}",
        "[[1]]", "2026-01-01", "[" * 150 + "]" * 150, "[" * 3000 + "]" * 3000,
    )  # fmt: skip


def test_a_trace_with_any_wrong_value(tmp_path: Path) -> None:
    event = {
        "kind": "exchange", "seq": 1, "request_id": "r", "method": "GET", "path": "/", "policy": "p", "pod": "a",
        "status": 200, "started": 1.0, "duration": 1.0, "outcome": "answered", "error": None, "client": "c",
    }  # fmt: skip
    path = tmp_path / "trace.jsonl"
    for data in variants(event):
        path.write_text(json.dumps(data) + "\n", encoding="utf-8")
        only_refused(lambda: read_numbered(path), data)


YAML_DEEP = "\n".join(" " * depth + "a:" for depth in range(3000))
FILES = {
    "import har": (
        b'{"log": {"entries": [{"request": {"method": "GET", "url": "http://[::1/a"}}]}}',
        b"[" * 900 + b"]" * 900,
        b'{"log": {"entries": [{"request": {"method": "GET", "url": "http://a"}, "time": 1' + b"0" * 5000 + b"}]}}",
        b'{"log": {"entries": [{"request": {"method": "GET", "url": "http://a/"}, "time": Infinity}]}}',
        b'{"log": {"entries": [{"request": {"method": "GET", "url": "http://a/"}, "response": {"status": NaN}}]}}',
        '{"log": {"entries": [{"request": {"method": "GET", "url": "http://a/"}, "response": {"content": '
        '{"text": "가나다라", "encoding": "base64"}}}]}}'.encode(),
        b"\0" * 100,
        b"\xff\xfe",
        b"PK\x03\x04" + b"\0" * 100,
    ),
    "import log": (
        b'{"method": "GET", "path": "/a", "time": Infinity}',
        b'{"method": "GET", "path": "/a", "time": 1' + b"0" * 5000 + b"}",
        b'{"method": "GET", "path": "http://[::1/a"}',
        b'{"method": "GET", "path": "/a", "status": Infinity}',
        b'{"a": ' * 900 + b"1" + b"}" * 900,
        b'1.2.3.4 - - [99/Jan/9999:00:00:00 +9999] "GET / HTTP/1.1" 200 1 "-" "-"',
        b'1.2.3.4 - - [31/Dec/9999:23:59:59 -2359] "GET http://[::1/a HTTP/1.1" 200 1 "-" "-"',
    ),
    "import curl": (
        b"curl http://[::1/a",
        b"curl 'http://a/[1-99999999999999]'",
        b"curl 'http://a/[1-" + b"9" * 5000 + b"]'",
        b"curl $'\\ud800' http://a/",
        b"curl",
    ),
    "replay": (
        YAML_DEEP.encode(),
        b"[" * 3000,
        b"a: !!float .inf\nsteps: [{pause: .nan}]",
        b"a: 9999-99-99",
        b"a: 1" + b"0" * 5000,
        b"- get: /a\n" * 100_000,
        b"a: b\n" * 300_000,
        b"a: \0",
        b"a: &b [*b]",
    ),
    "check": (
        b'{"process": 1, "type": "invoke", "f": "create", "time": Infinity}',
        b'{"process": 1' + b"0" * 5000 + b"}",
        b"[" * 900 + b"]" * 900,
        b"\0",
    ),
}  # fmt: skip


@pytest.mark.parametrize(
    ("verb", "data"), [(verb, data) for verb, several in FILES.items() for data in several],
    ids=lambda item: str(item)[:40],
)  # fmt: skip
def test_a_hostile_file_is_exit_2_with_its_name_in_one_line(
    verb: str,
    data: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    suffix = {"replay": "yaml", "check": "jsonl"}.get(verb, "txt")
    path = tmp_path / f"given.{suffix}"
    path.write_bytes(data)
    monkeypatch.chdir(tmp_path)
    assert main([*verb.split(), str(path)]) == 2
    shown = capsys.readouterr().err
    assert "Traceback" not in shown
    assert "given." in shown
    assert len([line for line in shown.splitlines() if line.startswith("error: ")]) == 1


def test_manifests_of_many_levels_are_refused() -> None:
    only_refused(lambda: read_manifests(YAML_DEEP, "a.yaml"), "deep")
    only_refused(lambda: parse_curl("curl http://[::1/a", "a.sh"), "curl")
