"""TEACHING STORE: ``GETDEL`` takes the session out of Redis, and what is not over is put back afterwards.

No other request can judge a session that is not there: no answer passes twice and no attempt is lost. But
while it is out, every other request is answered "not found", with a right answer too, and a pod that ends
meanwhile, or a reply that is lost, takes the session with it. docs/stores.md.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from devenv.captcha_api.errors import not_found
from devenv.captcha_api.stores import ATTEMPTS_LIMIT, Submission, Verdict
from devenv.captcha_api.stores.documents import read_document
from devenv.captcha_api.stores.specimen import RedisSpecimen


class GetdelStore(RedisSpecimen):
    """See the module."""

    name = "getdel"

    def verify(self, submission: Submission) -> Verdict:
        """Take out, judge, put back with the time it had left."""
        key = self._key_of(submission)
        with self._reaching():
            with self._client.pipeline() as pipe:
                pipe.pttl(key)
                pipe.getdel(key)
                left, text = self._client.execute(pipe)
            if text is None:
                raise not_found()
            document = read_document(text)
            try:
                submission.gather(document)
            except Exception:
                self._put_back(key, document, left)
                raise
            passed = submission.passes(document)
            attempts = document["attempts"] + 1
            ended = passed or attempts >= ATTEMPTS_LIMIT
            if not ended:
                self._put_back(key, {**document, "attempts": attempts}, left)
            return Verdict(document, passed, attempts, ended)

    def _put_back(self, key: str, document: Mapping[str, Any], left_ms: int) -> None:
        self._client.set(key, json.dumps(document, ensure_ascii=False), px=max(left_ms, 1))
