"""Entries of a HAR that are one request: passed on by a service worker, or redirected with its body."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from urllib.parse import urljoin, urlsplit

from devenv.verbs.recordings.formats.recorded import Recorded

_KEEP_METHOD = (307, 308)
"""Redirections after which a browser sends the same method and body again: RFC 9110, 15.4.8."""

_MOST_ALIKE = 100
"""A service worker's request is compared with at most this many requests of pages that have no copy yet."""


@dataclass(frozen=True, slots=True)
class HarEntry:
    """One entry of a HAR that says something about the service."""

    request: Recorded
    worker: bool = False
    """Whether a service worker sent it, not a page."""
    redirect: str = ""
    """Where its answer redirects to."""
    file_missing: bool = False
    """Whether it names a file with a body that is not there."""
    rebuilt: bool = False
    """Whether its JSON body was made of a list of fields."""


def sent_once(entries: Sequence[HarEntry]) -> tuple[list[HarEntry], Counter[str]]:
    """Each request once, as the service got it, and how many entries were left out, by why."""
    left, passed_on = _without_workers(list(entries))
    left, redirected = _without_redirected(left)
    why = {
        "requests that a service worker passed on, listed twice": passed_on,
        "redirected (307, 308), what they led to is kept": redirected,
    }
    return left, Counter({reason: count for reason, count in why.items() if count})


def _without_workers(entries: list[HarEntry]) -> tuple[list[HarEntry], int]:
    """A page's request that a worker passed on is listed for both, the worker's perhaps to another path.

    The worker's went to the service; the page's has the answer.
    """
    pages: dict[Hashable, dict[int, HarEntry]] = {}
    for entry in entries:
        if not entry.worker:
            pages.setdefault(_sends(entry.request), {})[entry.request.number] = entry
    dropped: set[int] = set()
    merged: dict[int, HarEntry] = {}
    for entry in entries:
        alike = pages.get(_sends(entry.request)) if entry.worker else None
        if not alike:
            continue
        same = [page for page in islice(alike.values(), _MOST_ALIKE) if _passed_on(page, entry)]
        exact = [page for page in same if page.request.target == entry.request.target]
        for page in (exact or same)[:1]:
            dropped.add(page.request.number)
            merged[entry.request.number] = _with_answer(entry, page)
            del alike[page.request.number]
    left = [
        merged.get(entry.request.number, entry) for entry in entries if entry.request.number not in dropped
    ]
    return left, len(dropped)


def _sends(request: Recorded) -> Hashable:
    """What a page's request and a worker's have in common; without a body only the path tells them apart."""
    target = request.target if request.body is None else None
    return request.method, request.body, request.host, request.status, target


def _passed_on(page: HarEntry, worker: HarEntry) -> bool:
    """Whether both, which send the same to the same host, overlap."""
    mine, its = page.request, worker.request
    if None in (mine.started, mine.ended, its.started, its.ended):
        return mine.target == its.target
    return (mine.started or 0) <= (its.ended or 0) and (its.started or 0) <= (mine.ended or 0)


def _with_answer(worker: HarEntry, page: HarEntry) -> HarEntry:
    """The worker's request at the page's time, with the page's answer where its own is missing."""
    request = worker.request._replace(started=page.request.started, seconds=page.request.seconds)
    if not request.answer:
        request = request._replace(answer=page.request.answer, answer_missing=page.request.answer_missing)
    return replace(worker, request=request)


def _without_redirected(entries: list[HarEntry]) -> tuple[list[HarEntry], int]:
    """Of a request that was redirected with its method: the one that it led to, with its body."""
    left = {entry.request.number: entry for entry in entries}
    timed = all(entry.request.started is not None for entry in entries)
    places: dict[Hashable, list[tuple[float, int]]] = {}
    for request in (entry.request for entry in entries):
        places.setdefault((request.method, request.host, request.target), []).append(_moment(request, timed))
    for moments in places.values():
        moments.sort()
    dropped = 0
    for number in list(left):
        entry = left[number]
        if entry.request.status not in _KEEP_METHOD or not entry.redirect:
            continue
        target = _first_from(_moment(entry.request, timed), places.get(_led_to(entry), []))
        if target is None:
            continue
        first, request = entry.request, left[target].request
        if not request.body and first.body:
            kind = first.headers.get("content-type")
            headers = {**request.headers, **({"content-type": kind} if kind else {})}
            request = request._replace(body=first.body, body_missing=False, headers=headers)
        elif not request.body:
            request = request._replace(body_missing=first.body_missing)
        left[target] = replace(left[target], request=request)
        del left[number]
        moments = places[first.method, first.host, first.target]
        del moments[bisect_left(moments, _moment(first, timed))]
        dropped += 1
    return list(left.values()), dropped


def _led_to(entry: HarEntry) -> tuple[str, str, str]:
    """Method, host, path and query of what an entry was redirected to."""
    request = entry.request
    url = urlsplit(urljoin(f"http://{request.host}{request.target}", entry.redirect))
    return request.method, url.netloc, (url.path or "/") + (f"?{url.query}" if url.query else "")


def _moment(request: Recorded, timed: bool) -> tuple[float, int]:
    """When a request began, and its number; where not all times are known, its number tells."""
    return request.started if timed and request.started is not None else request.number, request.number


def _first_from(moment: tuple[float, int], moments: Sequence[tuple[float, int]]) -> int | None:
    """The number of the first of ``moments``, ascending, that is not before this one, and another."""
    begin = bisect_left(moments, (moment[0], -1))
    return next((number for _, number in moments[begin : begin + 2] if number != moment[1]), None)
