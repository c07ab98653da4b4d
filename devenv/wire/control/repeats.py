"""A request that comes again gets the answer of its first coming, and is done once.

A browser breaks off what is under way when a network of its machine comes or goes (Chromium:
ERR_NETWORK_CHANGED; Docker makes and removes networks all the time). The page then cannot know whether what
it asked for was done, and sends the same again with the same ``Idempotency-Key`` (draft-ietf-httpapi-
idempotency-key-header-07).
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

KEY_HEADER = "Idempotency-Key"
KEPT = 64
"""This many answers are remembered; the oldest go first."""

_Answer = asyncio.Future[list[Message] | None]
"""The messages of an answer; None where the first coming was broken off before it was read."""


class RepeatedRequests:
    """ASGI middleware: one execution per method, path and key; requests without a key pass through."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._answers: OrderedDict[tuple[str, str, str], _Answer] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Execute a request, or answer it as the first one with its key was answered."""
        key = Headers(scope=scope).get(KEY_HEADER, "") if scope["type"] == "http" else ""
        if not key:
            await self._app(scope, receive, send)
            return
        name = (str(scope["method"]), str(scope["path"]), key)
        while (first := self._answers.get(name)) is not None:
            # shielded: one who waits and is cancelled must not cancel it for the others
            if (messages := await asyncio.shield(first)) is not None:
                for message in messages:
                    await send(message)
                return
        await self._execute(name, scope, receive, send)

    async def _execute(self, name: tuple[str, str, str], scope: Scope, receive: Receive, send: Send) -> None:
        answer = self._answers[name] = asyncio.get_running_loop().create_future()
        messages: list[Message] = []

        async def remember(message: Message) -> None:
            messages.append(message)
            await send(message)

        try:
            await self._app(scope, receive, remember)
        finally:
            ended = bool(messages) and not messages[-1].get("more_body", False)
            if not ended:
                del self._answers[name]
            answer.set_result(messages if ended else None)
        while len(self._answers) > KEPT:
            self._answers.popitem(last=False)
