"""Names of one session, one type each: what is one of them is never taken for another.

See docs/glossary.md. At run time each is its text.
"""

from __future__ import annotations

from typing import NewType

ChallengeId = NewType("ChallengeId", str)
"""Of one challenge (or one session of a user-provided service), as clients send it."""
SessionKey = NewType("SessionKey", str)
"""Where Redis keeps one session: prefix, type and challenge id."""
SessionHeader = NewType("SessionHeader", str)
"""What the header or cookie says by which a service knows a session."""
SessionName = NewType("SessionName", str)
"""What a scenario calls one session: ``alice``."""
