"""valkey-glide for Python, its asyncio client with its defaults."""

import asyncio
import os

from glide import GlideClient, GlideClientConfiguration, NodeAddress
from program import run_async


async def main():
    """One client."""
    address = NodeAddress("127.0.0.1", int(os.environ["REDIS_PORT"]))
    client = await GlideClient.create(GlideClientConfiguration([address]))
    await run_async(lambda: client.get("warm"), lambda: client.getdel(os.environ["KEY"]))


asyncio.run(main())
