"""Templates of requests: a path, headers and a body with places for the session's id and the answer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

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


@cache
def path_pattern(path: str) -> re.Pattern[str]:
    """What a request's path must match, with the group ``id`` where the template has the id."""
    before, mark, after = path.partition(ID)
    return re.compile(re.escape(before) + (r"(?P<id>[^/]+)" if mark else "") + re.escape(after))
