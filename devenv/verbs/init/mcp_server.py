"""Finds out how an MCP server is spoken to: its path, its sessions, and which tools share a handle."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from devenv.core.model import mcp
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.mcp import MCP_HANDLE, MCP_SESSION
from devenv.core.model.service import ID, Kind, value_at
from devenv.core.model.vocabulary import Outcome
from devenv.verbs.init.answers import Answered, scalars
from devenv.verbs.init.openapi import called_an_id, plausible
from devenv.verbs.init.trial import Opened, Pod, named, session_in

_PATHS = (mcp.PATH, "/", "/api/mcp", "/mcp/")
_PYTHON_MARKS = ("streamable_http_app", "FastMCP", "MCPServer", "mcp.server", "fastmcp")
_NODE_PACKAGES = ("@modelcontextprotocol/sdk", "@modelcontextprotocol/server", "fastmcp", "mcp-framework")
_RESULT = "result.structuredContent"
_MOST_PAIRS = 6


@dataclass(frozen=True, slots=True)
class McpServer:
    """What was found of an MCP server."""

    preset: str
    """mcp-session, or mcp-handle where tools share a handle."""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Empty: the preset's own."""
    id_field: str = ""
    """Where the handle stands in the answer of the tool that opens it."""
    notes: tuple[str, ...] = ()


def may_be_mcp(folder: Path, app: str | None) -> bool:
    """Whether the files of a service say that it is an MCP server."""
    if app is not None:
        source = folder.joinpath(*app.partition(":")[0].split(".")).with_suffix(".py")
        return any(mark in _text(source) for mark in _PYTHON_MARKS)
    package = _text(folder / "package.json")
    scripts = [path for pattern in ("*.py", "*.mjs", "*.js", "*.ts") for path in sorted(folder.glob(pattern))]
    sources = "".join(_text(path) for path in scripts[:20])
    return any(name in package or f"{name}/" in sources for name in _NODE_PACKAGES) or (
        any(f"import {mark}" in sources or f"from {mark}" in sources for mark in ("fastmcp", "mcp."))
    )


def try_mcp(pod: Pod, preset: str | None = None) -> McpServer | None:
    """Speak MCP to a started pod; None where it does not answer as such a server.

    ``preset``: the one that a person named; else a handle that tools share goes before sessions, as the
    newest protocol has none. Raises EnvironmentProblem where mcp-handle was named and no tools share one.
    """
    for path in _PATHS:
        answer = pod.send(mcp.initialize(path).fill(None))
        modern = pod.send(mcp.list_tools(path, modern=True).fill(None))
        if "serverInfo" in str(value_at(answer.body, "result")) or _tools(modern):
            return _described(pod, path, answer, modern, preset)
    return None


def _described(pod: Pod, path: str, answer: Answered, modern: Answered, preset: str | None) -> McpServer:
    session = answer.headers.get(mcp.SESSION_HEADER.lower())
    speaks_modern = bool(_tools(modern))
    tools = _tools(modern) or ([] if session else _tools(pod.send(mcp.list_tools(path).fill(None))))
    handles = [] if preset == MCP_SESSION.name else list(_handles(pod, path, tools, speaks_modern))
    if handles:
        # One place of the id for all kinds: those of the first.
        place = handles[0][1]
        kinds = named_tools([kind for kind, where in handles if where == place])
        return McpServer(MCP_HANDLE.name, kinds, place, _handle_notes(session, len(handles) - len(kinds)))
    if preset == MCP_HANDLE.name:
        known = ", ".join(str(tool.get("name")) for tool in tools) or "none could be listed"
        raise EnvironmentProblem(
            f"no two tools share a handle whose unknown values are answered differently; the tools: {known}",
            hint="devenv.toml can name them: docs/own-service.md, An MCP server",
        )
    kinds = {} if path == mcp.PATH else {"mcp": mcp.session_kind(path)}
    notes = () if session else ("it gives no session (stateless): requests may go to any pod",)
    if session and speaks_modern:
        notes = (f"clients that speak protocol {mcp.MODERN} use it without a session",)
    return McpServer(MCP_SESSION.name, kinds, notes=notes)


