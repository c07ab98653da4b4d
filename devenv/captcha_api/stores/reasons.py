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
    said = str(error) or type(error).__name__
    meant = _meant(said.lower(), settings, spoke)
    return said if meant is None else f"{meant} ({said.rstrip('.')})"


def _meant(said: str, settings: Settings, spoke: bool) -> str | None:
    """``said`` is in small letters, as servers' and OpenSSL's versions differ in them."""
    if "certificate has expired" in said:
        return "the certificate that Redis shows has expired"
    if "mismatch" in said and "certificate" in said:
        return f"the certificate that Redis shows is not for REDIS_HOST={settings.redis_host}"
    if "certificate verify failed" in said:
        trusted = settings.redis_ca_certs or "not set: the system's authorities"
        return (
            f"the certificate that Redis shows is of an authority we do not trust: REDIS_CA_CERTS={trusted}"
        )
    if settings.redis_ssl and "no such file" in said:
        return f"REDIS_CA_CERTS={settings.redis_ca_certs}: there is no such file"
    if settings.redis_ssl and ("wrong version number" in said or "record layer" in said or "timeout" in said):
        return "no answer in TLS: REDIS_SSL=true, does Redis speak TLS on this port?"
    if not settings.redis_ssl and ("reset by peer" in said or "closed by server" in said):
        asked = "" if spoke else ": REDIS_SSL=false, does it want TLS?"
        return f"Redis ended the connection{asked}"
    if "noauth" in said or "already authenticated" in said or "authentication required" in said:
        return "Redis asks for a password: REDIS_PASSWORD is not set"
    if "wrongpass" in said or "invalid username-password" in said or "invalid password" in said:
        return f"Redis does not take REDIS_PASSWORD for the user {settings.redis_username or 'default'}"
    return None
