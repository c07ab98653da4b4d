"""Clients of the stack's own parts: no proxy of the environment, no authorities, one cookie forgotten."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from devenv.stack.loopback import NO_AUTHORITIES, local_async_client, local_client


def test_a_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    with local_client("http://127.0.0.1:2", 3.0) as http:
        assert not http.trust_env
        assert http.timeout.connect == 3.0
    assert NO_AUTHORITIES.get_ca_certs() == []


def test_one_cookie_is_not_kept_between_requests() -> None:
    async def kept() -> set[str]:
        async with local_async_client("http://127.0.0.1:2", 3.0, forget="pod") as http:
            answer = httpx.Response(
                200, headers=[("set-cookie", "pod=a; Path=/"), ("set-cookie", "session=b; Path=/")]
            )
            answer.request = http.build_request("GET", "/")
            http.cookies.extract_cookies(answer)
            return {cookie.name for cookie in http.cookies.jar}

    assert asyncio.run(kept()) == {"session"}
