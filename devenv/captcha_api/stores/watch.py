"""TEACHING STORE: optimistic locking, ``WATCH`` … ``MULTI`` … ``EXEC``, again while another request was
faster.

The judgement is made on what was read, and EXEC writes only if the key was not changed since WATCH: right
in every interleaving. What it does not survive is a lost reply to EXEC: whether it ran is not known, and
redis-py calls that a WatchError, so that the loop judges the same answer a second time. docs/stores.md.
"""

from __future__ import annotations

import json
from typing import Any

import redis

from devenv.captcha_api.errors import StoreUnavailable, not_found
from devenv.captcha_api.stores import ATTEMPTS_LIMIT, Submission, Verdict
from devenv.captcha_api.stores.documents import read_document
from devenv.captcha_api.stores.specimen import RedisSpecimen

TRIES = 5
"""Each failed one means that another verify was counted, or that the key expired: two, and one."""


class WatchStore(RedisSpecimen):
    """See the module."""

    name = "watch"

    def verify(self, submission: Submission) -> Verdict:
        """Watch, read, judge, and write in a transaction."""
        key = self._key_of(submission)
        pipe: Any
        with self._reaching(), self._client.pipeline() as pipe:
            for _ in range(TRIES):
                try:
                    pipe.watch(key)
                    text = pipe.get(key)
                    if text is None:
                        raise not_found()
                    document = read_document(text)
                    submission.gather(document)
                    passed = submission.passes(document)
                    attempts = document["attempts"] + 1
                    ended = passed or attempts >= ATTEMPTS_LIMIT
                    pipe.multi()
                    if ended:
                        pipe.delete(key)
                    else:
                        counted = {**document, "attempts": attempts}
                        pipe.set(key, json.dumps(counted, ensure_ascii=False), keepttl=True)
                    self._client.execute(pipe)
                    return Verdict(document, passed, attempts, ended)
                except redis.WatchError:
                    continue
        raise StoreUnavailable("Session store is busy: too many answers to this challenge at once")
