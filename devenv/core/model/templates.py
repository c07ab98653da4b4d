"""Templates of requests: a path, headers and a body with places for the session's id and the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, unquote

from devenv.core.model.ids import ChallengeId

ID, ANSWER = "{id}", "{answer}"
"""What stands in a request's template for the session's id and for what is answered."""


def filled(template: Any, challenge_id: ChallengeId | int | None, answer: Any) -> Any:
    """The template with the id and the answer in their places; without an id, fields of the id are left
    out."""
    if template == ANSWER:
        return answer
    if template == ID and isinstance(challenge_id, int):
        return challenge_id
    if isinstance(template, str):
        return template.replace(ID, "" if challenge_id is None else str(challenge_id))
    if isinstance(template, Mapping):
        kept = {name: item for name, item in template.items() if challenge_id is not None or item != ID}
        return {name: filled(item, challenge_id, answer) for name, item in kept.items()}
    if isinstance(template, list | tuple):
        return [filled(item, challenge_id, answer) for item in template]
    return template


def place_of_id(template: Any, where: str = "") -> str | None:
    """The dotted path at which a body's template has the id."""
    if template == ID:
        return where
    inner: list[tuple[str, Any]] = []
    if isinstance(template, Mapping):
        inner = [(str(name), item) for name, item in template.items()]
    elif isinstance(template, list | tuple):
        inner = [(str(index), item) for index, item in enumerate(template)]
    places = (place_of_id(item, f"{where}.{name}" if where else name) for name, item in inner)
    return next((place for place in places if place is not None), None)


class Target(NamedTuple):
    """What a request asks for."""

    path: str
    """Without a slash at its end."""
    query: str

    @classmethod
    def of(cls, text: str) -> Target:
        """The target in ``text``, a path with or without a query."""
        path, _, query = text.partition("?")
        return cls(path.rstrip("/") or "/", query)


def target_id(template: str, target: Target) -> tuple[bool, str | None]:
    """Whether a request's target is one of ``template``, and the id in it, decoded.

    Each parameter of the template's query must be there with its value; one that is the answer may have any
    value, or be left out. The target may have other parameters too.
    """
    pattern, wanted = _parts(template)
    in_path = pattern.fullmatch(target.path)
    if in_path is None:
        return False, None
    in_place = in_path["id"] if pattern.groups else None
    session = None if in_place is None else unquote(in_place)
    parameters = dict(parse_qsl(target.query, keep_blank_values=True)) if wanted else {}
    for name, value in wanted:
        if ANSWER in value:
            continue
        given = parameters.get(name)
        around = re.fullmatch("(.*)".join(map(re.escape, value.split(ID, 1))), given or "", re.DOTALL)
        if given is None or around is None:
            return False, None
        session = around[1] if ID in value else session
    return True, session


@cache
def _parts(template: str) -> tuple[re.Pattern[str], list[tuple[str, str]]]:
    """The pattern of a template's path, and the parameters of its query."""
    path, _, query = template.partition("?")
    return path_pattern(path), parse_qsl(query, keep_blank_values=True)


@cache
def path_pattern(path: str) -> re.Pattern[str]:
    """What a request's path must match, with the group ``id`` where the template has the id."""
    before, mark, after = path.partition(ID)
    return re.compile(re.escape(before) + (r"(?P<id>[^/]+)" if mark else "") + re.escape(after))
