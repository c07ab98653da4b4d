"""The token of HTTP, against the list of RFC 9110."""

from __future__ import annotations

import re
import string

from devenv.core.model.http_name import HTTP_NAME


def test_a_token_is_made_of_the_characters_of_the_rfc_and_of_no_others() -> None:
    allowed = "!#$%&'*+-.^_`|~" + string.digits + string.ascii_letters
    for character in map(chr, range(0x180)):
        assert bool(re.fullmatch(HTTP_NAME, character)) == (character in allowed), character
    assert re.fullmatch(HTTP_NAME, "") is None
