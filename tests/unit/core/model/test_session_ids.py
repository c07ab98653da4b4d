from __future__ import annotations

import base64
import hashlib

import pytest

from devenv.core.model.ids import ChallengeId
from devenv.core.model.session_ids import stored_forms

ID = "u8BqXy3Zk0aP_d7v"
EXPRESS = f"s%3A{ID}.dJ8%2FhVfE9a"
JSON64 = base64.b64encode(b'{"session_id": "%s", "n": 1}' % ID.encode()).decode()
JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (b'{"alg":"HS256","typ":"JWT"}', b'{"exp": 1, "jti": "%s"}' % ID.encode(), b"\xc3\x28mac")
)


@pytest.mark.parametrize(
    ("cookie", "how"),
    [
        (ID, ""),
        (EXPRESS, "without s: and the signature"),
        (f"{ID}.c2lnbmF0dXJl", "without the signature"),
        (f"{ID}.Zx81Qg.c2lnbmF0dXJl", "without the signature"),
        (base64.urlsafe_b64encode(ID.encode()).decode().rstrip("="), "Base64-decoded"),
        (JSON64, "Base64-decoded"),
        (JWT, "a claim of the JWT"),
    ],
)
def test_the_id_in_a_key_is_found_in_the_cookie(cookie: str, how: str) -> None:
    forms = {form.text: form.how for form in stored_forms(ChallengeId(cookie))}
    assert forms[ID] == how


def test_hashes_are_tried_after_all_plain_forms() -> None:
    texts = [form.text for form in stored_forms(ChallengeId(EXPRESS))]
    assert hashlib.sha256(ID.encode()).hexdigest() in texts
    assert hashlib.md5(ID.encode()).hexdigest() in texts
    assert texts.index(ID) < texts.index(hashlib.sha256(ID.encode()).hexdigest())
    assert texts[0] == EXPRESS


def test_short_parts_are_not_looked_for() -> None:
    assert all(len(form.text) >= 6 for form in stored_forms(ChallengeId("ab.cdefghijkl"))[1:])
