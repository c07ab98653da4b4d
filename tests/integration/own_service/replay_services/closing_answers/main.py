"""Sessions as PHP and aiohttp-session have them: answers end with the connection, a session is bytes,
and a session that was ended stays under its key, empty.
"""

from __future__ import annotations

import json
import os
import secrets
from http.server import BaseHTTPRequestHandler, HTTPServer

import redis

_client = redis.Redis(port=int(os.environ["REDIS_PORT"]))
_EMPTY = b"\x80\xff"


class Handler(BaseHTTPRequestHandler):
    """POST /login opens a session, POST /act changes or ends it. HTTP/1.0 and no Content-Length."""

    def do_POST(self) -> None:
        """Serve one request."""
        body = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
        if self.path == "/login":
            session = secrets.token_hex(16)
            _client.set(f"session:{session}", _EMPTY + b"alice", ex=600)
            self._answer(200, {"ok": True}, f"sid={session}")
            return
        key = f"session:{(self.headers['Cookie'] or '').partition('sid=')[2]}"
        value = _client.get(key)
        if not isinstance(value, bytes) or value == _EMPTY:
            self._answer(401, {"ok": False})
            return
        change = str(body["op"])
        changed = value if change.encode() in value else value + change.encode()
        _client.set(key, _EMPTY if change == "logout" else changed, ex=600)
        self._answer(200, {"did": change})

    def do_GET(self) -> None:
        """It is ready."""
        self._answer(200, {})

    def _answer(self, status: int, body: dict[str, object], cookie: str = "") -> None:
        self.send_response(status)
        if cookie:
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
