"""Entries of a HAR that are one request: passed on by a service worker, or redirected with its body."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin, urlsplit

from devenv.verbs.recordings.formats.recorded import Recorded

_KEEP_METHOD = (307, 308)
"""Redirections after which a browser sends the same method and body again: RFC 9110, 15.4.8."""


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
    pages = [entry for entry in entries if not entry.worker]
    dropped: set[int] = set()
    merged: dict[int, HarEntry] = {}
    for entry in entries:
        if not entry.worker:
            continue
        same = [page for page in pages if page.request.number not in dropped and _passed_on(page, entry)]
        exact = [page for page in same if page.request.target == entry.request.target]
        for page in (exact or same)[:1]:
            dropped.add(page.request.number)
            merged[entry.request.number] = _with_answer(entry, page)
    left = [
        merged.get(entry.request.number, entry) for entry in entries if entry.request.number not in dropped
    ]
    return left, len(dropped)


def _passed_on(page: HarEntry, worker: HarEntry) -> bool:
    """Whether both overlap and send the same to the same host."""
    mine, its = page.request, worker.request
    same = (mine.method, mine.body, mine.host, mine.status) == (its.method, its.body, its.host, its.status)
    if not same or (mine.target != its.target and mine.body is None):
        return False
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
    left = list(entries)
    dropped = 0
    for entry in entries:
        target = _leads_to(entry, left)
        if target is None:
            continue
        first = next(item for item in left if item.request.number == entry.request.number).request
        request = target.request
        if not request.body and first.body:
            kind = first.headers.get("content-type")
            headers = {**request.headers, **({"content-type": kind} if kind else {})}
            request = request._replace(body=first.body, body_missing=False, headers=headers)
        elif not request.body:
            request = request._replace(body_missing=first.body_missing)
        left = [replace(item, request=request) if item is target else item for item in left]
        left = [item for item in left if item.request.number != entry.request.number]
        dropped += 1
    return left, dropped


def _leads_to(entry: HarEntry, entries: list[HarEntry]) -> HarEntry | None:
    """The first entry after this one that is where it was redirected to."""
    request = entry.request
    if request.status not in _KEEP_METHOD or not entry.redirect:
        return None
    url = urlsplit(urljoin(f"http://{request.host}{request.target}", entry.redirect))
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    for other in entries:
        same = (other.request.method, other.request.host, other.request.target) == (
            request.method,
            url.netloc,
            target,
        )
        if same and other.request.number != request.number and _not_before(other.request, request):
            return other
    return None


def _not_before(later: Recorded, earlier: Recorded) -> bool:
    if later.started is None or earlier.started is None:
        return later.number > earlier.number
    return later.started >= earlier.started
