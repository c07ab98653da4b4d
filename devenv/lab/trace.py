"""The proxy's record of exchanges, fetched from the control API for a run's trace.jsonl."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import httpx

from devenv.core.errors import EnvironmentProblem

PAGE = 1000


def last_exchange(control: str) -> int:
    """The number of the proxy's latest exchange; 0 where there is none yet."""
    return max(last for _page, last in _pages(control, 0))


def exchanges_of(control: str, request_ids: Collection[str], since: int = 0) -> Iterator[Mapping[str, Any]]:
    """The exchanges above number ``since`` with one of these request ids, as trace.jsonl objects.

    The proxy remembers a bounded number of them; older ones are gone.
    """
    for page, _last in _pages(control, since):
        yield from (exchange for exchange in page if exchange["request_id"] in request_ids)


def _pages(control: str, since: int) -> Iterator[tuple[list[Mapping[str, Any]], int]]:
    with httpx.Client(base_url=control, timeout=10.0, trust_env=False) as http:
        while True:
            try:
                response = http.get("/exchanges", params={"since": since, "limit": PAGE})
                response.raise_for_status()
            except httpx.HTTPError as error:
                raise EnvironmentProblem(
                    f"the control API at {control} does not tell its exchanges ({type(error).__name__})",
                    hint="'devenv status' says whether the stack runs",
                ) from error
            data = response.json()
            since = data["last"]
            yield data["exchanges"], since
            if len(data["exchanges"]) < PAGE:
                return
