"""The captcha service, as balance speaks to services."""

from __future__ import annotations

import json

from devenv.core.model.ids import ChallengeId
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.service import Filled
from devenv.core.model.vocabulary import Outcome
from devenv.harness.client.load_pairs import ANY_SELECTION, KIND
from devenv.verbs.balance.connection import Answer, Request


class CaptchaService:
    """Pods of captcha-api."""

    page = image = Request("GET", "/ready")

    def create(self) -> Request:
        """Opens a session."""
        return _request(KIND.create.fill(None))

    def session_of(self, answer: Answer) -> str | None:
        """The challenge id of the answer."""
        return (
            CAPTCHA.session_of(dict(answer.headers), json.loads(answer.body))
            if answer.status == 200
            else None
        )

    def verify(self, session: str) -> Request:
        """Sends an answer, right or wrong: it tells whether the session is known."""
        return _request(KIND.verify.fill(ChallengeId(session), ANY_SELECTION))

    def known(self, answer: Answer) -> bool | None:
        """Whether the pod knew the session."""
        if answer.status >= 500:
            return None
        outcome = CAPTCHA.outcome(answer.status, json.loads(answer.body), answer.body.decode())
        return None if outcome is Outcome.ERROR else outcome is not Outcome.NOT_FOUND


def _request(filled: Filled) -> Request:
    body, headers = filled.encoded()
    return Request(filled.method, filled.path, body or b"", tuple(headers.items()))
