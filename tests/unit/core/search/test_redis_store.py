"""Values of sessions as text: each value has one of its own."""

import itertools

import pytest

from devenv.core.model.ids import SessionKey
from devenv.core.search.redis_store import canonical_document, document_of, fresh_database, keys_of

KEY = SessionKey("session:1")
PICKLE = b"\x80\x05\x95}\x94\x8c\x04user\x94s."
MSGPACK = b"\x82\xaa_permanent\xc3\xa4user\xa5alice"


@pytest.mark.parametrize("value", [PICKLE, MSGPACK, bytes(range(256)), b"", b"{}"])
def test_any_bytes_are_kept_as_they_are(value: bytes) -> None:
    assert keys_of(fresh_database(KEY, value, 1000)) == {"session:1": (1000, value)}


def test_different_values_have_different_texts() -> None:
    values = [PICKLE, MSGPACK, b"\xff", rb"\xff", rb"\\xff", b"\xc3\xbf", b"\xff\\", b"user|i:1;"]
    for first, second in itertools.combinations(values, 2):
        assert canonical_document(first) != canonical_document(second)


def test_equal_json_has_one_text() -> None:
    assert canonical_document(b'{"b":1, "a":"\xc3\xa4"}') == document_of(
        fresh_database(KEY, '{"a": "ä", "b": 1}'.encode(), 1000), KEY
    )
