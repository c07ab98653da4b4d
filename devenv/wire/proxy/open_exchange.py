"""One exchange under way: choose a pod, send the request once, pass the response on, record it.

What may be sent again (RFC 9110 §9.2.2): anything while no byte of it went out, that is when the connection
could not be made; GET and HEAD also when a kept-alive connection turned out to be closed. A POST never.
"""

from __future__ import annotations

from devenv.core.model.events import ExchangeOutcome
from devenv.wire.http.bodies import Body, ChunkedBody, Malformed
from devenv.wire.http.heads import RequestHead, ResponseHead, parse_response_head
from devenv.wire.http.json_bodies import bounded, collect
from devenv.wire.proxy.answers import error_response
from devenv.wire.proxy.balancer import request_facts
from devenv.wire.proxy.ends import Timer, UpstreamEnd
from devenv.wire.proxy.exchanges import ExchangeRecord
from devenv.wire.proxy.failures import ConnectFailure, Failure
from devenv.wire.proxy.flow import FlowControl
from devenv.wire.proxy.responses import ResponseBody, rest_of_head
from devenv.wire.proxy.shared import Shared
from devenv.wire.proxy.states import EXCHANGE_TRANSITIONS, ExchangeState
from devenv.wire.proxy.tunnel import ExchangeClient, Tunnel
from devenv.wire.proxy.upstream import Pod

CLIENT_CLOSED = 499
"""The status recorded where the client left before it was sent one, as nginx does."""

_SAFE_TO_REPEAT = (b"GET", b"HEAD")

# not by way of the class: an enum's attributes are slow to read
_ANSWERED = ExchangeOutcome.ANSWERED
_CHOOSING, _CONNECTING, _AWAITING_RESPONSE, _RESPONDING, _ENDED = ExchangeState


