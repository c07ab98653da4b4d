"""The asyncio client of redis-py, or of a library with its interface: module and class are the arguments."""

import asyncio
import importlib
import os
import sys

from program import run_async


async def main():
    """One client, made by host and port."""
    made = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])
    client = made(host="127.0.0.1", port=int(os.environ["REDIS_PORT"]))
    await run_async(lambda: client.get("warm"), lambda: client.getdel(os.environ["KEY"]))


asyncio.run(main())
