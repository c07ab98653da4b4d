"""An MCP server whose tools share a handle: one opens a basket, the other takes its id as an argument.

Protocol 2026-07-28 has no sessions: what lasts over several calls is such a handle. What it stands for is in
the process's memory here, so the other replica does not find it.
"""

import secrets

from mcp.server.mcpserver import MCPServer
from pydantic import BaseModel

mcp = MCPServer("shop")
baskets: dict[str, list[str]] = {}


class Basket(BaseModel):
    basket_id: str
    items: list[str]


@mcp.tool()
def open_basket() -> Basket:
    """Open an empty basket."""
    basket_id = secrets.token_hex(8)
    baskets[basket_id] = []
    return Basket(basket_id=basket_id, items=[])


@mcp.tool()
def add_item(basket_id: str, item: str) -> Basket:
    """Put an item into a basket."""
    if basket_id not in baskets:
        raise ValueError(f"there is no basket {basket_id}")
    baskets[basket_id].append(item)
    return Basket(basket_id=basket_id, items=baskets[basket_id])


app = mcp.streamable_http_app()
