"""Access logs: lines of text or JSON objects, of nginx, Apache, Caddy, Traefik, HAProxy, Envoy and Istio.

A log has no bodies. Who sent a request is the address that the line names; behind a balancer, which all lines
name, the one in X-Forwarded-For.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import reading
from devenv.verbs.recordings.formats.log_json import json_line
from devenv.verbs.recordings.formats.log_text import text_line
from devenv.verbs.recordings.formats.log_values import LogLine, is_internal, visitor_of
from devenv.verbs.recordings.formats.recorded import Recorded, Recording, numbered


def parse_access_log(text: str, name: str) -> Recording:
    """The requests of a log in order of their start; the first line says whether lines are JSON.

    Raises UsageProblem that names file and line.
    """
    lines = [(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not lines:
        raise UsageProblem(f"{name}:1: the file is empty")
    as_json = lines[0][1].lstrip().startswith("{")
    read = json_line if as_json else text_line
    known: list[LogLine] = []
    none = unanswered = 0
    for number, line in lines:
        with reading(f"{name}:{number}"):
            log_line = read(line.strip(), number, f"{name}:{number}: ")
        if log_line is None:
            none += 1
        elif log_line.request.status is not None and log_line.request.status <= 0:
            unanswered += 1
        else:
            known.append(log_line)
    requests, notes = _by_client(known)
    if none:
        notes.insert(0, f"lines without an HTTP request, left out: {none}")
    if unanswered:
        notes.append(f"left out as never answered (status 0 or -1): {unanswered}")
    if unknown := [line.request.number for line in known if line.unit_unknown]:
        notes.append(f"durations in a unit that is not known, left out: {numbered('line', unknown)}")
    if not any(request.seconds for request in requests):
        notes.append("the log does not say how long requests took: which of them overlapped is not known")
    ordered = sorted(requests, key=lambda request: (request.started is None, request.started or 0.0))
    form = "access log, JSON lines" if as_json else "access log"
    return Recording(name, form, tuple(ordered), bodies=False, notes=tuple(notes), unit="line")


def _by_client(lines: Sequence[LogLine]) -> tuple[list[Recorded], list[str]]:
    """The requests with who sent them, and what is to be known about that."""
    requests = [line.request for line in lines]
    peers = {request.client for request in requests}
    notes = []
    balanced = len(peers) == 1 or all(is_internal(peer) for peer in peers)
    if balanced and any(visitor_of(line.forwarded) for line in lines):
        requests = [
            replace(line.request, client=visitor_of(line.forwarded) or line.request.client) for line in lines
        ]
        if peers != {""}:
            notes.append(
                "clients are the last addresses in X-Forwarded-For that are not internal, as every line has "
                f"one peer, or an internal one: {', '.join(sorted(peers)[:3])}"
            )
    if len(requests) > 1 and len({request.client for request in requests}) == 1:
        client = requests[0].client or "none is named"
        notes.append(f"all lines have one client ({client}): visitors behind it cannot be distinguished")
    return requests, notes
