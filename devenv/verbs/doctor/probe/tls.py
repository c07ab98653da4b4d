"""What answers at a port, and a TLS handshake as a pod's client would do it."""

from __future__ import annotations

import contextlib
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from devenv.core.doctor_rules.facts import Certificate, Reach, Speech, Tls, Trust
from devenv.core.model.errors import EnvironmentProblem
from devenv.verbs.doctor.probe.resp_socket import Broken, RespConnection, connect

SYSTEM = "the system's certificate authorities"

# OpenSSL's X509_V_ERR_*: openssl/x509_vfy.h.
_VERIFY = {
    9: Trust.NOT_YET,
    10: Trust.EXPIRED,
    2: Trust.UNTRUSTED,
    18: Trust.UNTRUSTED,
    19: Trust.UNTRUSTED,
    20: Trust.UNTRUSTED,
    21: Trust.UNTRUSTED,
    62: Trust.WRONG_NAME,
    64: Trust.WRONG_NAME,
}


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of the settings; "" where there are none."""

    authorities: str = ""
    """The certificates of the authorities that are trusted."""
    certificate: str = ""
    """The client's certificate."""
    key: str = ""
    """The key of the client's certificate."""
    checked: bool = True
    """Whether the server's certificate is checked; a URL with ``ssl_cert_reqs=none`` says no."""


_PING = b"*1\r\n$4\r\nPING\r\n"
_GET = b"*2\r\n$3\r\nGET\r\n$12\r\nrcaptcha:GET\r\n"
"""About a key that does not exist: some Redis proxies take commands about one key only, and hang up at
PING."""


def speech(host: str, port: int, timeout: float) -> Speech:
    """What answers at an open port: first a PING without TLS, then a TLS handshake that verifies nothing."""
    answer = _answer(host, port, timeout, _PING)
    if answer is not None and answer.startswith(b"HTTP/"):
        return Speech.HTTP
    if answer is not None and answer[:1] in (b"+", b"-"):
        return Speech.REDIS
    if speaks_tls(host, port, timeout):
        return Speech.TLS
    if answer is None:
        return Speech.SILENT
    if not answer and (_answer(host, port, timeout, _GET) or b"")[:1] in (b"$", b"-"):
        return Speech.REDIS
    return Speech.OTHER if answer else Speech.ENDED


def _answer(host: str, port: int, timeout: float, request: bytes) -> bytes | None:
    """The first bytes of the answer; none where the connection is ended, None where nothing comes."""
    _, link = connect(host, port, timeout)
    if link is None:
        return None
    with link:
        try:
            link.sendall(request)
            return link.recv(64)
        except TimeoutError:
            return None
        except OSError:
            return b""


def speaks_tls(host: str, port: int, timeout: float) -> bool:
    """Whether a TLS handshake succeeds; the certificate is not looked at."""
    _, link = connect(host, port, timeout)
    if link is None:
        return False
    with link:
        try:
            with _trusting().wrap_socket(link, server_hostname=host):
                return True
        except (OSError, ValueError):
            return False


def context(files: TlsFiles) -> ssl.SSLContext:
    """What redis-py makes of the same settings: verify the chain and the name.

    Raises OSError (ssl.SSLError) where a file cannot be used.
    """
    tls_context = ssl.create_default_context()
    if not files.checked:
        tls_context.check_hostname, tls_context.verify_mode = False, ssl.CERT_NONE
    if files.authorities:
        tls_context.load_verify_locations(cafile=files.authorities)
    if files.certificate:
        tls_context.load_cert_chain(files.certificate, files.key or None)
    return tls_context


def handshake(
    host: str,
    port: int,
    timeout: float,
    files: TlsFiles,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> Tls:
    """A handshake with everything verified, and the server's certificate, valid or not."""
    authorities = files.authorities or SYSTEM
    certificate = _certificate(host, port, timeout, now)
    try:
        tls_context = context(files)
    except OSError as error:
        return Tls(Trust.FAILED, f"{files}: {error.strerror or error}", certificate, authorities)
    reached, link = connect(host, port, timeout)
    if link is None:
        return Tls(Trust.FAILED, str(reached.reach), certificate, authorities)
    agreed = False
    with link:
        try:
            with (
                tls_context.wrap_socket(link, server_hostname=host) as secured,
                RespConnection(secured) as connection,
            ):
                agreed = True
                connection.call("PING")
        except ssl.SSLCertVerificationError as error:
            trust = _VERIFY.get(error.verify_code, Trust.FAILED)
            return Tls(trust, error.verify_message, certificate, authorities)
        except (Broken, OSError, ValueError) as error:
            return Tls(_without_certificate(error, agreed, files), _reason(error), certificate, authorities)
    return Tls(Trust.OK, "", certificate, authorities)


def _without_certificate(error: Exception, agreed: bool, files: TlsFiles) -> Trust:
    """Whether it failed because the server wants the client's certificate.

    With TLS 1.3 (RFC 8446, 4.4.2.4) a client learns that only after its own handshake is over, by an alert
    which the end of the connection may overtake.
    """
    alerted = "certificate required" in _reason(error) or "handshake failure" in _reason(error)
    ended = agreed and not isinstance(error, TimeoutError) and not files.certificate
    return Trust.NEEDS_CERTIFICATE if alerted or ended else Trust.FAILED


def _reason(error: Exception) -> str:
    reason = error.reason if isinstance(error, ssl.SSLError) else None
    return reason.replace("_", " ").lower() if reason else str(error)


def _trusting() -> ssl.SSLContext:
    """For inspection only: nothing is ever sent over it."""
    tls_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    tls_context.check_hostname = False
    tls_context.verify_mode = ssl.CERT_NONE
    return tls_context


def _certificate(host: str, port: int, timeout: float, now: Callable[[], datetime]) -> Certificate | None:
    _, link = connect(host, port, timeout)
    if link is None:
        return None
    try:
        with link, _trusting().wrap_socket(link, server_hostname=host) as secured:
            raw = secured.getpeercert(binary_form=True)
    except (OSError, ValueError):
        return None
    try:
        from devenv.verbs.doctor.probe.certificates import read_certificate
    except ModuleNotFoundError as error:
        raise EnvironmentProblem(
            "reading a certificate needs the Python package cryptography", hint="pip install 'devenv[tls]'"
        ) from error
    return read_certificate(raw or b"", now())


def reachable(host: str, port: int, timeout: float) -> Reach:
    """Whether a TCP connection succeeds."""
    reached, link = connect(host, port, timeout)
    if link is not None:
        link.close()
    return reached.reach


def loopback(host: str) -> bool:
    """Whether a host, or the path of a Unix socket, is this machine beyond doubt; asks no name server."""
    if host.startswith("/"):
        return True
    name = host.strip("[]").lower().rstrip(".")
    if name in ("localhost", "::1", "0.0.0.0", "::") or name.endswith(".localhost"):
        return True
    with contextlib.suppress(OSError):
        return socket.inet_aton(name)[0] == 127 and name.count(".") == 3
    return False
