"""Tickets by a RESP3 client of a few lines that subscribes on the connection of its GET, DEL and SETEX.

The connection is made anew after an error, and there is no time-out. An error of Redis is a bare 500.
"""

import json
import os
import secrets
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Redis3:
    """HELLO 3, SUBSCRIBE, then commands; pushes (>) that come between are set aside."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.open = False

    def connect(self) -> None:
        self.link = socket.create_connection((os.environ["REDIS_HOST"], int(os.environ["REDIS_PORT"])))
        self.lines = self.link.makefile("rb")
        self.send("HELLO", "3")
        self.reply()
        self.send("SUBSCRIBE", "ticket-events")  # its only answer is a push
        self.open = True

    def send(self, *words: str) -> None:
        parts = [word.encode() for word in words]
        head = b"*%d\r\n" % len(parts)
        self.link.sendall(head + b"".join(b"$%d\r\n%b\r\n" % (len(part), part) for part in parts))

    def value(self) -> tuple[bytes, object]:
        line = self.lines.readline()
        if not line:
            raise OSError("Redis closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise OSError(rest.decode())
        if kind in b"+:,#(_":
            return kind, rest.decode() or None
        if kind in b"$=":
            size = int(rest)
            return kind, None if size < 0 else self.lines.read(size + 2)[:-2].decode()
        count = int(rest) * (2 if kind == b"%" else 1)
        return kind, [self.value()[1] for _ in range(count)]

    def reply(self) -> object:
        while True:
            kind, value = self.value()
            if kind != b">":
                return value

    def call(self, *words: str) -> object:
        with self.lock:
            try:
                if not self.open:
                    self.connect()
                self.send(*words)
                return self.reply()
            except OSError:
                self.open = False
                raise


STORE = Redis3()


class Handler(BaseHTTPRequestHandler):
    """GET / is the health check; POST /tickets opens, POST /redeem uses."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, {"ok": True})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            self.answer(*self.ticket(body))
        except OSError as error:
            print(error, file=sys.stderr)
            self.answer(500, {"error": "internal"})

    def ticket(self, body: bytes) -> tuple[int, object]:
        if self.path == "/tickets":
            ticket = secrets.token_hex(16)
            STORE.call("SETEX", f"ticket:{ticket}", "60", "seat 12")
            return 201, {"ticket": ticket}
        key = f"ticket:{json.loads(body)['ticket']}"
        if STORE.call("GET", key) is None:
            return 404, {"error": "unknown ticket"}
        STORE.call("DEL", key)
        return 200, {"ok": True}

    def answer(self, status: int, data: object) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
