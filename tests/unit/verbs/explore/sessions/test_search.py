"""The search over the orders of a service that is a few functions: its counts, and what is inconclusive."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from devenv.core.model.errors import DevenvError, EnvironmentProblem, Inconclusive
from devenv.core.model.requests import Request, Rule
from devenv.core.model.session_profile import SessionProfile, SessionRequest
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.meeting import parse_session_meeting
from devenv.core.serializability.orders import START, Choice, OrderStep
from devenv.verbs.explore.sessions import search as search_module
from devenv.verbs.explore.sessions.search import SessionRemote, SessionSearch
from devenv.wire.executor.session_jobs import SessionJob, SessionRun

Session = dict[str, str] | None
Step = tuple[str, Callable[["Store", dict[str, Any]], None]]
"""A Redis command, and what it does to the store and to the request's own variables."""
OK = HttpAnswer(200, b"{}")
GONE = HttpAnswer(401, b"no session")
NUMBERS = itertools.count()


@dataclass
class Store:
    """What lies in Redis."""

    session: Session = field(default_factory=lambda: {"user": "alice"})


def get(store: Store, mine: dict[str, Any]) -> None:
    mine["session"] = None if store.session is None else dict(store.session)
    mine["answer"] = GONE if store.session is None else OK


def put(name: str) -> Callable[[Store, dict[str, Any]], None]:
    """Write the whole session, as it was read, with one field more."""

    def write(store: Store, mine: dict[str, Any]) -> None:
        if mine["session"] is not None:
            store.session = {**mine["session"], name: "1"}

    return write


def delete(store: Store, mine: dict[str, Any]) -> None:
    if mine["session"] is not None:
        store.session = None


def nothing(store: Store, mine: dict[str, Any]) -> None:
    mine["answer"] = OK


PROGRAMS: Mapping[str, Sequence[Step]] = {
    "a": (("GET", get), ("SET", put("a"))),
    "b": (("GET", get), ("SET", put("b"))),
    "logout": (("GET", get), ("DEL", delete)),
    "idle": (("GET", nothing),),
    "silent": (),
}
PROFILE = SessionProfile(
    open=(Request("/login"),),
    ask=Request("/me", "GET"),
    requests={
        name: SessionRequest(Request(f"/{name}"), ends=name == "logout") for name in PROGRAMS
    },
    gone=(Rule(status=(401,)),),
)  # fmt: skip


def shown(store: Store) -> HttpAnswer:
    return GONE if store.session is None else HttpAnswer(200, json.dumps(store.session).encode())


class Service:
    """Runs jobs as the executor does: one command at a time, by the choices of the prefix."""

    def __init__(self, ask: Callable[[Store], HttpAnswer] = shown) -> None:
        self.ask = ask
        self.requests = 0

    def run(self, jobs: Sequence[SessionJob]) -> list[SessionRun]:
        """The jobs' results."""
        return [self._run(job) for job in jobs]

    def _run(self, job: SessionJob) -> SessionRun:
        store = Store()
        steps = {step: list(PROGRAMS[call.request]) for step, call in enumerate(job.calls)}
        variables: dict[int, dict[str, Any]] = {step: {"answer": OK} for step in steps}
        begun: list[int] = []
        path: list[OrderStep] = []

        def command(step: int, possible: tuple[Choice, ...]) -> None:
            label, effect = steps[step].pop(0)
            effect(store, variables[step])
            path.append(OrderStep(Choice(step), label, possible, "sess:1"))

        if job.sequence is not None:
            for step in job.sequence:
                begun.append(step)
                while steps[step]:
                    command(step, ())
        prefix = list(job.prefix)
        while job.sequence is None:
            waiting = [step for step in steps if step not in begun]
            possible = tuple(map(Choice, (*waiting, *(step for step in begun if steps[step]))))
            if not possible:
                break
            choice = prefix.pop(0) if prefix else possible[0]
            if choice.request in waiting:
                begun.append(choice.request)
                path.append(OrderStep(choice, START, possible))
            else:
                command(choice.request, possible)
        answers = {step: variables[step]["answer"] for step in begun}
        return SessionRun(OK, tuple(path), End(answers, self.ask(store)), ("sid",))


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "APART_SECONDS", 0.0)


def searched(expression: str, service: Service) -> SessionSearch:
    search = SessionSearch(
        cast(SessionRemote, service), PROFILE, {}, parse_session_meeting(expression, PROFILE),
        ["pod-a", "pod-b"], lambda line: None,
    )  # fmt: skip
    search.run()
    return search


