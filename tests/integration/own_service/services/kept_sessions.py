"""Sessions in a JSON file or in SQLite, beside the code unless SESSIONS names another file."""

import json
import os
import secrets
import sqlite3
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

KEPT = Path(os.environ.get("SESSIONS") or Path(__file__).with_name("sessions.json"))


class JsonFile:
    def add(self, name: str) -> None:
        KEPT.write_text(json.dumps([*self._names(), name]))

    def __contains__(self, name: str) -> bool:
        return name in self._names()

    def _names(self) -> list[str]:
        return json.loads(KEPT.read_text()) if KEPT.exists() else []


class Sqlite:
    def __init__(self) -> None:
        self._database = sqlite3.connect(KEPT, check_same_thread=False, isolation_level=None)
        self._database.execute("CREATE TABLE IF NOT EXISTS session (name TEXT PRIMARY KEY)")

    def add(self, name: str) -> None:
        self._database.execute("INSERT INTO session VALUES (?)", (name,))

    def __contains__(self, name: str) -> bool:
        return self._database.execute("SELECT 1 FROM session WHERE name = ?", (name,)).fetchone() is not None


STORE = Sqlite() if KEPT.suffix == ".db" else JsonFile()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, {"ok": True})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/session":
            name = secrets.token_hex(13)
            STORE.add(name)
            return self.answer(200, {"sessionId": name})
        if json.loads(body or b"{}").get("sessionId") not in STORE:
            return self.answer(401, {"ok": False, "error": "please sign in again"})
        self.answer(200, {"ok": True})

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
