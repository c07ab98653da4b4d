"""coredis with its defaults."""

import asyncio
import os

import coredis
from program import run_async


async def main():
    """One client."""
    client = coredis.Redis(host="127.0.0.1", port=int(os.environ["REDIS_PORT"]))
    async with client:
        await run_async(lambda: client.get("warm"), lambda: client.getdel(os.environ["KEY"]))


asyncio.run(main())
