"""Keys and sessions, by made-up facts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.doctor_rules.facts import Created, Keyspace, SessionKey
from devenv.core.doctor_rules.settings import env_file
from devenv.core.model.vocabulary import CaptchaType
from tests.unit.core.doctor_rules.made_up import TEXT, WELL, kinds

FIELDS = ("type", "cid", "attempts")
KEY = SessionKey("rcaptcha:abstract:c1", "rcaptcha:", CaptchaType.ABSTRACT, "string", 30.0, FIELDS)


@pytest.mark.parametrize(
    ("key", "sentences"),
    [
        (KEY, []),
        (replace(KEY, ttl=None), ["key-without-ttl"]),
        (replace(KEY, fields=("attempts",)), ["stub-document"]),
        (replace(KEY, type="list", fields=None), ["wrong-type"]),
        (replace(KEY, fields=None), ["wrong-type"]),
        (replace(KEY, prefix="other:", key="other:abstract:c1"), ["prefix-differs"]),
        (replace(KEY, db=3), ["prefix-differs"]),
    ],
)
def test_a_key_that_is_named_like_a_session(key: SessionKey, sentences: list[str]) -> None:
    assert kinds(replace(WELL, keyspace=Keyspace((key,)))) == sentences


KEPT = Created("f.env", "c1", key=KEY.key, prefix=KEY.prefix, db=0)


@pytest.mark.parametrize(
    ("created", "sentences"),
    [
        (KEPT, []),
        (Created("f.env", "c1"), ["silent-fallback"]),
        (Created("f.env", None, status=500), ["create-refused"]),
        (replace(KEPT, prefix="other:"), ["prefix-differs"]),
    ],
)
def test_a_session_that_a_service_created(created: Created, sentences: list[str]) -> None:
    assert kinds(WELL, created=(created,)) == sentences


def test_behind_one_address_some_keep_a_key_and_some_do_not() -> None:
    """Neither is a pod of the settings: which pod answered is not known, but they differ."""
    created = (replace(KEPT, pod="somewhere"), Created("somewhere", "c2"))
    assert kinds(WELL, created=created) == ["flags-differ"]


def test_with_the_flag_off_nothing_is_said_of_a_missing_key() -> None:
    off = env_file(TEXT.replace("USE_REDIS=true", "USE_REDIS=false"), "f.env")
    assert "silent-fallback" not in kinds(WELL, pods=[off], created=(Created("f.env", "c1"),))
