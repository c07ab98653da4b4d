"""Values of one answer that a later request uses: captured where they come from, put in where they go."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin, urlsplit

from devenv.core.model.http_name import HTTP_NAME
from devenv.core.model.percent import decoded, form_pairs
from devenv.verbs.recordings.formats.recorded import Recorded
from devenv.verbs.recordings.sessions import Event, sent_text
from devenv.verbs.recordings.values.linked import Links
from devenv.verbs.recordings.values.whole_values import WholeValues, whole

SHORTEST = 8
"""Characters. Shorter values (yes, 42, en) are the same by chance."""
MOST = 5000
_LEFT_OUT_HEADERS = re.compile(r"date|server|etag|last-modified|x-served-by|x-request-id|content-.*")
_LINK_HEADERS = ("location", "content-location")
_WORDY = re.compile(r"[A-Za-z ,.!?'-]+")
"""Words and sentences: no value that stands for something."""
_LINK = re.compile(r"(?:https?://[^/\s]+)?/[^\s/][^\s]*")
_LINK_HEADER = re.compile(r'<([^<>]*)>[^,<]*?\brel="?([\w-]+)"?')
_LINK_FIELD = re.compile(r"(?:href|ur[il]|links?|location|next|prev(?:ious)?|self)$", re.IGNORECASE)
_SET_COOKIE = re.compile(rf"(?:^|[,\n])[ \t]*({HTTP_NAME})=([^;,\s]+)")
_PAIR = re.compile(r'"([A-Za-z_][\w-]*)"\s*:\s*"([^"\\]+)"')
"""A field of JSON inside a text: an Engine.IO packet, an event of a stream."""
_WORD_BODY = re.compile(r"\s*(\S+)\s*")


@dataclass(frozen=True, slots=True)
class Source:
    """Where in an answer a value stands, as a scenario's ``capture`` says it."""

    where: str
    """A dotted path of the JSON answer, ``header:NAME``, or ``body``."""
    match: str | None = None
    """A regular expression whose group is the value; None: the whole."""
    name: str = ""
    """What to call it."""

    @property
    def data(self) -> Any:
        """As it stands in the scenario."""
        return self.where if self.match is None else {"from": self.where, "match": self.match}


@dataclass(slots=True)
class _Given:
    """What the answers gave so far that their requests had not sent."""

    origins: dict[str, tuple[int, Source]] = field(default_factory=dict)
    """By value the event that gave it first, and where it stood."""
    values: WholeValues = field(default_factory=WholeValues)
    """The same values."""
    links: Links[tuple[int, int, Source]] = field(default_factory=Links)
    """How many links were given before, the event, and where it stood."""

    def linked(self, target: str) -> list[str]:
        """The links that a request follows, in the order in which they were given."""
        return sorted(self.links.followed(target), key=lambda link: self.links.known[link][0])

    def collect(self, number: int, request: Recorded) -> None:
        """Add what the answer to a request gives."""
        sent = sent_text(request)
        address = f"http://{request.host}{request.target}"  # once: each link is read as seen from there
        for value, source in _values(request):
            if _is_link(value, source):
                if link := _target_of(address, request.host, value):
                    self.links.add(link, (len(self.links.known), number, source))
                for part, inner in _parts_of_link(value, source):
                    self._add(part, number, inner)
            elif value not in sent:
                self._add(value, number, source)

    def _add(self, value: str, number: int, source: Source) -> None:
        if value not in self.origins:
            self.origins[value] = (number, source)
            self.values.add((value,))


@dataclass(slots=True)
class Captures:
    """Finds what is captured and substitutes it."""

    ids: Mapping[str, str]
    """Ids of sessions, to the sessions' names."""
    by_event: dict[int, dict[str, Any]] = field(default_factory=dict)
    _placeholders: dict[str, str] = field(default_factory=dict)
    _values: WholeValues = field(default_factory=WholeValues)
    """What has a placeholder."""
    _links: Links[str] = field(default_factory=Links)
    """Path and query of links that later requests follow, to their placeholders."""
    _since: dict[str, int] = field(default_factory=dict)
    """Of each value and link the event whose answer gives it: it is put in after that one only."""
    _names: set[str] = field(default_factory=set)
    _last_number: dict[str, int] = field(default_factory=dict)
    """Of each name that was wanted more than once the number that it had last."""
    _by_source: dict[tuple[int, str, str | None], str] = field(default_factory=dict)
    """The names of what is captured, by its event and where it stands there."""

    def find(self, events: Sequence[Event]) -> None:
        """Look for values of answers of ``other`` events that later such events send."""
        self._placeholders = {
            challenge_id: f"{{challenge:{name}}}" for challenge_id, name in self.ids.items()
        }
        self._values.add(self._placeholders)
        opened = {event.session: number for number, event in enumerate(events) if event.use == "create"}
        self._since = {challenge_id: opened[name] for challenge_id, name in self.ids.items()}
        given = _Given()
        for number, event in enumerate(events):
            if event.use != "other" or event.request is None:
                continue
            for link in given.linked(event.request.target):
                # What has a placeholder varies by that.
                if link not in self._links.known and self.put(link, number) == link:
                    _, origin, source = given.links.known[link]
                    self._links.add(link, self._capture(origin, source))
                    self._since[link] = origin
            sent = self._without_link(event.request, number)
            for value in given.values.standing_in(sent):
                if value not in self._placeholders and value in sent:
                    origin, source = given.origins[value]
                    self._placeholders[value] = self._capture(origin, source)
                    self._since[value] = origin
                    self._values.add((value,))
            if len(given.origins) < MOST:
                given.collect(number, event.request)

    def target(self, target: str, number: int) -> str:
        """An event's path and query; one that an answer linked to begins with the captured link."""
        link = self._followed(target, number)
        if link is None:
            return self.put(target, number)
        return self._links.known[link] + self.put(target[len(link) :], number)

    def put(self, text: str, number: int) -> str:
        """A text that an event sends, with placeholders for what was captured before, the longest first."""
        for value in sorted(self._values.standing_in(text), key=len, reverse=True):
            if self._since[value] < number:
                text = whole(value).sub(self._placeholders[value], text)
        return text

    def put_data(self, data: Any, number: int) -> Any:
        """JSON data with placeholders in its texts, and for numbers that are ids."""
        if isinstance(data, dict):
            return {key: self.put_data(value, number) for key, value in data.items()}
        if isinstance(data, list):
            return [self.put_data(value, number) for value in data]
        if isinstance(data, int) and not isinstance(data, bool):
            known = self._since.get(str(data), number) < number
            return self._placeholders[str(data)] if known else data
        return self.put(data, number) if isinstance(data, str) else data

    def _followed(self, target: str, number: int) -> str | None:
        """The longest captured link that a request is to."""
        return next((link for link in self._links.followed(target) if self._since[link] < number), None)

    def _without_link(self, request: Recorded, number: int) -> str:
        """What a request sends, without the part of its target that is a captured link."""
        link = self._followed(request.target, number)
        return sent_text(request)[len(link or "") :]

    def _capture(self, origin: int, source: Source) -> str:
        """Have the value captured; gives its placeholder."""
        place = (origin, source.where, source.match)
        if place not in self._by_source:
            name = self._by_source[place] = self._name(source.name)
            self.by_event.setdefault(origin, {})[name] = source.data
        return f"{{captured:{self._by_source[place]}}}"

    def _name(self, wanted: str) -> str:
        """A name after the field: ``data.token`` becomes token, then token-2."""
        word = re.sub(r"[^A-Za-z0-9]+", "-", wanted).strip("-")
        base = name = word if word[:1].isalpha() else f"value-{word}".rstrip("-")
        number = self._last_number.get(base, 1)
        while name in self._names:
            number += 1
            name = f"{base}-{number}"
        self._last_number[base] = number
        self._names.add(name)
        return name


