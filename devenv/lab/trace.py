"""What proxy and gate recorded, fetched from the control API for a run's trace.jsonl."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from devenv.core.errors import EnvironmentProblem

PAGE = 1000
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Mark:
    """A place in the records: the numbers of the latest exchange and of the latest Redis command."""

    exchange: int = 0
    command: int = 0


def mark(control: str) -> Mark:
    """Where the records end now."""
    with _client(control) as http:
        return Mark(_latest(http, "exchanges"), _latest(http, "commands"))


def trace_since(
    control: str, since: Mark, request_ids: Collection[str] | None = None
) -> list[Mapping[str, Any]]:
    """Exchanges and Redis commands after ``since``, as trace.jsonl objects in order of time.

    Of the exchanges only those with one of ``request_ids``, where given; of the commands all, as a command
    does not say which request it belongs to. Without a gate there are no commands. Proxy and gate remember a
    bounded number of each; older ones are gone.
    """
    exchanges = exchanges_of(control, request_ids, since.exchange)
    with _client(control) as http:
        commands = list(_all(http, "commands", since.command))
    return sorted([*exchanges, *commands], key=lambda it: float(it.get("started", it.get("received", 0.0))))


def exchanges_of(
    control: str, request_ids: Collection[str] | None, since: int = 0
) -> list[Mapping[str, Any]]:
    """The exchanges above number ``since`` with one of ``request_ids`` (None: all), as trace.jsonl has them."""
    with _client(control) as http:
        found = _all(http, "exchanges", since)
        return [it for it in found if request_ids is None or it["request_id"] in request_ids]


def _client(control: str) -> httpx.Client:
    return httpx.Client(base_url=control, timeout=_TIMEOUT_S, trust_env=False)


def _all(http: httpx.Client, what: str, since: int) -> Iterator[Mapping[str, Any]]:
    while page := _page(http, what, since, PAGE):
        yield from page
        since = page[-1]["seq"]


def _latest(http: httpx.Client, what: str) -> int:
    """The highest number there is, by doubling and halving: nothing tells it at once, pages may be large."""
    low, high = 0, 1
    while page := _page(http, what, high, 1):
        low = page[0]["seq"]
        high = low * 2
    while low < high:
        middle = (low + high) // 2
        if page := _page(http, what, middle, 1):
            low = page[0]["seq"]
        else:
            high = middle
    return low


def _page(http: httpx.Client, what: str, since: int, limit: int) -> list[Mapping[str, Any]]:
    try:
        response = http.get(f"/{what}", params={"since": since, "limit": limit})
        if response.status_code == 404 and what == "commands":
            return []
        response.raise_for_status()
    except httpx.HTTPError as error:
        raise EnvironmentProblem(
            f"the control API at {http.base_url} does not tell its {what} ({type(error).__name__})",
            hint="'devenv status' says whether the stack runs",
        ) from error
    found: list[Mapping[str, Any]] = response.json()[what]
    return found
