"""What the teaching stores share: a client, a key, a create, and errors as HTTP 503. docs/stores.md.

Each of ``watch``, ``getdel`` and ``incr`` is a pattern that people reach for, in the ordinary redis-py code
that they would write, with the faults that the pattern has. The client keeps redis-py's own retries.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import redis

from devenv.captcha_api.errors import BrokenSession, StoreUnavailable, not_found
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores import Document, Submission
from devenv.captcha_api.stores.client import RedisObserver, connect, server_info
from devenv.captcha_api.stores.documents import is_challenge_id
from devenv.captcha_api.stores.reasons import refusal
from devenv.core.model.vocabulary import CaptchaType


class RedisSpecimen:
    """Everything but ``name`` and ``verify``."""

    def __init__(self, settings: Settings, observer: RedisObserver) -> None:
        """Connects at first use."""
        self._settings = settings
        self._client = connect(settings, observer)

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """SET with EX."""
        data = json.dumps(document, ensure_ascii=False)
        with self._reaching():
            self._client.set(self._key(kind, challenge_id), data, ex=self._settings.captcha_ttl)
        return True

    def warm_up(self) -> None:
        """Nothing to do."""

    def check_ready(self) -> None:
        """Redis answers."""
        with self._reaching():
            self._client.ping()

    def sessions_here(self) -> Mapping[str, int]:
        """None: they are all in Redis."""
        return {}

    def server_info(self) -> Mapping[str, Any]:
        """INFO."""
        return server_info(lambda: self._client)

    def _key_of(self, submission: Submission) -> str:
        if not is_challenge_id(submission.challenge_id):
            raise not_found()
        return self._key(submission.kind, submission.challenge_id)

    def _key(self, kind: CaptchaType, challenge_id: str) -> str:
        return f"{self._settings.redis_prefix}{kind}:{challenge_id}"

    @contextmanager
    def _reaching(self) -> Iterator[None]:
        """redis-py's errors become the service's."""
        try:
            yield
        except redis.ResponseError as error:
            if "WRONGTYPE" in str(error):  # in a pipeline redis-py puts words before it
                raise BrokenSession(f"The stored session is broken: {error}") from error
            raise StoreUnavailable(f"Session store cannot serve now: {refusal(error)}") from error
        except (redis.RedisError, OSError) as error:
            raise StoreUnavailable(f"Session store unreachable: {error}") from error
