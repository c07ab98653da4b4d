"""Sessions as files in the folder for temporary files, as PHP keeps them unless it is told otherwise."""

import json
import secrets
import sys
import tempfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

FOLDER = Path(tempfile.gettempdir())


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.answer(200, {"ok": True})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path == "/session":
            name = secrets.token_hex(13)
            (FOLDER / f"sess_{name}").write_text('{"lines": 0}')
            return self.answer(200, {"sessionId": name})
        name = str((json.loads(body or b"{}")).get("sessionId"))
        kept = FOLDER / f"sess_{name}"
        if not name.isalnum() or not kept.is_file():
            return self.answer(401, {"ok": False, "error": "please sign in again"})
        self.answer(200, {"ok": True, **json.loads(kept.read_text())})

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
