"""Opens a login session on each pod of a running stack and asks the others for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import httpx

from devenv.core.doctor_rules.advice import UNEXPLAINED
from devenv.core.doctor_rules.facts import Crossing, TraceCause
from devenv.core.model.events import RedisCommand, trace_event
from devenv.core.model.service import ServiceSpec
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import POD_HEADER
from devenv.core.render.page_text import page_line
from devenv.harness.client.login import LoginClient
from devenv.harness.runs.trace import mark, trace_since
from devenv.stack.loopback import local_client

_KIND = "session"
_MOST_CHARACTERS = 120
_MOST_COMMANDS = 6
_LOST = "without a session the answer is the same"


@dataclass(slots=True)
class PodsWithLogin:
    """The pods of one stack, as a client with a login session meets them."""

    http: httpx.Client
    service: ServiceSpec

    def crossings(self, creator: str, users: Sequence[str]) -> list[Crossing]:
        """A session that is opened on ``creator``, and asked for on each of ``users``."""
        session = self.service.session
        assert session is not None
        client = LoginClient(self.http, session, self.service.profile.headers)
        stranger = LoginClient(self.http, session, self.service.profile.headers)
        others, on_creator = [user for user in users if user != creator], {POD_HEADER: creator}
        try:
            answer = client.open(on_creator)
            if answer.status_code < 400 and client.opened:
                if session.first_change is not None:
                    client.send(session.first_change, on_creator)
                there = [client.send(session.ask, on_creator) for _ in range(2)]
                without = stranger.send(session.ask, on_creator)
                return [self._crossing(client, creator, user, there, without) for user in others]
            why = f"not opened: {_short(answer)}"
        except httpx.HTTPError as error:
            why = f"no answer: {type(error).__name__}"
        return [Crossing(_KIND, creator, user, why, unclear=True) for user in others]

    def _crossing(
        self,
        client: LoginClient,
        creator: str,
        user: str,
        there: Sequence[httpx.Response],
        without: httpx.Response,
    ) -> Crossing:
        """``there``: what the creator answers twice; ``without``: what it answers who has no session."""
        if client.is_gone(there[0]):
            answer = f"not known on {creator} itself: {_short(there[0])}"
            return Crossing(_KIND, creator, user, answer, unclear=True)
        here = client.send(client.session.ask, {POD_HEADER: user})
        if client.is_gone(here):
            return Crossing(_KIND, creator, user, _short(here), lost=True)
        if client.is_gone(without) and here.status_code == there[0].status_code:
            return Crossing(_KIND, creator, user, "known")
        texts = {answer.text for answer in there}
        if len(texts) == 1 and without.text not in texts and here.text in {*texts, without.text}:
            if here.text in texts:
                return Crossing(_KIND, creator, user, "known")
            return Crossing(_KIND, creator, user, f"{_short(here)}; {_LOST}", lost=True)
        return Crossing(_KIND, creator, user, _short(here), unclear=True)


def login_crossings(
    status: StackStatus, pods: Sequence[str], timeout: float
) -> tuple[tuple[Crossing, ...], tuple[TraceCause, ...]]:
    """How a session of each of ``pods`` is answered on each other, and what the gate recorded of a lost one.

    Nothing where devenv.toml has no ``[session]``. ``timeout``: the seconds that a request may take.
    """
    service = status.spec.service
    if service is None or service.session is None:
        return (), ()
    before = mark(status.endpoints.control)
    with local_client(status.endpoints.pinned, timeout) as http:
        asked = PodsWithLogin(http, service)
        crossings = tuple(item for creator in pods for item in asked.crossings(creator, pods))
    lost = [item for item in crossings if item.lost]
    if not lost:
        return crossings, ()
    events = (trace_event(item) for item in trace_since(status.endpoints.control, before))
    commands = [item for item in events if isinstance(item, RedisCommand) and item.key is not None]
    return crossings, (_cause(lost, commands),)


def _cause(lost: Sequence[Crossing], commands: Sequence[RedisCommand]) -> TraceCause:
    pods = ", ".join(dict.fromkeys(item.created_on for item in lost))
    if not commands:
        sentence = "meanwhile no pod sent a Redis command about a key: the session is not in Redis"
        change = (
            "keep sessions in the Redis that all pods share; if the cookie carries the session itself, "
            "give all pods the same key for its signature"
        )
        return TraceCause(UNEXPLAINED, pods, sentence, (), change)
    shown = tuple(dict.fromkeys(f"{item.pod} sent {item.command}" for item in commands))[:_MOST_COMMANDS]
    return TraceCause(
        UNEXPLAINED, pods, "the Redis commands of these requests do not tell why", shown,
        "compare the database, the prefix and the signing key of the pods; read their logs",
    )  # fmt: skip


def _short(answer: httpx.Response) -> str:
    return f"HTTP {answer.status_code}: {page_line(answer.text, _MOST_CHARACTERS)}"
