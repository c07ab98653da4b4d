"""A clock by the official Python SDK, version 1: the file makes no ASGI app, the server object does."""

import os

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("clock", stateless_http="MCP_STATELESS" in os.environ)


@mcp.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b
