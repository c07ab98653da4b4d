"""All cookies of a session's answers go with every use."""

from __future__ import annotations

import pytest

from devenv.wire.executor.cookies import Cookies


def test_several_cookies_are_kept_with_their_values_as_they_are() -> None:
    cookies = Cookies()
    cookies.take(
        [
            ("content-type", "text/html"),
            ("set-cookie", "koa.sess=abc=; path=/; httponly"),
            ("set-cookie", "koa.sess.sig=s%3Ax.y; path=/"),
        ]
    )
    assert cookies.header == "koa.sess=abc=; koa.sess.sig=s%3Ax.y"


@pytest.mark.parametrize(
    "gone", ["Max-Age=0", "max-age=-1; path=/", "expires=Thu, 01 Jan 1970 00:00:00 GMT; path=/"]
)
def test_a_cookie_that_is_taken_away_is_gone(gone: str) -> None:
    cookies = Cookies({"sid": "1", "lang": "en"})
    cookies.take([("set-cookie", f"sid=; {gone}")])
    assert cookies.header == "lang=en"


def test_a_cookie_with_a_future_end_stays() -> None:
    cookies = Cookies()
    cookies.take([("set-cookie", "sid=1; expires=Thu, 01 Jan 2071 00:00:00 GMT; Max-Age=600")])
    assert cookies.header == "sid=1"
