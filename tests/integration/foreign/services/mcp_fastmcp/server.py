"""A clock by FastMCP: with sessions, or without them where MCP_STATELESS is set."""

import os

from fastmcp import FastMCP

mcp = FastMCP("clock")


@mcp.tool
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


app = mcp.http_app(stateless_http="MCP_STATELESS" in os.environ)
