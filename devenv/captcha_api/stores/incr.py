"""TEACHING STORE: the document never changes; attempts are counted beside it, with ``INCR``.

INCR is atomic, so no two answers get the same number, as long as the counter is there. But it is taken and
deleted apart from the document: answers that have read the document go on after it was deleted, and the first
of them makes a new counter that begins at 1. docs/stores.md.
"""

from __future__ import annotations

from devenv.captcha_api.errors import not_found
from devenv.captcha_api.stores import ATTEMPTS_LIMIT, Submission, Verdict
from devenv.captcha_api.stores.documents import read_document
from devenv.captcha_api.stores.specimen import RedisSpecimen


class IncrStore(RedisSpecimen):
    """See the module."""

    name = "incr"

    def verify(self, submission: Submission) -> Verdict:
        """Read, count, judge, delete both keys where the session is over."""
        key = self._key_of(submission)
        counter = f"{key}:attempts"
        with self._reaching():
            text = self._client.get(key)
            if text is None:
                raise not_found()
            document = read_document(str(text))
            submission.gather(document)
            attempts = int(self._client.incr(counter))
            if attempts == 1:
                self._client.expire(counter, self._settings.captcha_ttl)
            if attempts > ATTEMPTS_LIMIT:
                raise not_found()
            passed = submission.passes(document)
            ended = passed or attempts >= ATTEMPTS_LIMIT
            if ended:
                self._client.delete(key, counter)
            return Verdict(document, passed, attempts, ended)
