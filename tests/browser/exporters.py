"""One story played in a real browser against a small service, and the exporters that record it as a HAR file.

Played are two visitors: create c1, create c2, verify c2 right, verify c1 wrong, and verify c1 wrong once more
over a redirection (307). The session's id stands in JSON, in a form, in a multipart form, or in a cookie.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from playwright.sync_api import Page

from tests.support import serving

PLACES = ("json", "form", "multipart", "cookie")
"""Where the session's id stands."""
WORKER = """
self.addEventListener('install', () => self.skipWaiting());
self.addEventListener('activate', event => event.waitUntil(clients.claim()));
self.addEventListener('fetch', event => {
  const path = new URL(event.request.url).pathname;
  if (!path.startsWith('/rewritten/')) return event.respondWith(fetch(event.request));
  const headers = {'content-type': event.request.headers.get('content-type')};
  event.respondWith(event.request.text().then(
    body => fetch(path.replace('/rewritten/', '/'), {method: 'POST', headers, body})));
});
"""
POST = """async ([path, place, fields]) => {
  let headers = {}, body = null;
  if (place === 'form') body = new URLSearchParams(fields);
  else if (place === 'multipart') {
    body = new FormData();
    for (const name in fields) body.append(name, fields[name]);
  }
  else { headers['content-type'] = 'application/json'; body = JSON.stringify(fields); }
  return (await fetch(path, {method: 'POST', headers, body})).json();
}"""
START_WORKER = """() => navigator.serviceWorker.register('/worker.js')
  .then(() => navigator.serviceWorker.ready)
  .then(() => new Promise(done => {
    if (navigator.serviceWorker.controller) done();
    else navigator.serviceWorker.oncontrollerchange = () => done();
  }))"""

Post = Callable[[str, str, Mapping[str, Any]], Mapping[str, Any]]
"""Path, place of the id, fields of the body; gives the answer's JSON."""


class Handler(BaseHTTPRequestHandler):
    """Sessions in the process's memory; the right answer is ``right``."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        known = {
            "/": ("text/html", "<!doctype html><title>shop</title>"),
            "/worker.js": ("text/javascript", WORKER),
        }
        kind, text = known.get(self.path, ("application/json", "{}"))
        self.answer(200 if self.path in known else 404, text, kind)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        challenge_id = secrets.token_hex(10)
        if self.path == "/create":
            self.answer(200, json.dumps({"challenge_id": challenge_id}))
        elif self.path == "/basket":
            self.answer(200, "{}", headers={"Set-Cookie": f"sid={challenge_id}; Path=/"})
        elif self.path == "/old":
            self.answer(307, "", headers={"Location": "/verify"})
        else:
            self.answer(200, json.dumps({"success": "right" in body}))

    def answer(self, status: int, text: str, kind: str = "application/json", headers: Any = None) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(data), **(headers or {})}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def service() -> Iterator[str]:
    """The service on a free port of 127.0.0.1; gives its address."""
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as address:
        yield address


def post_of(page: Page) -> Post:
    """Sends from a page that is open."""

    def post(path: str, place: str, fields: Mapping[str, Any]) -> Mapping[str, Any]:
        answer: Mapping[str, Any] = page.evaluate(POST, [path, place, fields])
        return answer

    return post


def play(post: Post, place: str) -> None:
    """Two visitors; of a browser's one jar of cookies the first ends before the second begins."""
    if place == "cookie":
        for answer in ("wrong", "right"):
            post("/basket", "json", {})
            post("/basket/items", "json", {"answer": answer, "n": [1, 2]})
        return
    first = post("/create", "json", {})["challenge_id"]
    second = post("/create", "json", {})["challenge_id"]
    assert post("/verify", place, {"challenge_id": second, "answer": "right"}) == {"success": True}
    assert post("/verify", place, {"challenge_id": first, "answer": "wrong"}) == {"success": False}
    post("/old", place, {"challenge_id": first, "answer": "wrong"})


def play_with_worker(page: Page, post: Post, place: str) -> None:
    """One more visitor, whose requests a service worker passes on, the last one to another path."""
    page.evaluate(START_WORKER)
    third = post("/create", "json", {})["challenge_id"]
    post("/verify", place, {"challenge_id": third, "answer": "right"})
    post("/rewritten/verify", place, {"challenge_id": third, "answer": "wrong"})
