"""What the Python programs share: ask once, say ready, wait for a line, take the ticket, say what came."""

import asyncio
import json
import sys
import time


def report(began, value=None, error=None):
    """The answer, as one line of JSON; ``seconds`` since ``began``."""
    text = value.decode() if isinstance(value, bytes) else value
    kind = None if error is None else type(error).__name__
    message = None if error is None else str(error)[:120]
    line = {"value": text, "error": kind, "message": message, "seconds": round(time.monotonic() - began, 2)}
    print(json.dumps(line), flush=True)


def run(warm, take):
    """With plain calls."""
    warm()
    print("ready", flush=True)
    sys.stdin.readline()
    began = time.monotonic()
    try:
        report(began, take())
    except Exception as error:
        report(began, error=error)


async def run_async(warm, take):
    """With coroutines."""
    await warm()
    print("ready", flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    began = time.monotonic()
    try:
        report(began, await take())
    except Exception as error:
        report(began, error=error)
