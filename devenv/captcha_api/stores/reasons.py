"""Why Redis cannot be used, in words that name the variable to look at."""

from __future__ import annotations

from redis.exceptions import AskError, MovedError, ResponseError

from devenv.captcha_api.settings import Settings


def refusal(error: ResponseError) -> str:
    """What Redis said to a command that it does not run. Of MOVED and ASK redis-py keeps all but the word."""
    if not isinstance(error, AskError):
        return str(error)
    word = "MOVED" if isinstance(error, MovedError) else "ASK"
    return f"Redis is a cluster, and this client is for one server ({word} {error})"


def reason(error: Exception, settings: Settings, *, spoke: bool = False) -> str:
    """One line: what it comes to, and redis-py's own words in parentheses; these alone where they suffice.

    ``spoke``: Redis has answered this process before, so that settings which it never had are not to blame.
    """
    text = str(error) or type(error).__name__
    meant = _meant(text.lower(), settings, spoke)
    return text if meant is None else f"{meant} ({text.rstrip('.')})"


def _meant(text: str, settings: Settings, spoke: bool) -> str | None:
    """``text`` is in small letters, as servers' and OpenSSL's versions differ in them."""
    if "certificate has expired" in text:
        return "the certificate that Redis shows has expired"
    if "mismatch" in text and "certificate" in text:
        return f"the certificate that Redis shows is not for REDIS_HOST={settings.redis_host}"
    if "certificate verify failed" in text:
        trusted = settings.redis_ca_certs or "not set: the system's authorities"
        return (
            f"the certificate that Redis shows is of an authority we do not trust: REDIS_CA_CERTS={trusted}"
        )
    if settings.redis_ssl and "no such file" in text:
        return f"REDIS_CA_CERTS={settings.redis_ca_certs}: there is no such file"
    if settings.redis_ssl and ("wrong version number" in text or "record layer" in text or "timeout" in text):
        return "no answer in TLS: REDIS_SSL=true, does Redis speak TLS on this port?"
    if not settings.redis_ssl and ("reset by peer" in text or "closed by server" in text):
        asked = "" if spoke else ": REDIS_SSL=false, does it want TLS?"
        return f"Redis ended the connection{asked}"
    if "noauth" in text or "already authenticated" in text or "authentication required" in text:
        return "Redis asks for a password: REDIS_PASSWORD is not set"
    if "wrongpass" in text or "invalid username-password" in text or "invalid password" in text:
        return f"Redis does not take REDIS_PASSWORD for the user {settings.redis_username or 'default'}"
    return None
