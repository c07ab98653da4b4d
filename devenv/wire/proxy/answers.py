"""What the proxy answers itself, where no pod did.

JSON ``{"detail", "pod", "reason"}`` with ``Server: devenv-proxy`` and without X-Served-By, which only an
answer of a pod carries: ``pod`` is the pod that could not be used, null where it is not about one.
"""

from __future__ import annotations

import json
from http import HTTPStatus

_PHRASES = {status.value: status.phrase.encode() for status in HTTPStatus}


def error_response(
    status: int, detail: str, *, pod: str | None, reason: str, request_id: bytes, close: bool, head_only: bool
) -> bytes:
    """A whole response; ``head_only`` leaves the body away, as for HEAD."""
    body = json.dumps({"detail": detail, "pod": pod, "reason": reason}).encode()
    head = (
        b"HTTP/1.1 %d %b\r\nServer: devenv-proxy\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
        b"Cache-Control: no-store\r\nX-Request-Id: %b\r\nConnection: %b\r\n\r\n"
    ) % (
        status,
        _PHRASES.get(status, b"Error"),
        len(body),
        request_id,
        b"close" if close else b"keep-alive",
    )
    return head if head_only else head + body
