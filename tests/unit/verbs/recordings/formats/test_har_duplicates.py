"""Entries of a HAR that are one request."""

from __future__ import annotations

from typing import Any

from devenv.verbs.recordings.formats.har_duplicates import HarEntry, sent_once
from devenv.verbs.recordings.formats.recorded import Recorded


def entry(number: int, target: str, started: float, *, body: str | None = "b", **fields: Any) -> HarEntry:
    known = ("worker", "redirect")
    more = {name: fields.pop(name) for name in known if name in fields}
    given: dict[str, Any] = {"status": 200, "seconds": 1.0, "host": "x", **fields}
    return HarEntry(Recorded(number, "POST", target, started, body=body, **given), **more)


def left(*entries: HarEntry) -> list[Recorded]:
    return [one.request for one in sent_once(entries)[0]]


def test_the_worker_sent_it_and_the_page_has_the_answer() -> None:
    page = entry(1, "/a", 0.0, answer="yes")
    worker = entry(2, "/a", 0.1, worker=True, answer="", answer_missing=True)
    [request] = left(page, worker)
    assert (request.number, request.answer, request.answer_missing, request.started) == (2, "yes", False, 0.0)


def test_a_worker_that_sends_it_elsewhere() -> None:
    page = entry(1, "/s/a", 0.0, answer="yes")
    [request] = left(page, entry(2, "/a", 0.1, worker=True))
    assert (request.target, request.answer) == ("/a", "yes")


def test_what_is_not_the_same_stays() -> None:
    page = entry(1, "/a", 0.0)
    for other in (
        entry(2, "/a", 5.0, worker=True),  # later
        entry(2, "/a", 0.1, worker=True, body="c"),
        entry(2, "/a", 0.1),  # two of the page's own, at once
        entry(2, "/a", 0.1, worker=True, host="y"),
    ):
        assert len(left(page, other)) == 2
    # Without a body only the path tells.
    assert len(left(entry(1, "/a", 0.0, body=None), entry(2, "/b", 0.1, body=None, worker=True))) == 2


def test_each_page_request_goes_with_one_of_the_worker() -> None:
    pages = [entry(1, "/a", 0.0), entry(2, "/a", 0.2)]
    workers = [entry(3, "/a", 0.1, worker=True), entry(4, "/a", 0.3, worker=True)]
    entries, counted = sent_once([*pages, *workers])
    assert [one.request.number for one in entries] == [3, 4]
    assert list(counted.values()) == [2]


def test_a_redirected_body_goes_to_where_it_led() -> None:
    first = entry(1, "/old", 0.0, status=307, redirect="/new?x=1", headers={"content-type": "text/a"})
    second = entry(2, "/new?x=1", 1.0, body=None, body_missing=True, headers={})
    [request] = left(first, second)
    assert (request.target, request.body, request.body_missing) == ("/new?x=1", "b", False)
    assert request.headers == {"content-type": "text/a"}


def test_what_a_redirection_did_not_lead_to_stays() -> None:
    led = entry(2, "/new", 1.0)
    for first in (
        entry(1, "/old", 0.0, status=302, redirect="/new"),  # its body was acted on
        entry(1, "/old", 0.0, status=307, redirect="/elsewhere"),
        entry(1, "/old", 2.0, status=307, redirect="/new"),  # later
        entry(1, "/old", 0.0, status=307),
    ):
        assert len(left(first, led)) == 2


def test_a_chain_of_redirections_keeps_its_last_request_with_the_first_body() -> None:
    chain = [
        entry(
            number,
            f"/{number}",
            number,
            status=308,
            redirect=f"/{number + 1}",
            body="b" if number == 1 else None,
        )
        for number in range(1, 4)
    ]
    [request] = left(*chain, entry(4, "/4", 4.0, body=None))
    assert (request.number, request.body) == (4, "b")


def test_what_redirects_to_itself_leads_to_the_next_of_its_kind() -> None:
    alike = [entry(number, "/a", 5.0, status=307, redirect="/a", body=str(number)) for number in (1, 2, 3)]
    [request] = left(*alike)
    assert request.number == 3  # it leads to none before it


def test_without_times_the_order_of_the_file_counts() -> None:
    led = entry(1, "/new", 0.0)
    untimed = entry(2, "/old", 0.0, status=307, redirect="/new")
    untimed = HarEntry(untimed.request._replace(started=None), redirect="/new")
    assert len(left(led, untimed)) == 2
    assert [one.number for one in left(untimed, entry(3, "/new", 0.0))] == [3]
