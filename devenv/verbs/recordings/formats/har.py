"""HAR files (HTTP Archive 1.1 to 1.3) as browsers and test tools write them.

Where they differ: Firefox gives times with the zone's offset and leaves long bodies out with a ``comment``;
Safari writes ``time: 0`` and an empty ``startedDateTime`` where it does not know, and base64 bodies; Chrome
marks what came from its cache; Playwright writes bodies into files beside the HAR (``_file``), and a page's
request twice where a service worker passed it on; chrome-har writes JSON bodies as ``params``, headers twice.
After J. Odvarko, HTTP Archive 1.2 Spec; Firefox' har-builder.js; WebKit's HARBuilder.js.
"""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from math import isfinite
from typing import Any
from urllib.parse import urlencode, urlsplit

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import reading
from devenv.verbs.recordings.formats.bodies import MULTIPART_TYPE, is_json, multipart
from devenv.verbs.recordings.formats.har_duplicates import HarEntry, sent_once
from devenv.verbs.recordings.formats.har_files import Attached, nothing_attached
from devenv.verbs.recordings.formats.har_stream import HarText
from devenv.verbs.recordings.formats.recorded import Recorded, Recording, numbered

_CACHES = ("Memory Cache", "Disk Cache", "Service Worker")
_LISTS = ("accept", "cache-control", "forwarded", "link", "vary", "via", "x-forwarded-for")
"""Headers that may stand several times, their values joined by a comma: RFC 9110, 5.3."""
_ASSETS = ("image/", "font/", "audio/", "video/", "text/css", "application/wasm", "application/font")
_JOINED = {"cookie": "; ", "set-cookie": "\n"}


def parse_har(text: str | Iterable[str], name: str, attached: Attached = nothing_attached) -> Recording:
    """The requests of a HAR file in order of time; those that never reached a server are left out.

    ``text`` is the file or its pieces; ``attached`` reads the files that entries name. Raises UsageProblem
    that names the file and the line or the entry.
    """
    har = HarText([text] if isinstance(text, str) else text, name)
    left_out: Counter[str] = Counter()
    entries = []
    for number, data in enumerate(har.entries(), start=1):
        with reading(f"{name}: entry {number}"):
            reader = _Entry(data, f"{name}: entry {number}: ", attached)
            if (why := reader.not_sent()) is None:
                entries.append(reader.entry(number))
            else:
                left_out[why] += 1
    entries, duplicates = sent_once(entries)
    requests = [entry.request for entry in entries]
    browser = _creator(har.log)
    notes = [f"left out as {why}: {count}" for why, count in (left_out + duplicates).items()]
    notes += _about_bodies(entries)
    return Recording(name, f"HAR of {browser}" if browser else "HAR", _in_order(requests), notes=tuple(notes))


