"""Clients that only ever speak plain HTTP to this machine."""

from __future__ import annotations

import ssl
from http.cookiejar import Cookie, CookieJar, DefaultCookiePolicy
from urllib.request import Request

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
    base_url: str, timeout: float, limits: httpx.Limits | None = None, forget: str = ""
) -> httpx.AsyncClient:
    """As ``local_client``, for an event loop. A cookie named ``forget`` is not kept between requests."""
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout,
        limits=limits or httpx.Limits(),
        trust_env=False,
        verify=NO_AUTHORITIES,
        cookies=CookieJar(_Forgetful(forget)),
    )


class _Forgetful(DefaultCookiePolicy):
    """Keeps all cookies but one: many people at one client must not be taken for each other."""

    def __init__(self, forgotten: str) -> None:
        super().__init__()
        self._forgotten = forgotten

    def set_ok(self, cookie: Cookie, request: Request) -> bool:
        """As its base, but for one name."""
        return cookie.name != self._forgotten and super().set_ok(cookie, request)
