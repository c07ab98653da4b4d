"""Clients that only ever speak plain HTTP to this machine."""

from __future__ import annotations

import ssl

import httpx

NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For ``verify=`` of an httpx client: knows no certificate authority, so it would trust no server over TLS.

httpx reads the system's authorities for every client that is made, 18 ms each, also where no TLS follows.
"""


def local_client(base_url: str, timeout: float) -> httpx.Client:
    """A client of a part of the stack; ``timeout`` in seconds.

    A proxy that the environment names must not stand between us and our own machine.
    """
    return httpx.Client(base_url=base_url, timeout=timeout, trust_env=False, verify=NO_AUTHORITIES)


def local_async_client(
    base_url: str, timeout: float, limits: httpx.Limits | None = None
) -> httpx.AsyncClient:
    """As ``local_client``, for an event loop."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        limits=limits or httpx.Limits(),
        trust_env=False,
        verify=NO_AUTHORITIES,
    )