def _about_bodies(entries: list[HarEntry]) -> list[str]:
    """What is to be known about bodies that are not, or not quite, in the file."""
    notes = []
    if lost := [entry.request.number for entry in entries if entry.file_missing]:
        notes.append(f"bodies in files beside the HAR that are not there: {numbered('entry', lost)}")
    if lost := [entry.request.number for entry in entries if entry.request.body_missing]:
        notes.append(f"bodies that were sent and are not in the file: {numbered('entry', lost)}")
    if made := [entry.request.number for entry in entries if entry.rebuilt]:
        notes.append(
            "JSON bodies made of a list of fields, in which a list of one value is that value and an empty "
            f"one is missing: {numbered('entry', made)}"
        )
    return notes


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

    def __init__(self, data: Any, where: str, attached: Attached) -> None:
        self._where = where
        self._attached = attached
        self._file_missing = self._rebuilt = False
        self._entry = self._mapping(data, "the entry")
        self._request = self._mapping(self._entry.get("request"), "request")
        self._response = self._mapping(self._entry.get("response", {}), "response")
        self._url = urlsplit(self._text(self._request, "url", "request.url"))
        self._method = self._text(self._request, "method", "request.method")

    def not_sent(self) -> str | None:
        """Why it says nothing about the service: a preflight, out of a cache, no HTTP; else None."""
        if self._url.scheme not in ("http", "https") or self._response.get("status") == 101:
            return "not HTTP (WebSocket, data, extension)"
        if self._method == "OPTIONS":
            return "preflight (OPTIONS)"
        if self._entry.get("_fetchType") in _CACHES or self._entry.get("_fromCache"):
            return "answered by the browser's cache"
        if self._response.get("status") in (0, -1):
            return "never answered (status 0 or -1)"
        return None

    def entry(self, number: int) -> HarEntry:
        """The entry as a request, and what else tells whether it was sent."""
        url, status = self._url, self._response.get("status")
        if status is not None and (not isinstance(status, int) or isinstance(status, bool)):
            raise self._problem(f"response.status is {status!r}, expected a number")
        headers = self._headers(self._request, "request")
        answer_headers = self._headers(self._response, "response")
        body = self._sent(headers)
        answer = self._answer()
        request = Recorded(
            number,
            self._method,
            (url.path or "/") + (f"?{url.query}" if url.query else ""),
            self._started(),
            self._seconds(),
            headers,
            body,
            status,
            answer_headers,
            None if self._is_asset(answer_headers) else answer,
            url.netloc,
            pod=answer_headers.get("x-served-by"),
            body_missing=body is None and self._had_body(self._request, headers),
            answer_missing=not answer and self._had_body(self._response, answer_headers),
        )
        worker = "_serviceWorkerRef" in self._entry
        redirect = self._response.get("redirectURL") or answer_headers.get("location") or ""
        return HarEntry(request, worker, str(redirect), self._file_missing, self._rebuilt)

    def _is_asset(self, answer_headers: Mapping[str, str]) -> bool:
        """Whether the answer is a picture, a script, a style: no request asks for what stands in it."""
        kind = answer_headers.get("content-type", "").strip().lower()
        return self._method in ("GET", "HEAD") and (kind.startswith(_ASSETS) or "javascript" in kind)

    def _sent(self, headers: dict[str, str]) -> str | None:
        """The body; a Content-Type that only ``postData`` has is added to ``headers``."""
        post = self._request.get("postData")
        if post is None:
            return None
        post = self._mapping(post, "request.postData")
        kind = str(post.get("mimeType") or "")
        text = post.get("text")
        body: str | None = None
        if isinstance(text, str) and text:
            body = self._decoded(text, post.get("encoding", post.get("_encoding")), "request.postData.text")
        elif isinstance(post.get("_file"), str):
            body = self._from_file(post["_file"])
        else:
            body = self._of_params(post.get("params") or [], headers.get("content-type") or kind)
        if body is not None and kind and "content-type" not in headers:
            headers["content-type"] = kind
        return body

    def _of_params(self, params: Any, kind: str) -> str | None:
        if not isinstance(params, list):
            raise self._problem("request.postData.params is no list")
        fields = [self._mapping(param, "request.postData.params") for param in params]
        if not fields:
            return None
        pairs = [(str(field.get("name", "")), field.get("value", "")) for field in fields]
        if is_json(kind):
            self._rebuilt = True
            return json.dumps(_json_of(pairs), ensure_ascii=False)
        texts = [(name, value if isinstance(value, str) else json.dumps(value)) for name, value in pairs]
        if kind.strip().lower().startswith(MULTIPART_TYPE):
            return None if any("fileName" in field for field in fields) else multipart(texts, kind)
        return urlencode(texts)

    def _answer(self) -> str | None:
        content = self._mapping(self._response.get("content", {}), "response.content")
        text = content.get("text")
        if not isinstance(text, str):
            return self._from_file(content["_file"]) if isinstance(content.get("_file"), str) else None
        return self._decoded(text, content.get("encoding"), "response.content.text")

    def _from_file(self, name: str) -> str | None:
        """A body in a file beside the HAR; None where it is missing or no text."""
        data = self._attached(name)
        if data is None:
            self._file_missing = True
            return None
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return None

    def _had_body(self, of: Mapping[str, Any], headers: Mapping[str, str]) -> bool:
        """Whether the sizes say that there was a body."""
        content = of.get("content")
        sizes = [of.get("bodySize"), content.get("size") if isinstance(content, dict) else None]
        length = headers.get("content-length", "")
        return any(isinstance(size, int) and not isinstance(size, bool) and size > 0 for size in sizes) or (
            length.isdecimal() and int(length) > 0
        )

    def _decoded(self, text: str, encoding: Any, what: str) -> str | None:
        """The text; None where it is not text."""
        if encoding != "base64":
            return text
        try:
            return base64.b64decode(text, validate=True).decode("utf-8")
        except UnicodeDecodeError:
            return None
        except ValueError:  # binascii.Error, or characters beyond ASCII
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
        if not isinstance(took, int | float) or isinstance(took, bool) or not isfinite(took):
            raise self._problem(f"time is {took!r}, expected milliseconds")
        return took / 1000 if took > 0 else None

    def _headers(self, of: Mapping[str, Any], which: str) -> dict[str, str]:
        """By lower-case name; what is listed twice alike counts once. Cookies also from ``cookies``."""
        pairs = self._pairs(of, which, "headers")
        values: dict[str, dict[str, None]] = {}
        for name, value in pairs:
            values.setdefault(name.lower(), {})[value] = None
        headers = {
            name: _JOINED.get(name, ", ").join(listed)
            if name in (*_JOINED, *_LISTS)
            else next(reversed(listed))
            for name, listed in values.items()
        }
        cookies = [f"{name}={value}" for name, value in self._pairs(of, which, "cookies") if name]
        header = "cookie" if which == "request" else "set-cookie"
        if cookies and header not in headers:
            headers[header] = _JOINED[header].join(cookies)
        return headers

    def _pairs(self, of: Mapping[str, Any], which: str, key: str) -> list[tuple[str, str]]:
        listed = of.get(key) or []
        if not isinstance(listed, list):
            raise self._problem(f"{which}.{key} is no list")
        pairs = [self._mapping(item, f"{which}.{key}") for item in listed]
        return [(str(pair.get("name", "")), str(pair.get("value", ""))) for pair in pairs]

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


def _json_of(pairs: list[tuple[str, Any]]) -> Any:
    """The JSON value of a list of its fields: a name given several times is a list, and so are 0, 1, …"""
    if [name for name, _ in pairs] == [str(place) for place in range(len(pairs))]:
        return [value for _, value in pairs]
    names = Counter(name for name, _ in pairs)
    fields: dict[str, Any] = {name: [] for name, count in names.items() if count > 1}
    for name, value in pairs:
        if names[name] > 1:
            fields[name].append(value)
        else:
            fields[name] = value
    return fields