def bad_orders(search: SessionSearch) -> tuple[int, int]:
    counts = search.counts().values()
    return sum(bool(count.kinds) for count in counts), len(counts)


def test_every_order_of_two_changes_is_run_and_each_kind_is_run_again() -> None:
    search = searched("a+b", Service())
    assert (bad_orders(search), search.incomplete, search.unclear()) == ((4, 6), None, ())
    [(violation, _)] = search.confirmed(3)
    assert (violation.kind, violation.order) == ("lost-update", "a:GET b:GET b:SET a:SET")
    assert (violation.confirmed, violation.replayed, str(violation.seen_in)) == (True, 3, "4 of 6 orders")


def test_a_session_that_comes_back_is_found_and_a_budget_is_no_pass() -> None:
    search = searched("a+logout", Service())
    assert bad_orders(search) == (2, 6)
    [(violation, _)] = search.confirmed(3)
    assert (violation.kind, violation.order) == ("session-came-back", "a:GET logout:GET logout:DEL a:SET")
    short = SessionSearch(
        cast(SessionRemote, Service()), PROFILE, {}, parse_session_meeting("a+logout", PROFILE),
        ["pod-a", "pod-b"], lambda line: None, most_runs=1,
    )  # fmt: skip
    short.run()
    assert short.incomplete == "the budget was used up"


def once_explored(otherwise: HttpAnswer) -> SessionSearch:
    """A search of a service that asks answers ``otherwise`` once the violation is run again."""
    asked = itertools.count()
    service = Service(lambda store: shown(store) if next(asked) < limit else otherwise)
    limit = 1_000
    search = searched("a+b", service)
    limit = next(asked) + 6  # the five sequences are played once more before
    return search


def test_an_order_that_ends_otherwise_the_next_time_is_not_confirmed() -> None:
    search = once_explored(HttpAnswer(500, b""))
    [(violation, _)] = search.confirmed(3)
    assert (violation.confirmed, violation.replayed) == (False, 0)
    assert violation.why == "run again, it ended otherwise: then GET /me 500"


def test_what_differs_when_it_is_run_again_is_not_compared_and_then_nothing_is_concluded() -> None:
    search = once_explored(HttpAnswer(200, b'{"user": "alice", "a": "1", "b": "1"}'))
    assert search.confirmed(3) == []
    assert search.unclear()[0].startswith("all of the answer of GET /me changes from run to run")


def longer(store: Store) -> HttpAnswer:
    """Every answer has one word more than the one before."""
    return HttpAnswer(200, b"x " * next(NUMBERS))


def second_play_differs(store: Store) -> HttpAnswer:
    """The five sequences of two requests are answered otherwise when they are played again."""
    return HttpAnswer(200 if next(NUMBERS) < 5 else 204, b"")


def always_gone(store: Store) -> HttpAnswer:
    return GONE


def never_gone(store: Store) -> HttpAnswer:
    return OK


@pytest.mark.parametrize(
    ("expression", "ask", "reason"),
    [
        ("a+b", longer, "all of the answer of GET /me changes from run to run"),
        ("a+idle", shown, "GET /me answers the same with and without idle (POST /idle): a lost idle cannot"),
    ],
)
def test_what_cannot_be_told_apart_is_no_pass(
    monkeypatch: pytest.MonkeyPatch, expression: str, ask: Callable[[Store], HttpAnswer], reason: str
) -> None:
    monkeypatch.setitem(globals(), "NUMBERS", itertools.count())
    search = searched(expression, Service(ask))
    assert not search.kinds()
    assert any(text.startswith(reason) for text in search.unclear())


@pytest.mark.parametrize(
    ("expression", "ask", "problem", "message"),
    [
        ("a+b", second_play_differs, Inconclusive, "ended in different ways: no request, a, b"),
        ("a+b", always_gone, Inconclusive, "right after session.open, GET /me was answered 401"),
        (
            "a+logout",
            never_gone,
            Inconclusive,
            "session.requests.logout ends the session, but after it alone",
        ),
        ("2 silent", shown, EnvironmentProblem, "no request sent a Redis command through the gate"),
    ],
)
def test_where_nothing_can_be_compared_nothing_is_explored(
    monkeypatch: pytest.MonkeyPatch,
    expression: str,
    ask: Callable[[Store], HttpAnswer],
    problem: type[DevenvError],
    message: str,
) -> None:
    monkeypatch.setitem(globals(), "NUMBERS", itertools.count())
    with pytest.raises(problem, match=message):
        searched(expression, Service(ask))