def _is_link(value: str, source: Source) -> bool:
    """Whether a value is a link: by its place, its beginning, or a relative one by its field's name."""
    if source.name in _LINK_HEADERS or source.where == "header:link" or _LINK.fullmatch(value):
        return True
    named = _LINK_FIELD.search(source.name) is not None
    return named and " " not in value and ("/" in value or value.startswith("?"))


def _target_of(address: str, host: str, link: str) -> str | None:
    """Path and query of a link in the answer of ``address``; None where it never varies or is elsewhere."""
    url = urlsplit(urljoin(address, link))
    if url.scheme not in ("http", "https") or (host and url.netloc != host):
        return None
    varies = any(map(str.isdigit, url.path + url.query)) or any(map(_is_telling, url.path.split("/")))
    return url.path + (f"?{url.query}" if url.query else "") if varies else None


def _parts_of_link(link: str, source: Source) -> Iterator[tuple[str, Source]]:
    """The last segment of a link and the values of its query, where they look like ids."""
    url = urlsplit(link)
    for name, text in form_pairs(url.query):
        if _is_telling(text):
            yield text, Source(source.where, rf"[?&]{re.escape(name)}=([^&#]+)", name)
    last = decoded(url.path.rstrip("/").rpartition("/")[2])
    if _is_telling(last):
        yield last, Source(source.where, r"([^/?#]+)/?(?:[?#]|$)", f"{source.name}-id")


def _values(request: Recorded) -> Iterator[tuple[str, Source]]:
    """The values in an answer, and where they stand."""
    yield from _leaves(request.got, "")
    for name, value in request.answer_headers.items():
        where = f"header:{name}"
        if name == "set-cookie":
            for cookie in _SET_COOKIE.finditer(value):
                pattern = rf"(?:^|[,\n])\s*{re.escape(cookie[1])}=([^;,\s]+)"
                yield cookie[2], Source(where, pattern, cookie[1])
        elif name == "link":
            for link in _LINK_HEADER.finditer(value):
                pattern = rf'<([^>]*)>[^,]*\brel="?{re.escape(link[2])}"?'
                yield link[1], Source(where, pattern, f"link-{link[2]}")
        elif name in _LINK_HEADERS or (_is_telling(value) and not _LEFT_OUT_HEADERS.fullmatch(name)):
            yield value, Source(where, None, name)
    if not request.got and request.answer and "html" not in request.answer_headers.get("content-type", ""):
        yield from _in_text(request.answer)


def _in_text(text: str) -> Iterator[tuple[str, Source]]:
    """Of an answer that is no JSON object: the fields that stand in it, or the one word that it is."""
    for pair in _PAIR.finditer(text):
        if _is_telling(pair[2]):
            yield pair[2], Source("body", rf'"{re.escape(pair[1])}"\s*:\s*"([^"]+)"', pair[1])
    if (word := _WORD_BODY.fullmatch(text)) and _is_telling(word[1]):
        yield word[1], Source("body", r"(\S+)", "body")


def _leaves(data: Any, where: str) -> Iterator[tuple[str, Source]]:
    if isinstance(data, dict):
        for key, value in data.items():
            yield from _leaves(value, f"{where}.{key}" if where else str(key))
    elif isinstance(data, list):
        for place, value in enumerate(data):
            yield from _leaves(value, f"{where}.{place}" if where else str(place))
    elif isinstance(data, str) and (_is_telling(data) or _LINK.fullmatch(data)):
        yield data, Source(where, None, where.rpartition(".")[2])


def _is_telling(value: str) -> bool:
    return len(value) >= SHORTEST and _WORDY.fullmatch(value) is None
