"""A clock by the official Python SDK, version 2: with sessions, or without where MCP_STATELESS is set."""

import logging
import os

from mcp.server.mcpserver import MCPServer

logging.basicConfig(level=logging.INFO)
mcp = MCPServer("clock")


@mcp.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


app = mcp.streamable_http_app(
    stateless_http="MCP_STATELESS" in os.environ,
    session_idle_timeout=float(os.environ.get("MCP_IDLE_S", "1800")),
)
