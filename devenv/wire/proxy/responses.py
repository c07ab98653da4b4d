"""From a pod's response to what its client is sent: the head's last fields, and the body in its framing."""

from __future__ import annotations

from devenv.core.routing import AFFINITY_COOKIE
from devenv.wire.http.bodies import ChunkedBody, CloseBody
from devenv.wire.http.heads import RequestHead, ResponseHead


def rest_of_head(
    minor: int,
    *,
    chunked: bool,
    close: bool,
    set_cookie: str | None,
    served_by: bytes,
    request_id: bytes,
) -> bytes:
    """The fields of a response that depend on the request (HTTP/1.``minor``), and the end of the head.

    ``served_by``: the beginning of the last field's line, with the field before it where there is one.
    ``set_cookie``: the affinity cookie's new value.
    """
    parts = []
    if chunked:
        parts.append(b"Transfer-Encoding: chunked\r\n")
    if set_cookie is not None:
        cookie = f"Set-Cookie: {AFFINITY_COOKIE}={set_cookie}; Path=/; HttpOnly; SameSite=Lax\r\n"
        parts.append(cookie.encode())
    if close:
        parts.append(b"Connection: close\r\n")
    elif minor == 0:
        parts.append(b"Connection: keep-alive\r\n")
    parts.append(served_by)
    parts.append(request_id + b"\r\n\r\n")
    return b"".join(parts)


class ResponseBody:
    """One response's body: fed with what the pod sends, it gives what the client is sent."""

    __slots__ = ("_body", "_minor", "chunked", "ends_by_close", "outgoing", "payload")

    def __init__(self, request: RequestHead, response: ResponseHead) -> None:
        self._body = response.body(request.method)
        self._minor = request.minor
        kind = type(self._body)
        self.ends_by_close = kind is CloseBody
        """The pod ends it by closing its connection."""
        self.chunked = kind is ChunkedBody or kind is CloseBody
        """No length is known: an HTTP/1.1 client gets it in chunks, an HTTP/1.0 client until we close."""
        self.outgoing = b""
        """What the client is to be sent of the bytes fed last."""
        self.payload = b""
        """The body's own bytes among them."""

    @property
    def done(self) -> bool:
        """Whether all of it has come."""
        return self._body is None or self._body.done

    def feed(self, data: bytes, start: int) -> int:
        """Take ``data`` from ``start`` on; the position after the body. Malformed if its form is broken."""
        body = self._body
        if body is None:
            self.outgoing = self.payload = b""
            return start
        end = body.feed(data, start)
        self.outgoing = self.payload = piece = data[start:end]
        if self.chunked:
            if type(body) is ChunkedBody:
                self.payload = body.take_payload()
                if self._minor == 0:
                    self.outgoing = self.payload
            elif self._minor == 1 and piece:
                self.outgoing = b"%x\r\n%b\r\n" % (len(piece), piece)
        return end

    def end_by_close(self) -> bytes:
        """What the client is still to be sent when the pod has closed its connection."""
        return b"0\r\n\r\n" if self._minor == 1 else b""
