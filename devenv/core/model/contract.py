"""What a service takes where a variable is not set (contract §3): one place for everything but the service.

The reference service (``captcha_api.settings``) has its own, as a user-provided service has: it is judged by
these.
"""

from __future__ import annotations

from collections.abc import Mapping

REDIS_PREFIX = "rcaptcha:"
"""Before every session's key."""
REDIS_TIMEOUT_MS = 2000
"""How long a pod waits for a reply of Redis, in milliseconds."""
CAPTCHA_TTL_SECONDS = 60
"""How long a session lives."""
COUNTERS = "*:attempts"
"""Keys beside a session that hold no answer: they may outlive it, but not for ever."""

DEFAULTS: Mapping[str, str] = {
    "USE_REDIS": "false",
    "REDIS_PORT": "6379",
    "REDIS_DB": "0",
    "REDIS_SSL": "false",
    "REDIS_PREFIX": REDIS_PREFIX,
    "REDIS_TIMEOUT_MS": str(REDIS_TIMEOUT_MS),
    "CAPTCHA_TTL": str(CAPTCHA_TTL_SECONDS),
}
"""By variable, as text."""
