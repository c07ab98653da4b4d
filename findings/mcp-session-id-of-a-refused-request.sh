#!/usr/bin/env bash
# An MCP server of the official Python SDK gives a session id with an answer that refuses the request.
#
# A request without a session that is no initialize is refused: 400, "Missing session ID". The answer has a header
# Mcp-Session-Id all the same, with a new id. The server does not know that id: its use is answered 404, as any id that
# was never given out. A client, proxy or log reader that takes the id from whatever answer carries one has a dead one.
#
# Versions: mcp 2.3.0 (PyPI), uvicorn, Python 3.11.
# seen: tools/list without a session: 400, Mcp-Session-Id in the answer: yes
# seen: tools/list with that id: 404
# seen: tools/list with an id that was never given out: 404
set -euo pipefail
script=$(realpath "$0")
command -v python3 >/dev/null || { echo "needs python3"; exit 4; }
work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check mcp==2.3.0 uvicorn httpx 2>/dev/null

cat >server.py <<'FILE'
from mcp.server.mcpserver import MCPServer

mcp = MCPServer("clock")


@mcp.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


app = mcp.streamable_http_app()
FILE
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
venv/bin/python -m uvicorn server:app --port "$port" --log-level critical >server.log 2>&1 &
server=$!

cat >probe.py <<'FILE'
import sys
import time

import httpx

url = f"http://127.0.0.1:{sys.argv[1]}/mcp"
body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
accept = {"Accept": "application/json, text/event-stream"}
for _ in range(300):
    try:
        first = httpx.post(url, json=body, headers=accept, trust_env=False)
        break
    except httpx.ConnectError:
        time.sleep(0.1)
given = first.headers.get("mcp-session-id")
print(f"tools/list without a session: {first.status_code}, Mcp-Session-Id in the answer: {'yes' if given else 'no'}")
for what, session in (("that id", given or "none"), ("an id that was never given out", "0" * 32)):
    answer = httpx.post(url, json=body, headers={**accept, "Mcp-Session-Id": session}, trust_env=False)
    print(f"tools/list with {what}: {answer.status_code}")
FILE
venv/bin/python probe.py "$port" >now
grep '^# seen: ' "$script" | sed 's/^# seen: //' >seen
diff seen now && echo "as seen" || { echo "this is not what was seen"; exit 1; }
