from __future__ import annotations

from devenv.core.model.cookies import cookies_set, with_others


def test_several_headers_in_one_with_dates_and_deletions() -> None:
    header = (
        "koa.sess=eyJ1IjoxfQ==; path=/; expires=Wed, 02 Dec 2026 10:00:00 GMT; httponly, "
        "koa.sess.sig=Kx3_t; path=/, old=; expires=Thu, 01 Jan 1970 00:00:00 GMT"
    )
    assert cookies_set(header) == {"koa.sess": "eyJ1IjoxfQ==", "koa.sess.sig": "Kx3_t"}
    assert cookies_set("") == {}


def test_other_cookies_go_behind_those_that_are_named() -> None:
    others = {"sid": "other", "sid.sig": "k"}
    assert with_others({"cookie": "sid=1; a=2", "X": "y"}, others) == {
        "cookie": "sid=1; a=2; sid.sig=k",
        "X": "y",
    }
    assert with_others({"X": "y"}, others) == {"X": "y"}
