"""A listing of keys survives the way through the control API."""

from __future__ import annotations

import json

from devenv.core.model.key_listing import KeyInfo, KeyListing

DOCUMENT = KeyInfo("rcaptcha:abstract:1", "abstract", "string", 59.5, 1, ("type", "cid"), ())
LASTING = KeyInfo("rcaptcha:grid:2", "other", "hash", None, None, (), ("no TTL", "not JSON"))


def test_what_is_written_can_be_read() -> None:
    listing = KeyListing("rcaptcha:", (DOCUMENT, LASTING), complete=False)
    assert KeyListing.from_json(json.loads(json.dumps(listing.to_json()))) == listing
