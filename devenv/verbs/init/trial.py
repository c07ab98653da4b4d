"""Talks to the one started pod: tries kinds of sessions, and finds how many answers one takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx

from devenv.core.model.bodies import answered_fields
from devenv.core.model.cookies import with_others
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import (
    ANSWER,
    COOKIE,
    GONE_STATUSES,
    ID,
    LOCATION,
    Filled,
    Kind,
    Request,
    Rule,
    ServiceProfile,
)
from devenv.core.model.vocabulary import Answer, Outcome
from devenv.harness.client.http_request import http_request
from devenv.verbs.init.answers import Answered, IdPlace, hint_for, place_of_id, rules, scalars, unknown_like
from devenv.verbs.init.openapi import OpenApi

MOST_ANSWERS = 12
"""This many wrong answers in a row, and a session is taken to allow any number."""
_TRIED_ANSWERS = ("devenv", 0, [0])
"""For ``{answer}`` in ``--body``: a text, a number, a list."""
_NAMES_OF_OPERATIONS = ("method", "operationName", "query", "action", "op")
"""Fields that say what a request does, of JSON-RPC, GraphQL and the like."""
_FORM_STATUSES = (400, 415, 422)
"""What services answer to JSON where they want an HTML form."""


class Refused(EnvironmentProblem):
    """A request was not answered as one that opens or uses a session. ``its_fault``: the service broke.

    ``body_flag``: the option that gives such a request another body.
    """

    def __init__(self, request: Request, answer: Answered, body_flag: str = "--create-body") -> None:
        super().__init__(
            f"{request.method} {request.path} answered {answer.status}: {answer.first_bytes}",
            hint=hint_for(answer.status, body_flag),
        )
        self.its_fault = answer.status >= 500


@dataclass(frozen=True, slots=True)
class Opened:
    """A session as its client has it."""

    id: ChallengeId | int
    """As the service wrote it."""
    cookies: Mapping[str, str]
    """All that the service set."""

    @property
    def unknown(self) -> Opened:
        """One that was never opened, like it."""
        return replace(self, id=unknown_like(self.id))


class Pod:
    """The started pod, by HTTP. ``headers`` go with every request."""

    def __init__(self, http: httpx.Client, headers: Mapping[str, str]) -> None:
        self._http = http
        self.headers: Mapping[str, str] = headers

    def send(self, request: Filled) -> Answered:
        """The answer. Raises EnvironmentProblem where none came."""
        self._http.cookies.clear()  # each request is another client's, also after those that looked around
        try:
            answer = self._http.send(http_request(self._http, request, defaults=self.headers))
        except httpx.HTTPError as error:
            raise EnvironmentProblem(
                f"{request.method} {request.path} was not answered ({type(error).__name__})"
            ) from error
        headers = {name.lower(): value for name, value in answer.headers.items()}
        cookies = {item.name: item.value or "" for item in answer.cookies.jar}
        return Answered(answer.status_code, answered_fields(answer.text), headers, cookies, answer.text)

    def open_session(self, kind: Kind, profile: ServiceProfile) -> Opened:
        """A new session. Raises Refused where none was opened."""
        answer = self.send(kind.create.fill(None))
        session = session_in(answer, profile) if answer.opened else None
        if session is None:
            raise Refused(kind.create, answer)
        return Opened(session, answer.cookies)

    def use(self, kind: Kind, session: Opened) -> Answered:
        """The answer to a wrong answer in ``session``; where a use has no answer, to the use."""
        request = kind.verify.fill(session.id, kind.answers.get(str(Answer.WRONG)))
        return self.send(replace(request, headers=with_others(request.headers, session.cookies)))


def session_in(opened: Answered, profile: ServiceProfile) -> ChallengeId | int | None:
    """The id that an answer gives to a new session, as the service wrote it: text or number."""
    return profile.id_to_send(profile.session_of(opened.headers, opened.body), opened.body)


@dataclass(frozen=True, slots=True)
class Tried:
    """What trying one kind of session found."""

    kind: Kind
    place: IdPlace
    not_found: tuple[Rule, ...]
    wrong: tuple[Rule, ...]
    success: tuple[Rule, ...]
    notes: tuple[str, ...]

    def profile(self, base: ServiceProfile) -> ServiceProfile:
        """``base`` as it reads these answers."""
        return replace(
            base, kinds={"session": self.kind}, not_found=self.not_found, wrong=self.wrong,
            success=self.success, id_field=self.place.field, id_header=self.place.header,
            id_cookie=self.place.cookie,
        )  # fmt: skip


def try_pair(
    pod: Pod,
    api: OpenApi,
    create: Request,
    verify: Request,
    base: ServiceProfile,
    body: Mapping[str, Any] | None = None,
) -> Tried:
    """Open two sessions with ``create``, use one with ``verify``, and use one that was never opened.

    ``body``: the fields of the use, where a person said them. Raises Refused where no session is opened or
    the service breaks over its use, and EnvironmentProblem where the answers do not tell enough.
    """
    first, second = pod.send(create.fill(None)), pod.send(create.fill(None))
    for answer in (first, second):
        if not answer.opened:
            raise Refused(create, answer)
    place = place_of_id(first, second)
    if place is None:
        raise EnvironmentProblem(
            f"{create.method} {create.path} gave nothing like an id: {first.first_bytes}",
            hint="devenv.toml can say where it stands: id in [profile]",
        )
    if place.header and place.header != LOCATION:  # from there the id goes into path or body
        verify = verify.with_header(place.header, ID)
    if place.cookie:
        verify = verify.with_header(COOKIE, f"{place.cookie}={ID}")
    answers: dict[str, Any] = {}
    if body is None:
        verify, answers = api.using(verify, place.field.rpartition(".")[2])
    else:
        verify = replace(verify, body=body)
    profile = replace(base, id_field=place.field, id_header=place.header, id_cookie=place.cookie)
    kind = _told_apart(Kind(create, verify, answers=answers))
    session = Opened(session_in(first, profile) or ChallengeId(""), first.cookies)
    if kind.takes_answer and (body is not None or ANSWER in verify.path):
        kind = _with_answer(pod, kind, Opened(session_in(second, profile) or session.id, second.cookies))
    known = pod.use(kind, session)
    if known.status in _FORM_STATUSES and verify.body and not api.paths:
        as_form = replace(kind, verify=replace(verify, body=None, form=verify.body))
        again = pod.use(as_form, session)
        if again.status not in _FORM_STATUSES:
            kind, known = as_form, again
    if known.status >= 500:  # it broke over the request: that is no answer that says "wrong"
        raise Refused(kind.verify, known, "--body")
    unknown = pod.use(kind, session.unknown)
    second_use = pod.use(kind, session) if kind.takes_answer and known.status < 400 else None
    understood = rules(known, unknown, kind.takes_answer, second_use)
    return Tried(kind, place, understood.not_found, understood.wrong, understood.success, understood.notes)


def _told_apart(kind: Kind) -> Kind:
    """With ``match`` where both requests have one path and method: the field by which their bodies differ."""
    create, verify = kind.create, kind.verify
    if (create.path, create.method) != (verify.path, verify.method) or create.match or verify.match:
        return kind
    ours, theirs = dict(scalars(create.fields or {})), dict(scalars(verify.fields or {}))
    differing = [
        name
        for name, text in ours.items()
        if isinstance(text, str) and isinstance(theirs.get(name), str) and theirs[name] != text
    ]
    if not differing:
        return kind
    name = next((item for item in differing if item in _NAMES_OF_OPERATIONS), differing[0])
    filled_in = ID in theirs[name] or ANSWER in theirs[name]  # then it is another text in every use
    return replace(
        kind,
        create=replace(create, match={name: ours[name]}),
        verify=replace(verify, match={} if filled_in else {name: theirs[name]}),
    )


def _with_answer(pod: Pod, kind: Kind, session: Opened) -> Kind:
    """With the first of some answers that the service takes for one; the last where it takes none."""
    for answer in _TRIED_ANSWERS:
        kind = replace(kind, answers={str(Answer.WRONG): answer})
        if pod.use(kind, session).status < 400:
            break
    return kind


def misfit(pod: Pod, kind: Kind, profile: ServiceProfile) -> str | None:
    """Why a kind of a preset does not fit the service, in words; None where it fits.

    It opens a session, uses it with a wrong answer, and uses one that was never opened. Raises Refused.
    """
    session = pod.open_session(kind, profile)
    known, unknown = pod.use(kind, session), pod.use(kind, session.unknown)
    where = f"{kind.verify.method} {kind.verify.path}"
    if profile.outcome(known.status, known.body, known.text) in (Outcome.NOT_FOUND, Outcome.ERROR):
        return f"{where} answers {known.status} {known.first_bytes} in a new session"
    if profile.outcome(unknown.status, unknown.body, unknown.text) is not Outcome.NOT_FOUND:
        return f"{where} answers {unknown.status} {unknown.first_bytes} to an id that was never given out"
    return None


def find_limit(pod: Pod, kind: Kind, profile: ServiceProfile) -> tuple[int | None, str, tuple[Rule, ...]]:
    """How many wrong answers a new session takes, by trying; what is to be noted, "" if nothing; and how a
    session that has ended is answered, where that is another "not found" than of an id that was never given.

    0: any number, as far as was tried; None: not known, as no answer was graded. A use without an answer of
    its own in it is tried as it is.
    """
    if kind.takes_answer and str(Answer.WRONG) not in kind.answers:
        return None, "", ()
    session = pod.open_session(kind, profile)
    for graded in range(MOST_ANSWERS + 1):
        answer = pod.use(kind, session)
        outcome = profile.outcome(answer.status, answer.body, answer.text)
        if outcome is Outcome.WRONG:
            continue
        shown = f"{answer.status} {answer.first_bytes}"
        if not graded:
            note = f"no limit was found: a wrong answer is answered {shown}" if kind.takes_answer else ""
            return None, note, ()
        if outcome is Outcome.ERROR and answer.status in GONE_STATUSES:
            note = f"{shown}, as after {_answers(graded)}, is taken for 'not found' too"
            return graded, note, (Rule(status=(answer.status,)),)
        note = f"after {_answers(graded)} a session is refused with {shown}"
        after = pod.use(kind, session)
        if profile.outcome(after.status, after.body, after.text) is Outcome.NOT_FOUND is not outcome:
            note = f"{note}, which ends it: whether that answer was graded is not known"
            return None, f"{note}; write limit = {graded + 1} into [profile] if it was, else {graded}", ()
        return graded, note if outcome is Outcome.ERROR else "", ()
    return 0, f"{MOST_ANSWERS} wrong answers in a row were graded: no limit", ()


def _answers(count: int) -> str:
    return "1 wrong answer" if count == 1 else f"{count} wrong answers"


def named(kinds: Sequence[Kind]) -> dict[str, Kind]:
    """Kinds by a name made of the path that opens each, all different."""
    by_name: dict[str, Kind] = {}
    for kind in kinds:
        parts = ["".join(c for c in word if c.isalnum() or c in "_-") for word in kind.create.path.split("/")]
        name = next((word for word in reversed(parts) if word), "session").rstrip("s") or "session"
        number = 2
        unique = name
        while unique in by_name:
            unique, number = f"{name}-{number}", number + 1
        by_name[unique] = kind
    return by_name