def _handle_notes(session: str | None, left_out: int) -> tuple[str, ...]:
    notes = [f"tools that return another handle are left out: {left_out}"] if left_out else []
    if session:
        notes.append(
            "it also gives sessions to older clients: `devenv init --preset mcp-session` tries those"
        )
    return tuple(notes)


def named_tools(kinds: Sequence[Kind]) -> dict[str, Kind]:
    """Kinds by the name of the tool that uses the handle."""
    by_name: dict[str, Kind] = {}
    for kind in kinds:
        tool = "".join(c for c in str(kind.verify.match["params.name"]) if c.isalnum() or c in "_-")
        by_name |= {tool: kind} if tool and tool not in by_name else named([*by_name.values(), kind])
    return by_name


# --- tools that share a handle ------------------------------------------------------------------------------


def _handles(
    pod: Pod, path: str, tools: Sequence[Mapping[str, Any]], modern: bool
) -> Iterator[tuple[Kind, str]]:
    """Pairs of tools, tried: one returns a handle, the other takes it; and where the handle stands."""
    for opener, user, argument in _pairs(tools)[:_MOST_PAIRS]:
        create = mcp.call_tool(path, str(opener["name"]), _arguments(opener, {}), modern=modern)
        first, second = pod.send(create.fill(None)), pod.send(create.fill(None))
        place = _place(first, second, argument)
        if place is None:
            continue
        verify = mcp.call_tool(path, str(user["name"]), _arguments(user, {argument: ID}), modern=modern)
        kind = Kind(create, verify)
        profile = replace(MCP_HANDLE, id_field=place)
        handle = Opened(session_in(first, profile) or ChallengeId(""), first.cookies)
        uses = [pod.use(kind, value) for value in (handle, handle.unknown)]
        outcomes = [profile.outcome(answer.status, answer.body, answer.text) for answer in uses]
        if outcomes == [Outcome.SUCCESS, Outcome.NOT_FOUND]:
            yield kind, place


def _pairs(
    tools: Sequence[Mapping[str, Any]],
) -> list[tuple[Mapping[str, Any], Mapping[str, Any], str]]:
    """A tool that may return a handle, one that takes it, and the argument's name; the likeliest first."""
    pairs = []
    for user in tools:
        for argument in _required(user):
            if not called_an_id(argument):
                continue
            openers = [item for item in tools if item is not user and argument not in _properties(item)]
            openers = [item for item in openers if not any(called_an_id(name) for name in _required(item))]
            ranked = sorted(openers, key=lambda item: argument not in _returned(item))
            declared = [item for item in ranked if argument in _returned(item)]
            opening = [item for item in ranked if _sounds_like_opening(item)]
            pairs += [(item, user, argument) for item in (declared or opening)[:2]]
    return pairs


def _sounds_like_opening(tool: Mapping[str, Any]) -> bool:
    """By its name: only such a tool is called, of those that do not declare what they return."""
    return str(tool.get("name", "")).lower().startswith(("open", "create", "new", "start", "begin", "init"))


def _place(first: Answered, second: Answered, argument: str) -> str | None:
    """Where two answers of the opening tool have different handles."""
    exact = f"{_RESULT}.{argument}"
    others = dict(scalars(second.body))
    differ = [path for path, value in scalars(first.body) if others.get(path) != value]
    inner = [path for path in differ if path.startswith(_RESULT)]
    if exact in inner:
        return exact
    named_so = [path for path in inner if called_an_id(path) or path == f"{_RESULT}.result"]
    return next(iter(named_so), None)


def _arguments(tool: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """The required arguments of a tool, with values of ours."""
    properties = _properties(tool)
    chosen = {name: plausible(properties.get(name, {})) for name in _required(tool)}
    return {**chosen, **given}


def _tools(answer: Answered) -> list[Mapping[str, Any]]:
    tools = value_at(answer.body, "result.tools")
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def _properties(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return value_at(tool, "inputSchema.properties") or {}


def _required(tool: Mapping[str, Any]) -> Sequence[str]:
    return value_at(tool, "inputSchema.required") or ()


def _returned(tool: Mapping[str, Any]) -> Mapping[str, Any]:
    return value_at(tool, "outputSchema.properties") or {}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
