"""HAR files (HTTP Archive 1.1 to 1.3) as Chrome, Firefox and Safari write them.

Where they differ: Firefox gives times with the zone's offset and leaves long bodies out with a ``comment``;
Safari writes ``time: 0`` and an empty ``startedDateTime`` where it does not know, and base64 bodies; Chrome
marks what came from its cache. After J. Odvarko, HTTP Archive 1.2 Spec; Firefox' har-builder.js; WebKit's
HARBuilder.js.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.recorded import Recorded, Recording

_CACHES = ("Memory Cache", "Disk Cache", "Service Worker")


def parse_har(text: str, name: str) -> Recording:
    """The requests of a HAR file in order of time; those that never reached a server are left out.

    Raises UsageProblem that names the file and the line or the entry.
    """
    try:
        data = json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageProblem(
            f"{name}:{error.lineno}: not readable as JSON: {error.msg} (column {error.colno})"
        ) from None
    except RecursionError:
        raise UsageProblem(f"{name}: nested too deeply") from None
    log = data.get("log") if isinstance(data, dict) else None
    entries = log.get("entries") if isinstance(log, dict) else None
    if not isinstance(log, dict) or not isinstance(entries, list):
        raise UsageProblem(
            f"{name}: this is no HAR file: log.entries is missing",
            hint="in the browser's network tab: save all as HAR with content",
        )
    left_out: Counter[str] = Counter()
    requests = []
    for number, entry in enumerate(entries, start=1):
        reader = _Entry(entry, f"{name}: entry {number}: ")
        if (why := reader.not_sent()) is not None:
            left_out[why] += 1
            continue
        requests.append(reader.recorded(number))
    browser = _creator(log)
    notes = tuple(f"left out as {why}: {count}" for why, count in left_out.items())
    return Recording(name, f"HAR of {browser}" if browser else "HAR", _in_order(requests), notes=notes)


def _in_order(requests: list[Recorded]) -> tuple[Recorded, ...]:
    """By start; without all starts in the order of the file."""
    if any(request.started is None for request in requests):
        return tuple(requests)
    return tuple(sorted(requests, key=lambda request: request.started or 0.0))


def _creator(log: Mapping[str, Any]) -> str:
    for key in ("browser", "creator"):
        value = log.get(key)
        if isinstance(value, dict) and isinstance(value.get("name"), str):
            return str(value["name"])
    return ""


class _Entry:
    """Reads one entry; ``where`` begins its complaints."""

    def __init__(self, data: Any, where: str) -> None:
        self._where = where
        self._entry = self._mapping(data, "the entry")
        self._request = self._mapping(self._entry.get("request"), "request")
        self._response = self._mapping(self._entry.get("response", {}), "response")
        self._url = urlsplit(self._text(self._request, "url", "request.url"))
        self._method = self._text(self._request, "method", "request.method").upper()

    def not_sent(self) -> str | None:
        """Why it says nothing about the service: a preflight, out of a cache, no HTTP; else None."""
        if self._url.scheme not in ("http", "https"):
            return "not HTTP (WebSocket, data, extension)"
        if self._method == "OPTIONS":
            return "preflight (OPTIONS)"
        if self._entry.get("_fetchType") in _CACHES or self._entry.get("_fromCache"):
            return "answered by the browser's cache"
        return None

    def recorded(self, number: int) -> Recorded:
        """The entry as a request."""
        url, status = self._url, self._response.get("status", 0)
        if not isinstance(status, int) or isinstance(status, bool):
            raise self._problem(f"response.status is {status!r}, expected a number")
        answer_headers = self._headers(self._response, "response.headers")
        return Recorded(
            number,
            self._method,
            (url.path or "/") + (f"?{url.query}" if url.query else ""),
            self._started(),
            self._seconds(),
            self._headers(self._request, "request.headers"),
            self._sent(),
            status or None,  # 0: no answer came
            answer_headers,
            self._answer(),
            url.netloc,
            pod=answer_headers.get("x-served-by"),
        )

    def _sent(self) -> str | None:
        post = self._request.get("postData")
        if post is None:
            return None
        post = self._mapping(post, "request.postData")
        text = post.get("text")
        if isinstance(text, str) and text:
            return self._decoded(text, post.get("encoding", post.get("_encoding")), "request.postData.text")
        params = post.get("params") or []
        if not isinstance(params, list):
            raise self._problem("request.postData.params is no list")
        fields = [self._mapping(param, "request.postData.params") for param in params]
        return (
            urlencode([(str(field.get("name", "")), str(field.get("value", ""))) for field in fields]) or None
        )

    def _answer(self) -> str | None:
        content = self._mapping(self._response.get("content", {}), "response.content")
        text = content.get("text")
        if not isinstance(text, str):
            return None
        return self._decoded(text, content.get("encoding"), "response.content.text")

    def _decoded(self, text: str, encoding: Any, what: str) -> str | None:
        """The text; None where it is not text."""
        if encoding != "base64":
            return text
        try:
            return base64.b64decode(text, validate=True).decode("utf-8")
        except UnicodeDecodeError:
            return None
        except binascii.Error:
            raise self._problem(f"{what} is said to be base64 and is not") from None

    def _started(self) -> float | None:
        text = self._entry.get("startedDateTime")
        if text is None or text == "":
            return None
        try:
            moment = datetime.fromisoformat(text)
        except (TypeError, ValueError):
            raise self._problem(f"startedDateTime is {text!r}, expected a time as in ISO 8601") from None
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()

    def _seconds(self) -> float | None:
        took = self._entry.get("time")
        if took is None:
            return None
        if not isinstance(took, int | float) or isinstance(took, bool):
            raise self._problem(f"time is {took!r}, expected milliseconds")
        return took / 1000 if took > 0 else None

    def _headers(self, of: Mapping[str, Any], what: str) -> dict[str, str]:
        listed = of.get("headers") or []
        if not isinstance(listed, list):
            raise self._problem(f"{what} is no list")
        pairs = [self._mapping(item, what) for item in listed]
        found: dict[str, str] = {}
        for pair in pairs:
            name, value = str(pair.get("name", "")).lower(), str(pair.get("value", ""))
            found[name] = f"{found[name]}, {value}" if name in found else value  # RFC 9110, 5.3
        return found

    def _mapping(self, data: Any, what: str) -> Mapping[str, Any]:
        if not isinstance(data, dict):
            raise self._problem(f"{what} is {'missing' if data is None else 'no object'}")
        return data

    def _text(self, of: Mapping[str, Any], key: str, what: str) -> str:
        value = of.get(key)
        if not isinstance(value, str) or not value:
            raise self._problem(f"{what} is missing")
        return value

    def _problem(self, message: str) -> UsageProblem:
        return UsageProblem(self._where + message)
