"""Uploads by links, Engine.IO's polling handshake, and a form: all in the process's memory."""

import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FILES: dict[str, int] = {}
SIDS: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        url = urlsplit(self.path)
        if url.path != "/socket.io/":
            return self.answer(200 if url.path in ("/", "/ready") else 404, "{}")
        sid = parse_qs(url.query).get("sid", [""])[0]
        if not sid:
            sid = secrets.token_urlsafe(15)
            SIDS.add(sid)
            return self.answer(200, '0{"sid":"' + sid + '","upgrades":[]}', "text/plain; charset=UTF-8")
        self.answer(200 if sid in SIDS else 400, "6")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        url = urlsplit(self.path)
        if url.path == "/socket.io/":
            sid = parse_qs(url.query).get("sid", [""])[0]
            return self.answer(200 if sid in SIDS else 400, "ok", "text/html")
        name = secrets.token_hex(8)
        FILES[name] = 0
        self.answer(201, "", headers={"Location": f"/files/{name}"})

    def do_PATCH(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        name = self.path.rpartition("/")[2]
        if self.headers.get("Tus-Resumable") != "1.0.0":
            return self.answer(412, "{}")
        if FILES.get(name) != int(self.headers.get("Upload-Offset", "-1")):
            return self.answer(404 if name not in FILES else 409, "{}")
        FILES[name] += len(body)
        self.answer(204, "")

    def answer(
        self, status: int, text: str, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        data = text.encode()
        self.send_response(status)
        for name, value in {
            "Content-Type": kind,
            "Content-Length": str(len(data)),
            **(headers or {}),
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
