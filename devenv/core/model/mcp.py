"""The Model Context Protocol (MCP) over streamable HTTP: its requests, and profiles of servers. Pure.

Up to protocol 2025-11-25 a server may give a session id in the header Mcp-Session-Id. Protocol 2026-07-28 has
no sessions: what lasts over several calls is a handle that one tool returns and others take as an argument.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from devenv.core.model.service import ID, Kind, Request, Rule, ServiceProfile

PATH = "/mcp"
SESSION_HEADER = "Mcp-Session-Id"
MODERN = "2026-07-28"
"""The first protocol version without sessions."""
ACCEPT: Mapping[str, str] = {"Accept": "application/json, text/event-stream"}
_CLIENT: Mapping[str, str] = {"name": "devenv", "version": "1"}
_META_PREFIX = "io.modelcontextprotocol/"
_META: Mapping[str, Any] = {
    f"{_META_PREFIX}protocolVersion": MODERN,
    f"{_META_PREFIX}clientInfo": _CLIENT,
    f"{_META_PREFIX}clientCapabilities": {},
}


def initialize(path: str = PATH) -> Request:
    """Opens a session, where the server keeps any."""
    params = {"protocolVersion": "2025-03-26", "capabilities": {}, "clientInfo": _CLIENT}
    body = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}
    return Request(path, headers=ACCEPT, body=body, match={"method": "initialize"})


def list_tools(path: str = PATH, *, modern: bool = False) -> Request:
    """Asks for the server's tools: by itself with ``modern``, else in a session or of a stateless server."""
    return _request(path, "tools/list", {}, "", modern)


def call_tool(path: str, tool: str, arguments: Mapping[str, Any], *, modern: bool) -> Request:
    """A call of a tool; ``arguments`` may have ``{id}`` in them."""
    request = _request(path, "tools/call", {"name": tool, "arguments": dict(arguments)}, tool, modern)
    return replace(request, match={"method": "tools/call", "params.name": tool})


def _request(path: str, method: str, params: Mapping[str, Any], name: str, modern: bool) -> Request:
    headers = dict(ACCEPT)
    if modern:
        headers |= {"MCP-Protocol-Version": MODERN, "Mcp-Method": method}
        headers |= {"Mcp-Name": name} if name else {}
        params = {**params, "_meta": _META}
    body: dict[str, Any] = {"jsonrpc": "2.0", "id": 2, "method": method}
    if params:
        body["params"] = dict(params)
    return Request(path, headers=headers, body=body)


def session_kind(path: str = PATH) -> Kind:
    """A session: opened by initialize, used by tools/list and by the GET of its stream, ended by DELETE."""
    use = list_tools(path).with_header(SESSION_HEADER, ID)
    end = Request(path, "DELETE", headers={SESSION_HEADER: ID})
    stream = Request(path, "GET", headers={**ACCEPT, SESSION_HEADER: ID})
    return Kind(initialize(path), use, end=end, also=(stream,))


MCP_SESSION = ServiceProfile(
    name="mcp-session",
    kinds={"mcp": session_kind()},
    not_found=(
        # "the server MUST respond to requests containing that session ID with HTTP 404": MCP 2025-03-26,
        # Transports, Session Management. The Python SDK and FastMCP do, with code -32600.
        Rule(status=(404,)),
        # Servers after older examples of the TypeScript SDK, and Python's before January 2026.
        Rule(status=(400,), contains={"error.message": "ession"}),
        # Those servers answer GET and DELETE in plain text: "Invalid or missing session ID".
        Rule(status=(400,), text="ession ID"),
    ),
    success=(Rule(status=(200, 202), absent=("error",)),),
    id_field="",
    id_header=SESSION_HEADER,
    words=("initialize", "use"),
    reusable=True,
    limit=0,
    switchable=False,
    changes={
        "pod-memory": "serve without sessions (stateless_http=True in Python, sessionIdGenerator: undefined "
        f"in TypeScript), or let clients speak protocol {MODERN}, which has none, or send every request of "
        f"a session to the pod that opened it (route by {SESSION_HEADER})",
        "pod-restart": "serve without sessions, or let the application around the client initialize again: "
        "client libraries do not do it by themselves after 404",
        "many-workers": "one worker process per pod, or serve without sessions (stateless_http=True)",
        "unexplained": "read the server's log (`devenv logs POD`): did its idle time-out end the session? "
        "The application around the client must initialize again; client libraries do not by themselves",
    },
)

MCP_HANDLE = ServiceProfile(
    name="mcp-handle",
    kinds={},
    not_found=(
        Rule(equals={"result.isError": True}),
        Rule(status=(200, 400, 404), present=("error",)),
    ),
    success=(Rule(present=("result",), absent=("result.isError", "error")),),
    id_field="",
    words=("open", "use"),
    reusable=True,
    limit=0,
    switchable=False,
    changes={
        "pod-memory": "keep what a handle stands for where every pod finds it (a database, Redis), not in "
        "the memory of one pod",
        "pod-restart": "keep what a handle stands for outside the process (a database, Redis)",
        "many-workers": "keep what a handle stands for where every process finds it (a database, Redis)",
        "unexplained": "read the server's log (`devenv logs POD`): how long does a handle last?",
    },
)
