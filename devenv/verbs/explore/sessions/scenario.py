"""A violation of a session as a scenario: ``request`` steps in the order that shows it, and the sequences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from devenv.core.model.schedule import VERSION
from devenv.core.model.service import COOKIE, ID, Request
from devenv.core.model.session_profile import AS_IS, ASK, SessionProfile
from devenv.core.model.vocabulary import CATALOGUE_STORES, REDIS_STORES
from devenv.core.scenario.data import end_data
from devenv.core.serializability.ends import End
from devenv.core.serializability.oracle import Oracle
from devenv.core.serializability.orders import Path
from devenv.verbs.explore.sessions.result import FoundViolation

_SESSION = "{captured:session}"


def session_scenario(
    violation: FoundViolation, oracle: Oracle, path: Path, cookies: Sequence[str], fix: str = AS_IS
) -> str:
    """A scenario file that ``replay`` follows, and that fails as long as the violation is there.

    ``cookies``: the names of those that opening sets; ``fix``: the one that it was found with. How that one
    starts the service, and the headers that go with every request, are devenv.toml's affair.
    """
    session, meeting = oracle.session, oracle.meeting
    pods = [chr(ord("A") + index) for index in range(len(meeting.members))]
    masked = oracle.masks.places
    places = {member.name: masked[member.request] for member in meeting.members if member.request in masked}
    if ASK in masked:
        places[ASK] = masked[ASK]
    together = {
        member.name: _request(session.request(member.request).request, session, cookies, pod)
        for member, pod in zip(meeting.members, pods, strict=True)
    }
    step: dict[str, Any] = {
        "together": together,
        "order": f"{VERSION} " + " ".join(_schedule(path, meeting.names)),
        "ask": _request(session.ask, session, cookies, pods[0]),
        "sequences": [
            end_data(
                End({meeting.names[index]: answer for index, answer in ends[0].answers.items()}, ends[0].ask)
            )
            for ends in oracle.played.values()
        ],
    }
    if places:
        step["masked"] = {name: sorted(map(list, several)) for name, several in places.items()}
    scenario = {
        "version": 1,
        "id": f"explored-{violation.kind}",
        "title": f"{violation.kind}, found by exploring {meeting}",
        "cause": violation.kind,
        "needs": ["X"],
        "about": f"{violation.sentence}. The shortest order of the service's commands that shows it.",
        "stack": {"pods": max(2, len(pods)), **({"fix": fix} if fix != AS_IS else {})},
        "stores": {
            str(store): {"bug": True, "shows": violation.sentence}
            if store in REDIS_STORES
            else {"not_applicable": "Its sessions are in Redis."}
            for store in dict.fromkeys((*CATALOGUE_STORES, *REDIS_STORES))
        },
        "steps": [*_opening(session, cookies, pods[0]), step],
    }
    return yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True, width=110)


def _schedule(path: Path, names: Sequence[str]) -> list[str]:
    return [f"{names[step.choice.request]}:{step.label}" for step in path]


def _opening(session: SessionProfile, cookies: Sequence[str], pod: str) -> list[dict[str, Any]]:
    """The requests that open the session; the last one's cookies and id are captured."""
    capture: dict[str, Any] = {
        _captured(number): {"from": "header:set-cookie", "match": rf"(?:^|,\s*){re.escape(name)}=([^;,\s]*)"}
        for number, name in enumerate(cookies)
    }
    if session.id_field or session.id_header:
        capture["session"] = session.id_field or f"header:{session.id_header}"
    *first, last = [_request(request, session, (), pod) for request in session.open]
    return [*first, {**last, **({"capture": capture} if capture else {})}]


def _captured(number: int) -> str:
    return f"cookie{number + 1}"


def _request(request: Request, session: SessionProfile, cookies: Sequence[str], pod: str) -> dict[str, Any]:
    """One request as a step has it."""
    filled = request.fill(None)
    sent = {name: value.replace(ID, _SESSION) for name, value in request.headers.items()}
    of_request = sent.pop(COOKIE, "")
    jar = [f"{name}={{captured:{_captured(number)}}}" for number, name in enumerate(cookies)]
    if cookie := "; ".join(part for part in (*jar, of_request) if part):
        sent[COOKIE] = cookie
    step: dict[str, Any] = {"request": f"{request.method} {request.path.replace(ID, _SESSION)}", "pod": pod}
    content, typed = filled.encoded()
    if content is not None and filled.as_form:
        step["body"] = content.decode()
        sent = {**sent, **typed}
    elif filled.body is not None:
        step["json"] = _with_session(request.body)
    if sent:
        step["headers"] = sent
    return step


def _with_session(data: Any) -> Any:
    if isinstance(data, str):
        return data.replace(ID, _SESSION)
    if isinstance(data, Mapping):
        return {name: _with_session(item) for name, item in data.items()}
    return [_with_session(item) for item in data] if isinstance(data, list | tuple) else data
