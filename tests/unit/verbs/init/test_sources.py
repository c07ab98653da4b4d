"""What the source files of a service say of Redis."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.verbs.init.sources import source_texts, unused_redis


@pytest.mark.parametrize(
    ("name", "text", "noted"),
    [
        ("app.py", "import redis\n", True),
        ("app.py", "    from redis.asyncio import Redis\n", True),
        ("app/store.ts", 'import Redis from "ioredis";\n', True),
        ("index.php", "<?php $redis->connect(getenv('REDIS_HOST'));\n", True),
        ("app.rb", "R = Redis.new(url: ENV['X'])\n", True),
        ("app.py", "# without Redis: sessions are in a dict\nimport redistribution\n", False),
        ("node_modules/ioredis/index.js", 'require("ioredis")\n', False),
        ("readme.txt", "REDIS_HOST\n", False),
    ],
)
def test_a_service_whose_source_connects_to_redis(tmp_path: Path, name: str, text: str, noted: bool) -> None:
    path = tmp_path / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    notes = unused_redis(tmp_path)
    assert [note.startswith(f"{name} connects to a Redis, and no command reached it") for note in notes] == (
        [True] if noted else []
    )


def test_what_is_no_text_is_read_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.js").write_bytes(b"\xff\xfe")
    assert [path.name for path, _ in source_texts(tmp_path)] == ["a.js"]