class OpenExchange(FlowControl):
    """A request, from its head to the last byte of its response; see ``ExchangeState``."""

    one_to_one = False
    """The client's connection ends with the pod's."""

    def __init__(self, client: ExchangeClient, shared: Shared, head: RequestHead, body: Body | None) -> None:
        self._client: ExchangeClient = client
        self._shared = shared
        self._head = head
        self._body = body
        self._started = self._progress = shared.clock()
        self.state: ExchangeState = _CHOOSING
        self.pod: Pod | None = None
        self.status = 0
        """0 until a response head went to the client."""
        self._upstream: UpstreamEnd | None = None
        self._unreachable: dict[str, ConnectFailure] | None = None
        self._set_cookie: str | None = None
        self._pending = 0
        """Bytes of the body that wait for a connection."""
        self._partial_head = b""
        self._joining: tuple[ResponseHead, Timer] | None = None
        """A response head that waits for its body, and what ends its wait."""
        self._response: ResponseHead | None = None
        self._repeated = False
        self._interim = 0
        """Interim (1xx) responses so far."""
        self._reusable = True
        self._close = False
        self._sent: bytes | None = b""
        """The JSON body of the request as far as it has come, for the record; None where it is none."""
        self._answer: bytes | None = b""
        """That of the response."""

    # -- towards the pod

    @property
    def request_received(self) -> bool:
        """Whether the whole request was received from the client."""
        return self._body is None or self._body.done

    def start(self, first: bytes) -> None:
        """Choose a pod and send the head and ``first``, the part of the body that is there already."""
        shared, head, client = self._shared, self._head, self._client
        self._request_id = head.request_id or shared.new_request_id()
        if not self._decide():
            return
        if head.forwarded_for is None and head.forwarded_proto is None:
            forwarded = client.forwarded
        else:
            forwarded = head.forwarded(client.peer_host)
        self._outgoing = head.outgoing + self._request_id + forwarded + first
        if first:
            self._collect_sent(first)
        self._choose()

    def _decide(self) -> bool:
        """Who chooses: the pin of the request, or the policy. Whether there is such a pod."""
        balancer, head = self._shared.balancer, self._head
        self._policy = balancer.policy_text
        self._pin: str | None = balancer.policy.pin
        if head.pin is not None:
            self._pin = balancer.named(head.pin)
            if self._pin is None:
                pods = ", ".join(balancer.pods)
                self._refuse(400, f"X-Devenv-Pod: unknown pod {head.pin!r}; pods: {pods}", "unknown pod")
                return False
            self._policy = f"pinned:{self._pin}"
        return True

    def _choose(self) -> None:
        """One try at one pod; the pods that could not be reached are not tried again."""
        shared, client = self._shared, self._client
        balancer = shared.balancer
        if self._pin is not None:
            name = self._pin
        else:
            facts = request_facts(self._head, client.facts) if self._head.facts_vary else client.facts
            choice = balancer.choose(facts, self._unreachable)
            if choice is None:
                self._no_pod()
                return
            name, self._set_cookie = choice
            if balancer.policy.keeps_connection:
                client.facts = client.facts._replace(previous=name)
        self.pod = pod = shared.pods.by_name[name]
        balancer.in_flight[name] += 1
        connection = pod.take(self._started if self._unreachable is None else shared.clock())
        if connection is None:
            self.state = EXCHANGE_TRANSITIONS[self.state][_CONNECTING]
            shared.connector.connect(pod, self)
        else:
            self._send(connection)

    def connected(self, connection: UpstreamEnd) -> None:
        """The connection that was asked for; unused where the exchange has ended meanwhile."""
        self._progress = self._shared.clock()
        if self.state is _ENDED:
            connection.release(self._progress)
        elif connection.why_closed is not None:
            self._pod_failed(Failure.BROKEN_ANSWER, connection.why_closed)
        else:
            self._send(connection)

    def connect_failed(self, failure: ConnectFailure) -> None:
        """The pod cannot be reached: on to another one, if there is one that may be used."""
        pod = self.pod
        if self.state is _ENDED or pod is None:
            return
        self._shared.balancer.in_flight[pod.name] -= 1
        self.pod = None
        if self._pin is not None:
            self._fail(failure.kind, f"pod {pod.name}: {failure.reason}", pod.name, failure.reason)
            return
        if self._unreachable is None:
            self._unreachable = {}
        self._unreachable[pod.name] = failure
        self.state = EXCHANGE_TRANSITIONS[self.state][_CHOOSING]
        self._choose()

    def _no_pod(self) -> None:
        tried = self._unreachable or {}
        reasons = ", ".join(f"{pod} ({failure.reason})" for pod, failure in tried.items())
        reason = reasons or "there are no pods"
        self._fail(Failure.NO_POD, f"no pod can be reached: {reason}", None, reason)

    def _send(self, connection: UpstreamEnd) -> None:
        self.state = EXCHANGE_TRANSITIONS[self.state][_AWAITING_RESPONSE]
        self._upstream = connection
        connection.begin(self, self._outgoing)
        if self._pending:
            self._pending = 0
            self._client.resume_reading()
        if self._body is not None:
            self._outgoing = b""

    def feed_body(self, data: bytes) -> int:
        """The position in ``data`` after the request's body; Malformed where its form is broken."""
        return len(data) if self._body is None else self._body.feed(data)

    def send_body(self, data: bytes) -> None:
        """More of the request's body."""
        self._collect_sent(data)
        if self._upstream is not None:
            self._progress = self._shared.clock()
            self._upstream.write(data)
            return
        self._outgoing += data
        self._pending += len(data)
        if self._pending > self._shared.limits.buffer:
            self._client.pause_reading()

    def broken_body(self, error: Malformed) -> None:
        """The request's body has no end that could be found."""
        if self.status:
            self._cut_off(error.detail)
        else:
            self._refuse(error.status, error.detail, error.detail)

    def _collect_sent(self, data: bytes) -> None:
        body = self._body
        self._sent = collect(self._sent, body.take_payload() if type(body) is ChunkedBody else data)

    # -- back to the client

    def from_upstream(self, data: bytes) -> None:
        """Bytes of the response."""
        if self.state is _RESPONDING:
            self._pass_on(data, 0, b"")
            return
        if self._partial_head:
            data = self._partial_head + data
            self._stop_joining()
        while True:
            try:
                parsed = parse_response_head(data, self._request_id)
                if parsed is None:
                    self._partial_head = data
                    return
                head, end = parsed
                if head.status >= 200:
                    if end == len(data) and head.content_length and self._head.simple and not head.bodiless:
                        self._join(head, data)
                    else:
                        self._respond(head, data, end)
                    return
            except Malformed as error:
                self._pod_failed(Failure.BROKEN_ANSWER, f"its answer is no HTTP: {error.detail}")
                return
            if head.status == 101:
                self._switch(head, data[end:])
                return
            self._interim += 1
            if self._interim > self._shared.limits.interim:
                reason = f"it sent more than {self._shared.limits.interim} interim (1xx) answers"
                self._pod_failed(Failure.BROKEN_ANSWER, reason)
                return
            if head.names_body:
                self._reusable = False
            if self._head.minor == 1:
                self._client.write(head.outgoing + b"\r\n")
            data = data[end:]

    def _join(self, head: ResponseHead, data: bytes) -> None:
        """Many servers send a head and a small body one after the other: wait, to write them once."""
        shared, self._partial_head = self._shared, data
        self._joining = head, shared.call_later(shared.limits.join, self._send_head_alone)

    def _send_head_alone(self) -> None:
        if self._joining is not None:
            head = self._joining[0]
            self._stop_joining()
            self._respond(head, self._partial_head, len(self._partial_head))

    def _stop_joining(self) -> None:
        if self._joining is not None:
            self._joining[1].cancel()
            self._joining = None

    def _respond(self, head: ResponseHead, data: bytes, end: int) -> None:
        """Send the head, and what of the body came with it, in one write."""
        request, client, pod = self._head, self._client, self.pod
        assert pod is not None
        self._partial_head = b""
        self.status = head.status
        self._response = head
        received = self._body is None or self._body.done
        self._close = close = not request.keep_alive or client.ending or not received
        if not head.reusable:
            self._reusable = False
            if self.one_to_one:
                self._close = close = True
        served_by = pod.served_by if head.served_by is None else b"X-Request-Id: "
        usual = request.simple and not head.bodiless and self._set_cookie is None and not close
        if usual and head.content_length == len(data) - end:
            payload = data[end:]
            client.write(b"".join((head.outgoing, served_by, self._request_id, b"\r\n\r\n", payload)))
            self._answer = collect(b"", payload)
            self._complete(leftover=False)
            return
        self.state = EXCHANGE_TRANSITIONS[self.state][_RESPONDING]
        self._response_body = body = ResponseBody(request, head)
        if body.chunked and request.minor == 0:
            self._close = close = True
        if body.ends_by_close or not head.reusable_after(request.method):
            self._reusable = False
        rest = rest_of_head(
            request.minor,
            chunked=body.chunked and request.minor == 1,
            close=close,
            set_cookie=self._set_cookie,
            served_by=served_by,
            request_id=self._request_id,
        )
        self._pass_on(data, end, head.outgoing + rest)

    def _pass_on(self, data: bytes, start: int, prefix: bytes) -> None:
        body = self._response_body
        try:
            end = body.feed(data, start)
        except Malformed as error:
            self._cut_off(f"the pod's answer is no HTTP: {error.detail}")
            return
        if body.payload:
            self._answer = collect(self._answer, body.payload)
        if prefix or body.outgoing:
            self._client.write(prefix + body.outgoing)
        if body.done:
            self._complete(leftover=end < len(data))
        elif end < len(data) and self._upstream is not None:
            self._upstream.put_back(data[end:], self._shared.later)

    def _switch(self, head: ResponseHead, rest: bytes) -> None:
        """101: the exchange ends here, and a tunnel takes both connections."""
        pod, connection = self.pod, self._upstream
        if self._head.upgrade is None or pod is None or connection is None:
            self._pod_failed(Failure.BROKEN_ANSWER, "it switched protocols without having been asked")
            return
        self.status = 101
        upgrade = head.upgrade or self._head.upgrade
        fields = rest_of_head(
            self._head.minor,
            chunked=False,
            close=False,
            set_cookie=self._set_cookie,
            served_by=pod.served_by if head.served_by is None else b"X-Request-Id: ",
            request_id=self._request_id,
        )
        out = b"%bConnection: Upgrade\r\nUpgrade: %b\r\n%b%b" % (head.outgoing, upgrade, fields, rest)
        self._client.write(out)
        pod.served += 1
        self._shared.log.add(self.record(_ANSWERED, None, self._shared.clock()))
        self.state = EXCHANGE_TRANSITIONS[self.state][_ENDED]
        self._upstream = None
        balancer = self._shared.balancer  # its counts are another dict after the pods were replaced

        def ended() -> None:
            balancer.in_flight[pod.name] -= 1

        tunnel = Tunnel(self._client, connection, ended)
        connection.hand_over(tunnel)
        self._client.start_tunnel(tunnel)

    # -- ends

    def upstream_lost(self, *, was_reset: bool) -> None:
        """The pod closed the connection, or it was reset."""
        self._send_head_alone()
        connection, self._upstream = self._upstream, None
        verb = "reset" if was_reset else "closed"
        if self.state is _RESPONDING:
            body = self._response_body
            if body.ends_by_close and not was_reset:
                self._client.write(body.end_by_close())
                self._complete(leftover=False)
            else:
                self._cut_off(f"the connection was {verb} in the middle of the answer")
        elif self._partial_head:
            reason = f"the connection was {verb} in the middle of the answer's head"
            self._pod_failed(Failure.BROKEN_ANSWER, reason)
        elif (
            self.pod is not None
            and connection is not None
            and connection.reused
            and not self._repeated
            and self._body is None
            and self._head.method in _SAFE_TO_REPEAT
        ):
            self._repeated = True
            self.state = EXCHANGE_TRANSITIONS[self.state][_CONNECTING]
            self._shared.connector.connect(self.pod, self)
        else:
            self._pod_failed(Failure.BROKEN_ANSWER, f"the connection was {verb} before an answer")

    def upstream_half_closed(self) -> bool:
        """See ``ResponseReceiver``: the pod has to be able to go on."""
        return False

    def client_gone(self, abort_reason: str | None) -> None:
        """The client's connection is lost: by the client, or by the proxy for ``abort_reason``."""
        if self.state is _ENDED:
            return
        outcome, reason = ExchangeOutcome.CUT_OFF, abort_reason
        if abort_reason is None:
            outcome, reason = ExchangeOutcome.CLIENT_CLOSED, "the client closed the connection"
            self.status = self.status or CLIENT_CLOSED
        self._shared.log.add(self.record(outcome, reason, self._shared.clock()))
        self._leave()

    def check(self, now: float) -> None:
        """Enforce the time limits; called now and then."""
        if self.state is not _AWAITING_RESPONSE or self._upstream is None:
            return
        waited = now - self._progress
        limits = self._shared.limits
        if self.request_received or self._upstream.write_paused:
            if waited > limits.response:
                self._pod_failed(Failure.NO_ANSWER, f"no answer within {limits.response:g} s")
        elif waited > limits.client:
            reason = f"the rest of the request did not come within {limits.client:g} s"
            self._refuse(408, reason, reason)

    def _pod_failed(self, failure: Failure, reason: str) -> None:
        assert self.pod is not None
        self.pod.last_error = reason
        self._fail(failure, f"pod {self.pod.name}: {reason}", self.pod.name, reason)

    def _fail(self, failure: Failure, detail: str, pod: str | None, reason: str) -> None:
        """Answer in the pod's stead; only before a response head went out."""
        self._answer_ourselves(failure.status, failure.outcome, detail, pod, reason)

    def _refuse(self, status: int, detail: str, reason: str) -> None:
        """Answer a request that no pod shall have; only before a response head went out."""
        self._answer_ourselves(status, ExchangeOutcome.REFUSED, detail, None, reason)

    def _answer_ourselves(
        self, status: int, outcome: ExchangeOutcome, detail: str, pod: str | None, reason: str
    ) -> None:
        self.status = status
        close = not self._head.keep_alive or not self.request_received or self._client.ending
        self._client.write(
            error_response(
                status,
                detail,
                pod=pod,
                reason=reason,
                request_id=self._request_id,
                close=close,
                head_only=self._head.method == b"HEAD",
            )
        )
        now = self._shared.clock()
        self._shared.log.add(self.record(outcome, reason, now))
        self._leave()
        self._client.exchange_ended(now, close=close)

    def _cut_off(self, reason: str) -> None:
        """The answer cannot be completed: break the client's connection, so that it cannot look complete."""
        if self.pod is not None:
            self.pod.last_error = reason
        self._shared.log.add(self.record(ExchangeOutcome.CUT_OFF, reason, self._shared.clock()))
        self._leave()
        self._client.break_off()

    def _complete(self, *, leftover: bool) -> None:
        """The whole answer went to the client. ``leftover``: the pod has sent more than that."""
        now = self._shared.clock()
        pod, connection = self.pod, self._upstream
        assert pod is not None
        pod.served += 1
        self._shared.log.add(self.record(_ANSWERED, None, now))
        self.state = EXCHANGE_TRANSITIONS[self.state][_ENDED]
        self._shared.balancer.in_flight[pod.name] -= 1
        if connection is not None:
            self._upstream = None
            sent = self._body is None or (self._body.done and not connection.unsent())
            if self._reusable and not leftover and sent:
                connection.release(now)
            else:
                connection.discard()
        self._client.exchange_ended(now, close=self._close)

    def _leave(self) -> None:
        """Give back what is held: the count in flight and the connection."""
        self._stop_joining()
        self.state = EXCHANGE_TRANSITIONS[self.state][_ENDED]
        if self.pod is not None:
            self._shared.balancer.in_flight[self.pod.name] -= 1
        connection, self._upstream = self._upstream, None
        if connection is not None:
            connection.discard()

    # -- what is remembered of it

    def record(self, outcome: ExchangeOutcome, error: str | None, now: float) -> ExchangeRecord:
        """The exchange as it is at ``now`` (a reading of the clock)."""
        client, head, shared, started = self._client, self._head, self._shared, self._started
        offset = shared.epoch_minus_clock
        session, new_session = shared.sessions(self._response, head)
        return ExchangeRecord(
            self._request_id,
            client.peer,
            head.method,
            head.target,
            self._policy,
            None if self.pod is None else self.pod.name,
            self.status,
            started + offset,
            now - started,
            outcome,
            error,
            bounded(self._sent) if self._sent else None,
            bounded(self._answer) if self._answer else None,
            session,
            None if client.closed_at is None else client.closed_at + offset,
            new_session,
        )
