"""A streamable-HTTP MCP server with the official Python SDK; its sessions are in the process's memory."""

from mcp.server.mcpserver import MCPServer

mcp = MCPServer("clock")


@mcp.tool()
def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


app = mcp.streamable_http_app()
