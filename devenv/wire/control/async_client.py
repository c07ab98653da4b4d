"""The client of a running stack's control API for an event loop: the same errors as the blocking one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from devenv.stack.control_calls import decoded, no_text, silent
from devenv.stack.loopback import local_async_client
from devenv.wire.control.client import TIMEOUT_SECONDS


class AsyncControlClient:
    """``request`` for an event loop. An idle connection is kept for ``keepalive`` seconds."""

    def __init__(
        self, control: str, timeout: float = TIMEOUT_SECONDS, keepalive: float | None = None
    ) -> None:
        self._control = control
        limits = None if keepalive is None else httpx.Limits(keepalive_expiry=keepalive)
        self._http = local_async_client(control, timeout, limits)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def request(
        self, method: str, path: str, *, json: Any = None, params: Mapping[str, Any] | None = None
    ) -> Any:
        """One request; gives the answer's JSON."""
        try:
            response = await self._http.request(method, path, json=json, params=params)
        except httpx.HTTPError as error:
            raise silent(self._control, error) from error
        except UnicodeEncodeError as error:
            raise no_text(path) from error
        return decoded(self._control, path, response.status_code, response.content)
