from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devenv.core.model.bodies import json_object
from devenv.core.model.ids import ChallengeId
from devenv.core.model.mcp import MCP_HANDLE, MCP_SESSION, call_tool, list_tools
from devenv.core.model.service import Kind
from devenv.core.model.vocabulary import Outcome


def rpc(code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": message}}


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (404, rpc(-32600, "Session not found"), Outcome.NOT_FOUND),  # mcp 2.3, 1.30, FastMCP 4.2
        (404, rpc(-32001, "Session not found"), Outcome.NOT_FOUND),  # the TypeScript SDK's newer examples
        (400, rpc(-32000, "Bad Request: No valid session ID provided"), Outcome.NOT_FOUND),  # its older ones
        (400, rpc(-32000, "Bad Request: session id is not valid here"), Outcome.NOT_FOUND),
        (400, rpc(-32000, "Bad Request: Unsupported protocol version"), Outcome.ERROR),
        (200, {"jsonrpc": "2.0", "id": 2, "result": {"tools": []}}, Outcome.SUCCESS),
        (202, {}, Outcome.SUCCESS),
        (200, rpc(-32603, "Internal error"), Outcome.ERROR),
        (500, {}, Outcome.ERROR),
    ],
)
def test_what_servers_answer_to_a_session(status: int, body: dict[str, Any], outcome: Outcome) -> None:
    assert MCP_SESSION.outcome(status, body) is outcome


def test_a_client_ends_its_session_with_delete_and_reads_a_stream_with_get() -> None:
    ended = MCP_SESSION.read("DELETE", "/mcp", {}, {}, "abc")
    assert ended is not None
    assert (ended.use, ended.session) == ("end", "abc")
    stream = MCP_SESSION.read("GET", "/mcp", {}, {}, "abc")
    assert stream is not None
    assert (stream.use, stream.session) == ("also", "abc")
    assert MCP_SESSION.from_json(MCP_SESSION.to_json()) == MCP_SESSION


OPEN = call_tool("/mcp", "open_basket", {}, modern=True)
ADD = call_tool("/mcp", "add_item", {"basket_id": "{id}", "item": "tea"}, modern=True)


def test_tools_of_one_path_are_told_apart_and_share_a_handle() -> None:
    profile = replace(
        MCP_HANDLE, kinds={"basket": Kind(OPEN, ADD)}, id_field="result.structuredContent.basket_id"
    )
    opened = {"result": {"isError": False, "structuredContent": {"basket_id": "h7"}}}
    sent = json_object((OPEN.fill(None).encoded()[0] or b"").decode())
    created = profile.read("POST", "/mcp", sent, opened)
    assert created is not None
    assert (created.use, created.session) == ("create", "h7")
    content, headers = ADD.fill(ChallengeId("h7")).encoded()
    used = profile.read("POST", "/mcp", json_object((content or b"").decode()), {})
    assert used is not None
    assert (used.use, used.session) == ("verify", "h7")
    assert headers["Mcp-Name"] == "add_item"
    assert profile.outcome(200, opened) is Outcome.SUCCESS
    assert profile.outcome(200, {"result": {"isError": True}}) is Outcome.NOT_FOUND
    assert profile.outcome(500, {}) is Outcome.ERROR


def test_a_request_without_a_session_says_so_itself() -> None:
    asked = list_tools(modern=True).fill(None)
    assert asked.headers["MCP-Protocol-Version"] == "2026-07-28"
    assert asked.body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert "params" not in list_tools().fill(None).body


@pytest.mark.parametrize("profile", [MCP_SESSION, MCP_HANDLE], ids=lambda item: item.name)
def test_no_advice_speaks_of_captchas_or_of_a_switch(profile: Any) -> None:
    advice = " ".join(profile.changes.values()).lower()
    assert not any(word in advice for word in ("captcha", "use_redis", "right answer", "wrong answer"))
    assert not profile.switchable
