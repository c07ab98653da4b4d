"""uvicorn for one program: ``python -m devenv.stack.embedded.pod_server APP --host HOST --port PORT``.

As ``python -m uvicorn APP --host HOST --port PORT --no-access-log``, with its words and exit codes, but it
notices SIGTERM at once: uvicorn's own loop looks ten times a second, and a restart waits for the look.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Sequence
from types import FrameType

import uvicorn

STARTUP_FAILURE = 3
"""uvicorn's exit code where it cannot listen, or the application's start fails."""
_LOOK_SECONDS = 1.0
_TICKS_OF_A_LOOK = 10
"""uvicorn counts ticks of 0.1 s, and writes the date of responses anew with each tenth."""


class PromptServer(uvicorn.Server):
    """Ends as soon as it is asked to."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._end_asked: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def main_loop(self) -> None:
        """As its base; waits for the signal instead of for the next look."""
        self._end_asked, self._loop = asyncio.Event(), asyncio.get_running_loop()
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += _TICKS_OF_A_LOOK
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._end_asked.wait(), _LOOK_SECONDS)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """As its base."""
        super().handle_exit(sig, frame)
        if self._loop is not None and self._end_asked is not None:
            self._loop.call_soon_threadsafe(self._end_asked.set)


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m devenv.stack.embedded.pod_server")
    parser.add_argument("app", help="module:attribute")
    parser.add_argument("--host", required=True)
    parser.add_argument("--port", type=int, required=True)
    given = parser.parse_args(arguments)
    config = uvicorn.Config(given.app, host=given.host, port=given.port, access_log=False)
    config.load()
    server = PromptServer(config)
    with contextlib.suppress(KeyboardInterrupt):
        server.run()
    return 0 if server.started else STARTUP_FAILURE


if __name__ == "__main__":
    sys.exit(main())
