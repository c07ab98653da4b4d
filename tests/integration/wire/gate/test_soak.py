"""Many commands: memory flat, every command in the trace, no reordering within a connection.

DEVENV_SOAK_COMMANDS sets how many (default 100,000).
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import redis

from tests.support import HANG_GUARD_S

COMMANDS = int(os.environ.get("DEVENV_SOAK_COMMANDS", "100000"))
PIPELINE = 500
CONNECTIONS = 4
GROWTH = 8 * 1024 * 1024


@contextmanager
def running(upstream: int, trace: Path) -> Iterator[tuple[int, psutil.Process]]:
    program = [sys.executable, str(Path(__file__).with_name("soak_gate.py")), str(upstream), str(trace)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        yield int(process.stdout.readline()), psutil.Process(process.pid)
        process.stdin.close()
        assert process.wait(HANG_GUARD_S) == 0


def run_round(clients: list[redis.Redis], round_number: int) -> None:
    """One pipeline on each connection; the connections take turns, so that they interleave."""
    for position, client in enumerate(clients):
        with client.pipeline(transaction=False) as pipe:
            for _ in range(PIPELINE):
                pipe.incrby(f"n{position}", 1)
            replies = pipe.execute()
        first = round_number * PIPELINE + 1
        assert replies == list(range(first, first + PIPELINE))


def test_many_commands(redis_server: Any, direct: redis.Redis, tmp_path: Path) -> None:
    trace = tmp_path / "trace.txt"
    rounds = COMMANDS // (PIPELINE * CONNECTIONS)
    with running(redis_server.port, trace) as (port, process):
        clients = [
            redis.Redis(port=port, protocol=2, single_connection_client=True) for _ in range(CONNECTIONS)
        ]
        warm = rounds // 3
        for number in range(warm):
            run_round(clients, number)
        before = process.memory_info().rss
        for number in range(warm, rounds):
            run_round(clients, number)
        grown = process.memory_info().rss - before
        for client in clients:
            client.close()
    assert grown < GROWTH, f"{grown} bytes more after {rounds - warm} rounds"
    seen: dict[str, int] = {}
    seqs: dict[str, int] = {}
    commands = 0
    with trace.open(encoding="utf-8") as lines:
        for line in lines:
            seq, connection, key, reply = line.split()
            commands += 1
            assert int(reply) == seen.get(key, 0) + 1
            assert int(seq) > seqs.get(connection, 0)
            seen[key], seqs[connection] = int(reply), int(seq)
    assert commands == rounds * PIPELINE * CONNECTIONS
    assert seen == {f"n{position}": rounds * PIPELINE for position in range(CONNECTIONS)}
