"""Access logs: lines of text or JSON objects, of nginx, Apache, Caddy, Traefik, HAProxy, Envoy and Istio.

A log has no bodies. Who sent a request is the address that the line names; behind a balancer, which all lines
name, the one in X-Forwarded-For.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import REFUSED, refusal
from devenv.verbs.recordings.formats.log_json import json_line
from devenv.verbs.recordings.formats.log_text import text_line
from devenv.verbs.recordings.formats.log_values import LogLine, is_internal, visitor_of
from devenv.verbs.recordings.formats.recorded import Numbers, Recorded, Recording, numbered

_SHOWN_PEERS = 3


def parse_access_log(text: str, name: str) -> Recording:
    """The requests of a log in order of their start; the first line says whether lines are JSON.

    Raises UsageProblem that names file and line.
    """
    log = LogReader(name)
    ordered = sorted(log.read(text.splitlines()))
    requests = tuple(map(log.request(), ordered))
    return Recording(name, log.form, requests, bodies=False, notes=log.notes(), unit=LogReader.unit)


@dataclass(slots=True)
class _Clients:
    """Who sent the requests: what is to be known of all lines before one of them can be understood."""

    lines: int = 0
    lowest: list[str] = field(default_factory=list)
    """The first peers by name, as many as are shown, and at least two where there are two."""
    internal: bool = True
    """Whether every peer is an address of a private network."""
    forwarded: bool = False
    """Whether a line names a visitor behind its peer."""
    clients: tuple[set[str], set[str]] = field(default_factory=lambda: (set(), set()))
    """At most two of the clients: without, and with what is forwarded."""

    def add(self, peer: str, forwarded: str) -> None:
        """One line."""
        self.lines += 1
        many = len(self.lowest) == _SHOWN_PEERS and peer > self.lowest[-1] and not self.internal
        if not many and peer not in self.lowest:
            self.internal = self.internal and is_internal(peer)
            self.lowest = heapq.nsmallest(_SHOWN_PEERS, {*self.lowest, peer})
        visitor = visitor_of(forwarded) if forwarded else None
        self.forwarded = self.forwarded or visitor is not None
        for several, client in zip(self.clients, (peer, visitor or peer), strict=True):
            if len(several) < 2:
                several.add(client)

    @property
    def behind(self) -> bool:
        """Whether clients are those in X-Forwarded-For: every line has one peer, or an internal one."""
        return self.forwarded and (len(self.lowest) == 1 or self.internal)

    def notes(self) -> list[str]:
        """What is to be known about the clients."""
        notes = []
        if self.behind and self.lowest != [""]:
            notes.append(
                "clients are the last addresses in X-Forwarded-For that are not internal, as every line has "
                f"one peer, or an internal one: {', '.join(self.lowest)}"
            )
        clients = self.clients[self.behind]
        if self.lines > 1 and len(clients) == 1:
            client = next(iter(clients)) or "none is named"
            notes.append(f"all lines have one client ({client}): visitors behind it cannot be distinguished")
        return notes


@dataclass(slots=True)
class LogReader:
    """Reads the lines of one log, one after the other; afterwards it knows what all of them say together."""

    unit = "line"

    name: str
    """What messages call the file."""
    form: str = "access log"
    _clients: _Clients = field(default_factory=_Clients)
    _others: int = 0
    """Lines without an HTTP request."""
    _unanswered: int = 0
    _unknown: Numbers = field(default_factory=Numbers)
    """Lines with a duration in a unit that is not known."""
    _timed: bool = False
    """Whether a line says how long its request took."""

    def read(self, lines: Iterable[str]) -> Iterator[LogLine]:
        """The lines that are about an answered request, in the order of the file.

        Raises UsageProblem that names file and line.
        """
        parse: Callable[[str, int, str], LogLine | None] | None = None
        for number, text in enumerate(lines, start=1):
            line = text.strip()
            if not line:
                continue
            if parse is None:
                parse = text_line
                if line.startswith("{"):
                    parse, self.form = json_line, "access log, JSON lines"
            where = f"{self.name}:{number}"
            try:
                log_line = parse(line, number, f"{where}: ")
            except REFUSED as error:
                raise refusal(where, error) from error
            if log_line is None:
                self._others += 1
            elif log_line.status is not None and log_line.status <= 0:
                self._unanswered += 1
            else:
                self._count(log_line)
                yield log_line
        if parse is None:
            raise UsageProblem(f"{self.name}:1: the file is empty")

    def _count(self, line: LogLine) -> None:
        self._clients.add(line.client, line.forwarded)
        self._timed = self._timed or bool(line.seconds)
        if line.unit_unknown:
            self._unknown.add(line.number)

    @property
    def requests(self) -> int:
        """How many lines were about an answered request."""
        return self._clients.lines

    def request(self) -> Callable[[LogLine], Recorded]:
        """What makes a line a request, with who sent it; to be asked for when all lines are read."""
        if not self._clients.behind:
            return lambda line: line.recorded(line.client)
        return lambda line: line.recorded(visitor_of(line.forwarded) or line.client)

    def notes(self) -> tuple[str, ...]:
        """What was left out, and what is not known, of all lines."""
        notes = self._clients.notes()
        if self._others:
            notes.insert(0, f"lines without an HTTP request, left out: {self._others}")
        if self._unanswered:
            notes.append(f"left out as never answered (status 0 or -1): {self._unanswered}")
        if self._unknown:
            notes.append(
                f"durations in a unit that is not known, left out: {numbered(self.unit, self._unknown)}"
            )
        if not self._timed:
            notes.append("the log does not say how long requests took: which of them overlapped is not known")
        return tuple(notes)
