"""What a service's own source files say, as far as ``init`` looks into them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

_SUFFIXES = (".py", ".js", ".mjs", ".cjs", ".ts", ".php", ".rb")
_NOT_OURS = ("node_modules", "vendor", "site-packages", "venv", ".venv", "dist")
_MOST_FILES, _MOST_CHARACTERS = 100, 200_000
_REDIS = re.compile(
    r"REDIS_(?:HOST|PORT|URL|ADDR|SERVER)"
    r"|^[ \t]*(?:import|from) (?:redis|aioredis|valkey|coredis|glide)\b"
    r"|[\"'](?:redis|ioredis|iovalkey|@redis/client|@valkey/valkey-glide)[\"']|\bnew Redis\(|\bRedis\.new\b",
    re.MULTILINE,
)


def source_texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """The beginnings of the source files below ``folder``, those of other people's packages left out."""
    files = (path for path in sorted(folder.rglob("*")) if path.suffix in _SUFFIXES and path.is_file())
    ours = (path for path in files if not {*path.relative_to(folder).parts} & {*_NOT_OURS})
    for _, path in zip(range(_MOST_FILES), ours, strict=False):
        yield path, path.read_text(encoding="utf-8", errors="replace")[:_MOST_CHARACTERS]


def unused_redis(folder: Path) -> list[str]:
    """What is to be noted of a service that sent Redis nothing, and whose source connects to one."""
    for path, text in source_texts(folder):
        if _REDIS.search(text):
            return [
                f"{path.relative_to(folder).as_posix()} connects to a Redis, and no command reached it: "
                "where a variable of the service switches that on, write it into [service.redis] on and off, "
                "or give it with --env"
            ]
    return []
