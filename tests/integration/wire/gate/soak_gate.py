"""A gate in its own process for the soak test: its port on stdout, its trace in a file, until stdin ends."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from devenv.core.model.events import RedisCommand
from devenv.wire.gate.server import Gate


async def main(upstream: int, trace: Path) -> None:
    with trace.open("w", encoding="utf-8") as out:

        def write(batch: Sequence[RedisCommand]) -> None:
            out.writelines(
                f"{command.seq} {command.connection} {command.key} {command.reply}\n"
                for command in batch
                if command.fate == "passed"
            )

        gate = Gate("127.0.0.1", upstream, capacity=5000, sink=write)
        print(await gate.listen("captcha-api-a"), flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await gate.close()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), Path(sys.argv[2])))
