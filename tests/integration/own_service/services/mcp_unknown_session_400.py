"""The session part of an MCP server over streamable HTTP: sessions in memory, an unknown one is a 400.

As the Python SDK answered up to January 2026, and as servers after the TypeScript SDK's examples answer.
"""

import json
import secrets
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

SESSIONS: set[str] = set()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
        session = self.headers.get("Mcp-Session-Id")
        if asked.get("method") == "initialize" and session is None:
            session = secrets.token_hex(16)
            SESSIONS.add(session)
            result = {
                "protocolVersion": "2025-03-26",
                "capabilities": {},
                "serverInfo": {"name": "x", "version": "1"},
            }
            return self.answer(200, {"jsonrpc": "2.0", "id": asked.get("id"), "result": result}, session)
        if session not in SESSIONS:
            error = {"code": -32000, "message": "Bad Request: session id is not valid here"}
            return self.answer(400, {"jsonrpc": "2.0", "id": None, "error": error})
        self.answer(200, {"jsonrpc": "2.0", "id": asked.get("id"), "result": {"tools": []}}, session)

    def answer(self, status: int, data: object, session: str | None = None) -> None:
        text = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if session:
            self.send_header("Mcp-Session-Id", session)
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: object) -> None:
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
