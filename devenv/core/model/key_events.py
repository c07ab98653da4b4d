"""What time does to a session's key in Redis, as scripts."""

from __future__ import annotations

AGED_MS = 400
"""Left to live after ``age``: less than half a second, which TTL rounds to 0."""


KEY_EVENTS = {
    "expire": "if redis.call('PTTL', KEYS[1]) >= 0 then return redis.call('DEL', KEYS[1]) end return 0",
    "age": f"if redis.call('PTTL', KEYS[1]) > {AGED_MS} then "
    f"return redis.call('PEXPIRE', KEYS[1], {AGED_MS}) end return 0",
}
"""What time does to a key. A plain DEL would wrongly end keys that never expire."""
