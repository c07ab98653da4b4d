"""What could start the service in a folder, by looking at its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

_APP = re.compile(
    r"^(?P<name>\w+)(?:\s*:\s*[\w.]+)?\s*=\s*(?:[\w.]*(?:FastAPI|Starlette|Quart|Litestar)\(|"
    r"[\w.]+\.(?:streamable_http_app|http_app|asgi_app)\()",
    re.MULTILINE,
)
_FLASK = re.compile(r"^(?P<name>\w+)(?:\s*:\s*[\w.]+)?\s*=\s*[\w.]*Flask\(", re.MULTILINE)
_MCP = re.compile(
    r"^(?P<name>\w+)(?:\s*:\s*[\w.\[\]]+)?\s*=\s*(?:\w+\.)*(?:FastMCP|MCPServer)\(", re.MULTILINE
)
_FASTMCP = re.compile(r"^[ \t]*(?:from|import)[ \t]+fastmcp\b", re.MULTILINE)
"""The library of that name has ``http_app``, the official SDK ``streamable_http_app``."""
_LIKELY = ("main.py", "app.py", "server.py", "api.py", "asgi.py")
_SCRIPTS = ("server.mjs", "server.js", "index.mjs", "index.js", "app.mjs", "app.js")
_SKIPPED = ("node_modules", "site-packages", "tests", "test", "build", "dist")


def starts(folder: Path) -> list[str]:
    """What could start the service, the likeliest first: ``app:…`` for an ASGI app, else a command."""
    commands = [f"app:{name}" for name in _named(folder, _APP)]
    commands += [] if commands else [_mcp_command(folder, name) for name in _named(folder, _MCP)]
    package = folder / "package.json"
    if package.is_file():
        try:
            script = json.loads(package.read_text(encoding="utf-8")).get("scripts", {}).get("start")
        except (OSError, ValueError, AttributeError):
            script = None
        if isinstance(script, str):
            commands.append(script if re.fullmatch(r"node [\w./ -]+", script) else "npm start")
    commands += [f"node {name}" for name in _SCRIPTS if (folder / name).is_file()]
    commands += [
        f"{{python}} -m flask --app {name} run --host 127.0.0.1 --port {{port}}"
        for name in _named(folder, _FLASK)
    ]
    if (folder / "manage.py").is_file():
        commands.append("{python} manage.py runserver --noreload 127.0.0.1:{port}")
    return list(dict.fromkeys(commands))


def _mcp_command(folder: Path, name: str) -> str:
    """uvicorn with the ASGI app that an MCP server object makes, where the file makes none itself."""
    module = folder.joinpath(*name.partition(":")[0].split(".")).with_suffix(".py")
    method = "http_app" if _FASTMCP.search(module.read_text(encoding="utf-8")) else "streamable_http_app"
    return f"{{python}} -m uvicorn --factory {name}.{method} --host 127.0.0.1 --port {{port}}"


def _named(folder: Path, pattern: re.Pattern[str]) -> Iterator[str]:
    """``module:name`` of what ``pattern`` finds, of each file the first."""
    files = [*folder.glob("*.py"), *folder.glob("*/*.py"), *folder.glob("*/*/*.py")]
    hidden = (".", *_SKIPPED)
    wanted = [
        one_file
        for one_file in files
        if not any(part.startswith(hidden) for part in _inside(one_file, folder)[:-1])
    ]
    rank = {name: index for index, name in enumerate(_LIKELY)}
    for path in sorted(wanted, key=lambda item: (len(item.parts), rank.get(item.name, len(rank)), str(item))):
        try:
            match = pattern.search(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError):
            continue
        if match is not None:
            yield ".".join(_inside(path, folder)).removesuffix(".py") + ":" + match["name"]


def _inside(path: Path, folder: Path) -> tuple[str, ...]:
    return path.relative_to(folder).parts
