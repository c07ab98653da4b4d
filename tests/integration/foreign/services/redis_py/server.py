"""One-time tickets in Redis by redis-py with its defaults. An error of Redis is a 503: try again."""

import json
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import redis

STORE = redis.Redis(host=os.environ["REDIS_HOST"], port=int(os.environ["REDIS_PORT"]))


class Handler(BaseHTTPRequestHandler):
    """GET / is the health check; POST /tickets opens, POST /redeem uses."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The health check."""
        self.answer(200, {"ok": True})

    def do_POST(self) -> None:
        """Open or use a ticket."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            if self.path == "/tickets":
                ticket = secrets.token_hex(16)
                STORE.set(f"ticket:{ticket}", "seat 12", ex=60)
                self.answer(201, {"ticket": ticket})
                return
            seat = STORE.getdel(f"ticket:{json.loads(body)['ticket']}")
        except redis.RedisError as error:
            self.answer(503, {"detail": f"try again: {error}"})
            return
        self.answer(*((404, {"error": "unknown ticket"}) if seat is None else (200, {"ok": True})))

    def answer(self, status: int, data: object) -> None:
        """Send JSON."""
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        """No access log."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
