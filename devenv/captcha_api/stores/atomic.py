"""The fix: an answer is graded, counted and, where due, ends the session in one Lua script.

What it guarantees for every interleaving: at most ``ATTEMPTS_LIMIT`` graded answers, at most one success and
never without the right answer, every session key with a TTL and deleted when its session ends. Redis out of
reach is StoreUnavailable (HTTP 503) within about one REDIS_TIMEOUT_MS, never the process's memory.

Round trips: create 1; verify 1, right or wrong. The image grid needs the picture for its ML call before the
script runs; the picture follows from the challenge id (``catalogue.scene_for``), so Redis need not be asked.
The script compares it with the document; where they differ (sessions seeded by others) one more follows.

Beside a session lies its receipt, ``<prefix>receipt:{<session key>}``: the answer to each request, for as
long as the session had left to live (``claim.lua``). It makes a command idempotent that is sent again because
its reply was lost. The second request of a double click is answered "already solved", and so is a client that
tries again after a 503 although its right answer had counted. The braces are a cluster hash tag: one slot
for both.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Any, TypeVar

import redis
from redis.exceptions import AuthenticationError, BusyLoadingError, NoScriptError, ResponseError

from devenv.captcha_api.errors import BrokenSession, Refusal, StoreUnavailable, Ungraded, not_found
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores import ATTEMPTS_LIMIT, Document, Submission, Verdict
from devenv.captcha_api.stores.client import RedisObserver, server_info
from devenv.captcha_api.stores.cluster import Connector, WrongDatabase
from devenv.captcha_api.stores.documents import is_challenge_id, read_document
from devenv.captcha_api.stores.reasons import reason, refusal
from devenv.core.model.vocabulary import CaptchaType

T = TypeVar("T")

CLAIM = Path(__file__).with_name("claim.lua").read_text(encoding="utf-8")
CLAIM_SHA = sha1(CLAIM.encode(), usedforsecurity=False).hexdigest()

RECEIPT_TTL_MS = 10_000
"""At least, however little time the session had left: longer than any retry of a lost command."""

RETRY_WITHIN_S = 0.2
"""A connection that broke sooner than this is tried once more: the time-out still holds, within 200 ms."""
RETRY_WITHIN = 0.1
"""The same as a part of the time-out, where that is longer: on a machine under load a connection that breaks
at once is seen to be broken much later."""


class AtomicStore:
    """Sessions in Redis; see the module."""

    name = "atomic"

    def __init__(
        self,
        settings: Settings,
        observer: RedisObserver,
        new_token: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        """Connects at first use. ``new_token`` makes a request's unguessable token."""
        self._settings = settings
        self._new_token = new_token
        self._receipt_ttl_ms = max(RECEIPT_TTL_MS, 2 * settings.redis_timeout_ms)
        self._retry_within_s = max(RETRY_WITHIN_S, RETRY_WITHIN * settings.redis_timeout)
        self._spoke = False
        # The client never retries: _reach does.
        self._connector = Connector(settings, observer, encoding_errors="backslashreplace")

    def create(self, kind: CaptchaType, challenge_id: str, document: Document) -> bool:
        """SET with EX; the same again if it must be sent twice."""
        data = json.dumps(document, ensure_ascii=False)
        self._reach(
            lambda: self._client.set(self._key(kind, challenge_id), data, ex=self._settings.captcha_ttl)
        )
        return True

    def verify(self, submission: Submission) -> Verdict:
        """Gather, then grade and count in one step."""
        if not is_challenge_id(submission.challenge_id):
            raise not_found()
        token = self._new_token()
        basis = submission.presumed()
        if basis is None:
            basis = self._read(submission)
        state, attempts, text = self._gather_and_claim(submission, basis, token)
        if state == "other":
            state, attempts, text = self._gather_and_claim(submission, read_document(text), token)
        if state == "absent":
            raise not_found()
        if state == "solved":
            raise Ungraded("Challenge already solved", Refusal.SOLVED)
        if state not in ("right", "wrong"):
            raise BrokenSession(f"The stored session is broken: {text}")
        passed = state == "right"
        return Verdict(read_document(text), passed, attempts, passed or attempts >= ATTEMPTS_LIMIT)

    def holds(self, kind: CaptchaType, challenge_id: str) -> bool:
        """Whether Redis has the session. Raises StoreUnavailable."""
        if not is_challenge_id(challenge_id):
            return False
        return bool(self._reach(lambda: self._client.exists(self._key(kind, challenge_id))))

    def warm_up(self) -> None:
        """Load the script, so that the first verify is one round trip too; a Redis that is down may come."""
        client = self._connector.warm_up()
        if client is not None:
            with suppress(redis.RedisError, OSError):
                client.script_load(CLAIM)

    def check_ready(self) -> None:
        """Redis answers."""
        self._reach(lambda: self._client.ping())

    def sessions_here(self) -> Mapping[str, int]:
        """None: they are all in Redis."""
        return {}

    def server_info(self) -> Mapping[str, Any]:
        """INFO."""
        return server_info(lambda: self._client)

    @property
    def _client(self) -> Any:
        """Plain or cluster: asked for inside ``_reach``, as making it asks the server."""
        return self._connector.client()

    def _key(self, kind: CaptchaType, challenge_id: str) -> str:
        return f"{self._settings.redis_prefix}{kind}:{challenge_id}"

    def _gather_and_claim(
        self, submission: Submission, basis: Mapping[str, Any], token: str
    ) -> tuple[str, int, str]:
        key = self._key(submission.kind, submission.challenge_id)
        try:
            submission.gather(basis)
        except Ungraded:
            # "Not found" is what the caller must hear first, and only failures pay for asking.
            if not self._reach(lambda: self._client.exists(key)):
                raise not_found() from None
            raise
        answer, basis_text = submission.claim()
        keys = [key, f"{self._settings.redis_prefix}receipt:{{{key}}}"]
        ttl = self._settings.captcha_ttl
        args = [token, submission.kind, answer, basis_text, ATTEMPTS_LIMIT, ttl, self._receipt_ttl_ms]
        reply: Any = self._reach(lambda: self._evaluate(keys, [str(arg) for arg in args]))
        return str(reply[0]), int(reply[1]), str(reply[2])

    def _evaluate(self, keys: list[str], args: list[str]) -> Any:
        try:
            return self._client.evalsha(CLAIM_SHA, len(keys), *keys, *args)
        except NoScriptError:
            # A restarted Redis has forgotten it; EVAL runs and caches it in one round trip.
            return self._client.eval(CLAIM, len(keys), *keys, *args)

    def _read(self, submission: Submission) -> Mapping[str, Any]:
        key = self._key(submission.kind, submission.challenge_id)
        text: Any = self._reach(lambda: self._client.get(key))
        if text is None:
            raise not_found()
        return read_document(text)

    def _reach(self, command: Callable[[], T]) -> T:
        """Run an idempotent command, again if its connection broke at once; raise the service's errors."""
        started = time.monotonic()
        try:
            try:
                reply = command()
            except redis.ConnectionError as error:
                if isinstance(error, AuthenticationError | BusyLoadingError):
                    raise
                if time.monotonic() - started > self._retry_within_s:
                    raise
                reply = command()
            self._spoke = True
            return reply
        except ResponseError as error:
            if str(error).startswith("WRONGTYPE"):
                raise BrokenSession(f"The stored session is broken: {error}") from error
            # READONLY, OOM, CLUSTERDOWN, NOPERM, MOVED, …: nothing about this session.
            raise StoreUnavailable(f"Session store cannot serve now: {refusal(error)}") from error
        except WrongDatabase as error:
            raise StoreUnavailable(f"Session store cannot be used: {error}") from error
        except (redis.RedisError, OSError) as error:
            why = reason(error, self._settings, spoke=self._spoke)
            raise StoreUnavailable(f"Session store unreachable: {why}") from error
