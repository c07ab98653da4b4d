"""Tickets whose id stands in the Location of the answer and nowhere else: in Redis with SESSIONS=redis."""

import json
import os
import secrets
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

TICKETS: dict[str, str] = {}
STORE = redis.Redis.from_url(os.environ["REDIS_URL"]) if os.environ.get("SESSIONS") == "redis" else None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, True)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        _, _, name, *_ = (*self.path.split("/"), "", "")
        if not name:
            name = secrets.token_urlsafe(12)
            if STORE is not None:
                STORE.setex(f"ticket:{name}", 60, "open")
            else:
                TICKETS[name] = "open"
            return self.answer(201, True, f"/tickets/{name}")
        known = STORE.exists(f"ticket:{name}") if STORE is not None else name in TICKETS
        self.answer(200 if known else 404, bool(known))

    def answer(self, status: int, ok: bool, location: str = "") -> None:
        text = json.dumps({"ok": ok}).encode()
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
