"""A session's document and its id: what may become part of a key, and what is a document."""

from __future__ import annotations

import pytest

from devenv.captcha_api.errors import BrokenSession
from devenv.captcha_api.stores.documents import is_challenge_id, read_document


@pytest.mark.parametrize(
    ("text", "possible"),
    [
        ("a", True),
        ("aZ_-9", True),
        ("a" * 64, True),
        ("a" * 65, False),
        ("", False),
        ("a:b", False),
        ("a*", False),
        ("a\n", False),
        ("é", False),
        ("{a}", False),
    ],
)
def test_what_may_become_part_of_a_key(text: str, possible: bool) -> None:
    assert is_challenge_id(text) is possible


def test_a_document() -> None:
    assert read_document('{"attempts": 1}') == {"attempts": 1}


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "1", '"a"'])
def test_no_document(text: str) -> None:
    with pytest.raises(BrokenSession):
        read_document(text)
