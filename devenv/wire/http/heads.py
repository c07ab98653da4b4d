"""Message heads (RFC 9112 §2 to §6): bytes in, what a reverse proxy must know and the lines to pass on out.

Strict where leniency would let two parsers see two messages: CRLF only, no folded lines, no space before the
colon, one meaning for the length. Pure: no I/O.
"""

from __future__ import annotations

import re
from typing import TypeVar

from devenv.core.model.http_name import HTTP_NAME
from devenv.core.routing import AFFINITY_COOKIE
from devenv.wire.http.bodies import Body, ChunkedBody, CloseBody, LengthBody, Malformed

MAX_EMPTY_LINES = 8
"""Empty lines before a request that are skipped; RFC 9112 §2.2 speaks of at least one."""
MAX_TARGET = 8192
MAX_HEAD = 32768
MAX_RESPONSE_HEAD = 65536

SHARED = 256
"""Parsed heads that are remembered, per direction."""
MAX_SHARED = 2048
"""Bytes of the longest head that is remembered."""

_TOKEN = HTTP_NAME.encode() + b"+"
_FIELDS = rb"(?:\r\n" + _TOKEN + rb":[\t\x20-\x7e\x80-\xff]*+)*+\Z"
_REQUEST = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]++) HTTP/1\.([01])" + _FIELDS)
_REQUEST_LINE = re.compile(rb"(" + _TOKEN + rb") ([\x21-\x7e]++) HTTP/([0-9])\.([0-9])\Z")
_RESPONSE = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: [\t\x20-\x7e\x80-\xff]*+)?" + _FIELDS)
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)([/?][^#]*)?\Z", re.IGNORECASE)
_HOST = re.compile(rb"[A-Za-z0-9.\-_~%!$&'()*+,;=:\[\]]*\Z")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._\-]{1,128}\Z")
_COOKIE = re.compile(rb"(?:^|;)[ \t]*" + AFFINITY_COOKIE.encode() + rb"=([^; \t]*)")
_PARTIAL_TARGET = re.compile(_TOKEN + rb" [^ \r\n]{%d}" % (MAX_TARGET + 1))

# Fields of a request that the proxy reads; those it does not pass on as they are, it writes itself.
_READ_IN_REQUESTS = frozenset(
    (
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"transfer-encoding",
        b"upgrade",
        b"x-devenv-client",
        b"x-devenv-pod",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-request-id",
    )
)
_READ_IN_RESPONSES = frozenset(
    (
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-connection",
        b"transfer-encoding",
        b"upgrade",
        b"x-request-id",
        b"x-served-by",
    )
)


class RequestHead:
    """One request's head; never changed once parsed, as equal heads share one object.

    ``outgoing`` is the head to send to a pod (HTTP/1.1, hop-by-hop fields left out), up to the value of
    X-Request-Id, which is the last field but the X-Forwarded ones. ``facts_vary``: it carries a field that a
    choice of the pod may depend on. ``devenv_client``: the client's address and port, where a balancer in
    front names it. ``simple``: its response is passed on as it is, if that has a length.
    """

    __slots__ = (
        "chunked",
        "content_length",
        "cookie",
        "devenv_client",
        "expects_continue",
        "facts_vary",
        "forwarded_for",
        "forwarded_proto",
        "host",
        "keep_alive",
        "method",
        "minor",
        "outgoing",
        "pin",
        "request_id",
        "simple",
        "target",
        "upgrade",
    )

    def __init__(self, method: bytes, target: bytes, minor: int) -> None:
        self.method = method
        self.target = target
        self.minor = minor
        self.host: bytes | None = None
        self.content_length: int | None = None
        self.chunked = False
        self.keep_alive = minor == 1
        self.expects_continue = False
        self.upgrade: bytes | None = None
        self.cookie: str | None = None
        self.pin: str | None = None
        self.devenv_client: str | None = None
        self.request_id: bytes | None = None
        self.forwarded_for: bytes | None = None
        self.forwarded_proto: bytes | None = None
        self.facts_vary = False
        self.simple = minor == 1 and method != b"HEAD"
        self.outgoing = b""

    def body(self) -> Body | None:
        """The framing of the body that follows; None where there is none."""
        if self.chunked:
            return ChunkedBody()
        return LengthBody(self.content_length) if self.content_length else None

    def forwarded(self, peer: bytes) -> bytes:
        """The end of the outgoing head, for a client at ``peer``."""
        chain = peer if self.forwarded_for is None else self.forwarded_for + b", " + peer
        return b"\r\nX-Forwarded-For: %b\r\nX-Forwarded-Proto: %b\r\n\r\n" % (
            chain,
            self.forwarded_proto or b"http",
        )


class ResponseHead:
    """One response's head; never changed once parsed.

    ``outgoing`` is the head to send to a client as far as it does not depend on the request: status line
    (HTTP/1.1), fields without the hop-by-hop ones, Content-Length, and X-Served-By if the pod gave one.
    ``upgrade`` is the protocol of a 101. ``bodiless``: it has no body, whatever its fields say;
    ``names_body``: they say that it has one. ``reusable``: the pod's connection can carry another request
    once this response has ended.
    """

    __slots__ = (
        "bodiless",
        "chunked",
        "content_length",
        "keep_alive",
        "minor",
        "names_body",
        "outgoing",
        "reusable",
        "served_by",
        "status",
        "upgrade",
    )

    def __init__(self, status: int, minor: int) -> None:
        self.status = status
        self.minor = minor
        self.content_length: int | None = None
        self.chunked = False
        self.keep_alive = minor == 1
        self.served_by: bytes | None = None
        self.upgrade: bytes | None = None
        self.outgoing = b""
        self.bodiless = status in (204, 304) or status < 200  # RFC 9112 §6.3
        self.names_body = False
        self.reusable = False

    def reusable_after(self, method: bytes) -> bool:
        """``reusable`` for the response to a ``method`` request: a pod may send the body that HEAD names."""
        return self.reusable and not (method == b"HEAD" and self.names_body)

    def body(self, method: bytes) -> Body | None:
        """The framing of the body that follows a ``method`` request's response; None where there is none."""
        if method == b"HEAD" or self.bodiless:
            return None
        if self.chunked:
            return ChunkedBody()
        if self.content_length is None:
            return CloseBody()
        return LengthBody(self.content_length) if self.content_length else None


_Head = TypeVar("_Head", RequestHead, ResponseHead)
_requests: dict[bytes, RequestHead] = {}
_responses: dict[bytes, ResponseHead] = {}


def parse_request_head(data: bytes) -> tuple[RequestHead, int] | None:
    """The request head at the start of ``data`` and the position after it; None where it is incomplete.

    A few empty lines before it are skipped (RFC 9112 §2.2). Raises Malformed with the status to answer: 400,
    414 for a target above ``MAX_TARGET``, 417, 431 for a head above ``MAX_HEAD``, 501, 505.
    """
    start = 0
    if data[:1] == b"\r":
        while data.startswith(b"\r\n", start):
            start += 2
            if start > 2 * MAX_EMPTY_LINES:
                raise Malformed(f"more than {MAX_EMPTY_LINES} empty lines before the request")
    end = data.find(b"\r\n\r\n", start)
    if end < 0 or end - start > MAX_HEAD:
        _check_limits(data[start:] if end < 0 else data[start:end])
        return None
    block = data[start:end]
    head = _requests.get(block)
    if head is None:
        head = _request(block)
        _remember(_requests, block, head)
    return head, end + 4


def _remember(heads: dict[bytes, _Head], block: bytes, head: _Head) -> None:
    """Keep a parsed head: a client sends nearly the same one with every request, and so does a pod."""
    if len(block) <= MAX_SHARED:
        if len(heads) >= SHARED:
            heads.clear()
        heads[block] = head


def _request(block: bytes) -> RequestHead:
    """The head whose bytes ``block`` are, without the empty line."""
    match = _REQUEST.match(block)
    if match is None:
        raise _why_malformed(block)
    method, target, minor = match.groups()
    if len(target) > MAX_TARGET:
        raise Malformed(f"the request target is longer than {MAX_TARGET} bytes", 414)
    head = RequestHead(method, target, 1 if minor == b"1" else 0)
    hop_by_hop = b""
    lines: list[bytes] = []
    for line in block.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name not in _READ_IN_REQUESTS:
            lines.append(line)
            continue
        value = value.strip(b" \t")
        if name == b"host":
            if head.host is not None or _HOST.match(value) is None:
                raise Malformed("the request has a malformed Host or more than one")
            head.host = value
        elif name == b"connection":
            hop_by_hop = hop_by_hop + b"," + value if hop_by_hop else value
        elif name == b"content-length":
            head.content_length = _content_length(value, head.content_length)
        else:
            _read_request_field(head, name, value, lines)
    if hop_by_hop or head.upgrade is not None:
        _apply_connection(head, hop_by_hop, lines)
    _check_request(head)
    head.facts_vary = head.cookie is not None or head.forwarded_for is not None
    head.outgoing = _outgoing(head, lines)
    return head


def _outgoing(head: RequestHead, lines: list[bytes]) -> bytes:
    """See ``RequestHead.outgoing``."""
    parts = [b"%b %b HTTP/1.1\r\nHost: %b" % (head.method, head.target, head.host or b"localhost"), *lines]
    if head.content_length is not None:
        parts.append(b"Content-Length: %d" % head.content_length)
    elif head.chunked:
        parts.append(b"Transfer-Encoding: chunked")
    if head.expects_continue:
        parts.append(b"Expect: 100-continue")
    if head.upgrade is not None:
        parts.append(b"Connection: Upgrade\r\nUpgrade: " + head.upgrade)
    parts.append(b"X-Request-Id: ")
    return b"\r\n".join(parts)


def _read_request_field(head: RequestHead, name: bytes, value: bytes, lines: list[bytes]) -> None:
    """The less frequent fields."""
    if name == b"transfer-encoding":
        if head.chunked or value.lower() != b"chunked":
            raise Malformed("only the transfer coding chunked is understood, and only once", 501)
        head.chunked = True
    elif name == b"cookie":
        lines.append(b"Cookie: " + value)
        affinity = _COOKIE.search(value)
        if affinity is not None:
            head.cookie = affinity[1].decode("latin-1")
    elif name == b"expect":
        if value.lower() != b"100-continue":
            raise Malformed("only the expectation 100-continue is understood", 417)
        head.expects_continue = head.minor == 1
    elif name == b"upgrade":
        head.upgrade = value if head.upgrade is None else head.upgrade + b", " + value
    elif name == b"x-request-id":
        if _REQUEST_ID.match(value) is not None:
            head.request_id = value
    elif name == b"x-devenv-pod":
        head.pin = value.decode("latin-1")
    elif name == b"x-devenv-client":
        head.devenv_client = value.decode("latin-1")
    elif name == b"x-forwarded-for":
        if value:
            head.forwarded_for = value if head.forwarded_for is None else head.forwarded_for + b", " + value
    elif name == b"x-forwarded-proto":
        head.forwarded_proto = value
    elif name == b"te" and b"trailers" in value.lower():
        lines.append(b"TE: trailers")


def _apply_connection(head: RequestHead, value: bytes, lines: list[bytes]) -> None:
    """RFC 9110 §7.6.1: what Connection names goes no further; it never takes framing or Host away."""
    named = [word.strip(b" \t") for word in value.lower().split(b",")]
    if b"close" in named:
        head.keep_alive = False
    elif b"keep-alive" in named:
        head.keep_alive = True
    # h2c is another protocol, in which single requests could not be seen any more
    wanted = head.upgrade is not None and b"upgrade" in named and b"h2c" not in head.upgrade.lower()
    if not wanted or head.minor == 0:
        head.upgrade = None
    _drop_named(lines, named)


def _drop_named(lines: list[bytes], named: list[bytes]) -> None:
    extra = {word for word in named if word not in (b"close", b"keep-alive", b"upgrade", b"")}
    if extra:
        lines[:] = [line for line in lines if line.partition(b":")[0].lower() not in extra]


def _check_request(head: RequestHead) -> None:
    if head.chunked:
        if head.content_length is not None:
            raise Malformed("Content-Length together with Transfer-Encoding")
        if head.minor == 0:
            raise Malformed("Transfer-Encoding in an HTTP/1.0 request")
    if head.upgrade is not None and (head.chunked or head.content_length):
        head.upgrade = None
    if head.host is None and head.minor == 1:
        raise Malformed("an HTTP/1.1 request needs a Host")
    target = head.target
    if target[0] == 0x2F:  # "/"
        return
    if head.method == b"CONNECT":
        raise Malformed("CONNECT is not served here", 501)
    absolute = _ABSOLUTE.match(target)
    if absolute is not None and _HOST.match(absolute[1]) is not None:
        path = absolute[2] or b"/"
        head.host = absolute[1]
        head.target = path if path.startswith(b"/") else b"/" + path
    elif target != b"*" or head.method != b"OPTIONS":
        raise Malformed("the request target is neither a path nor an http URL")


def _content_length(value: bytes, earlier: int | None) -> int:
    if not value.isdigit() or len(value) > 18:
        raise Malformed("Content-Length is no whole number")
    length = int(value)
    if earlier is not None and earlier != length:
        raise Malformed("two different Content-Length")
    return length


def _check_limits(data: bytes) -> None:
    if _PARTIAL_TARGET.match(data) is not None:
        raise Malformed(f"the request target is longer than {MAX_TARGET} bytes", 414)
    if len(data) > MAX_HEAD:
        raise Malformed(f"the request head is longer than {MAX_HEAD} bytes", 431)
    newline = data.find(b"\n")
    if newline > 0 and data[newline - 1] != 0x0D:
        raise Malformed("a line ends in LF without CR")
    if newline > 0 and _REQUEST_LINE.match(data[: newline - 1]) is None:
        raise _why_malformed(data[: newline - 1])


def _why_malformed(block: bytes) -> Malformed:
    line = block.partition(b"\r\n")[0]
    match = _REQUEST_LINE.match(line)
    if match is None:
        return Malformed("the request line is malformed")
    if match[3] != b"1":
        return Malformed("only HTTP/1.1 and HTTP/1.0 are spoken here", 505)
    return Malformed("a header line is malformed")


def parse_response_head(data: bytes, request_id: bytes = b"") -> tuple[ResponseHead, int] | None:
    """The response head at the start of ``data`` and the position after it; None where it is incomplete.

    ``request_id``: the X-Request-Id that the request had. A pod that gives it back sends other bytes each
    time, and the field is not passed on: without it the head is one that was met before. Raises Malformed.
    """
    end = data.find(b"\r\n\r\n")
    if end < 0 or end > MAX_RESPONSE_HEAD:
        if len(data) > MAX_RESPONSE_HEAD:
            raise Malformed(f"the response head is longer than {MAX_RESPONSE_HEAD} bytes")
        if not b"HTTP/1.".startswith(data[:7]):
            raise Malformed("the response is not HTTP/1.1")
        return None
    block = data[:end]
    if request_id and request_id in block:
        block = b"%b\r\n" % block
        block = block.replace(b"\r\nx-request-id: %b\r\n" % request_id, b"\r\n", 1)[:-2]
    head = _responses.get(block)
    if head is None:
        head = _response(block)
        _remember(_responses, block, head)
    return head, end + 4


def _response(block: bytes) -> ResponseHead:
    """The head whose bytes ``block`` are, without the empty line."""
    match = _RESPONSE.match(block)
    if match is None:
        raise Malformed("the response head is malformed")
    split = block.split(b"\r\n")
    head = ResponseHead(int(match[2]), 1 if match[1] == b"1" else 0)
    lines = [b"HTTP/1.1" + split[0][8:]]
    lengths: list[bytes] = []
    codings: list[bytes] = []
    named: list[bytes] = []
    for line in split[1:]:
        name, _, value = line.partition(b":")
        name = name.lower()
        if name not in _READ_IN_RESPONSES:
            lines.append(line)
            continue
        value = value.strip(b" \t")
        if name == b"content-length":
            lengths.append(value)
        elif name == b"x-served-by":
            head.served_by = head.served_by or value
        elif name == b"transfer-encoding":
            codings.append(value.lower())
        elif name == b"connection":
            named += [word.strip(b" \t") for word in value.lower().split(b",")]
        elif name == b"upgrade":
            head.upgrade = value
    if named:
        head.keep_alive = b"close" not in named and (head.minor == 1 or b"keep-alive" in named)
        _drop_named(lines, named)
    try:
        _read_framing(head, lengths, codings)
    except Malformed:
        if not head.bodiless:
            raise
        # it ends with its head, whatever the fields say (RFC 9112 §6.3)
        head.content_length, head.chunked, head.names_body = None, False, True
    if head.content_length is not None and head.status >= 200 and head.status != 204:
        lines.append(b"Content-Length: %d" % head.content_length)
    if head.served_by is not None:
        lines.append(b"X-Served-By: " + head.served_by)
    lines.append(b"")
    head.outgoing = b"\r\n".join(lines)
    head.reusable = _may_be_reused(head)
    return head


def _may_be_reused(head: ResponseHead) -> bool:
    """See ``ResponseHead.reusable``.

    Not where a response that has no body by rule names one: the pod may send it all the same, and it would be
    read as the next response (RFC 9112 §6.1, §6.3). Nor after chunks in an HTTP/1.0 response (§6.1), nor
    after a 5xx: some servers (uvicorn) close then without having announced it.
    """
    if not head.keep_alive or head.status >= 500:
        return False
    return not (head.bodiless and head.names_body) and not (head.chunked and head.minor == 0)


def _read_framing(head: ResponseHead, lengths: list[bytes], codings: list[bytes]) -> None:
    """The body's framing from the values of Content-Length and Transfer-Encoding; Malformed if ambiguous."""
    for value in lengths:
        head.content_length = _content_length(value, head.content_length)
    if codings:
        if codings != [b"chunked"]:
            raise Malformed("the response has a transfer coding other than chunked")
        head.chunked = True
        if head.content_length is not None:
            raise Malformed("the response has Content-Length together with Transfer-Encoding")
    head.names_body = head.chunked or bool(head.content_length)
