"""What answers tell: where the id of a session stands, how "not found", wrong and success look. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from devenv.core.model.cookies import SIGNATURE
from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.service import REDIRECTS, Rule, opens, value_at
from devenv.verbs.init.openapi import called_an_id

_CLASSES = ("0123456789", "abcdef", "ghijklmnopqrstuvwxyz", "ABCDEF", "GHIJKLMNOPQRSTUVWXYZ")
_OF_EVERY_ANSWER = (
    "date",
    "etag",
    "x-request-id",
    "x-served-by",
    "set-cookie",
    "traceparent",
    "server-timing",
)


_FIELDS_OF_ERRORS = frozenset(
    ("error", "errors", "err", "reason", "message", "msg", "detail", "details", "code", "title", "type")
)
"""Fields whose text says why something did not work (RFC 9457 has title, detail and type)."""
_WORDS_OF_ERRORS = ("error", "failed", "failure")
"""Values of a status that say that the service itself failed (JSend: "error")."""


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer of the service."""

    status: int
    body: Mapping[str, Any]
    """Its JSON object; empty where it has none."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By lower-case name."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    """The cookies that it sets."""
    text: str = ""

    @property
    def opened(self) -> bool:
        """Whether a request that opens a session was answered as one."""
        return opens(self.status, self.cookies or None)

    @property
    def first_bytes(self) -> str:
        """The beginning of its body in one line."""
        return " ".join(self.text.split())[:200]


class IdPlace(NamedTuple):
    """Where the id of a new session stands: one of the three, the others are empty."""

    field: str = ""
    header: str = ""
    cookie: str = ""


class Understood(NamedTuple):
    """How the answers of a use look, and what that leaves open."""

    not_found: tuple[Rule, ...]
    wrong: tuple[Rule, ...]
    success: tuple[Rule, ...]
    notes: tuple[str, ...]


def place_of_id(first: Answered, second: Answered) -> IdPlace | None:
    """Where two new sessions have different ids; None where nothing like an id is in the answers."""
    if first.status in REDIRECTS:  # a page to go to is no id
        cookie = _differing(_unsigned(first.cookies), _unsigned(second.cookies))
        return None if cookie is None else IdPlace(cookie=cookie)
    place = _differing(first.body, second.body)
    header = _differing(_telling(first.headers), _telling(second.headers)) if place is None else None
    cookie = _differing(_unsigned(first.cookies), _unsigned(second.cookies)) if header is None else None
    if cookie is not None and place is not None and not called_an_id(place):
        place = None  # a time or the like in the body is no id
    if place is not None:
        return IdPlace(field=place)
    if header is not None:
        return IdPlace(header=header)
    return None if cookie is None else IdPlace(cookie=cookie)


def rules(
    known: Answered, unknown: Answered, takes_answer: bool = True, again: Answered | None = None
) -> Understood:
    """How "not found", wrong and success look: ``known`` is the answer to a wrong answer of a real session,
    ``unknown`` that to an id that was never given out, ``again`` that to a second wrong answer there.

    A use that takes no answer (``takes_answer`` false: a page, a change) is a success unless it says false.
    A wrong answer is known by the text beside a field that is false too, where that text stays the same:
    ``ok: false`` alone is also of an error inside the service.

    Raises EnvironmentProblem where the two answers do not differ.
    """
    values = [(path, item) for path, item in scalars(known.body) if isinstance(item, str | bool)]
    other = dict(scalars(unknown.body))
    notes: tuple[str, ...] = ()
    if known.status != unknown.status:
        not_found: tuple[Rule, ...] = (Rule(status=(unknown.status,)),)
    else:
        mine = dict(scalars(known.body))
        plain = [(path, item) for path, item in other.items() if isinstance(item, str | bool)]
        telling = [(path, item) for path, item in plain if mine.get(path) != item]
        telling = telling or _errors_in_lists(known.body, unknown.body)
        if not telling:
            raise EnvironmentProblem(
                f"a session that was never opened is answered as one that is known: {known.status} "
                f"{known.first_bytes}".rstrip(),
                hint=hint_for(known.status, "--body")
                if known.status >= 400
                else "devenv.toml can say how 'not found' looks: [[profile.not-found]]",
            )
        not_found = (Rule(status=(unknown.status,), equals=dict(telling[:1])),)
    if not takes_answer and known.status < 400 and not any(item is False for _, item in values):
        differing = [(path, item) for path, item in values if other.get(path) != item]
        if known.status != unknown.status or differing:
            equals = {} if known.status != unknown.status else dict(differing[:1])
            return Understood(not_found, (), (Rule(status=(known.status,), equals=equals),), ())
    if not values:
        return Understood(not_found, (Rule(status=(known.status,)),), (), ("how success looks is not known",))
    # A field that is false says "wrong" more surely than the texts beside it; ``ok: true`` beside one that
    # says more is of every answer, and alone it is no wrong answer.
    telling_values = [item for item in values if item[1] is not True]
    falses = [item for item in telling_values if item[1] is False]
    place, value = next(iter([*falses, *telling_values, *values]))
    if value is True:
        note = f"an answer with {place} = true is taken for success; how a wrong one looks is not known"
        return Understood(not_found, (Rule(equals={place: False}),), (Rule(equals={place: True}),), (note,))
    wrong = (Rule(status=(known.status,), equals={place: value}),)
    if value is False:
        beside = _text_beside(values, other, again if again and again.status == known.status else None)
        wrong = (Rule(status=(known.status,), equals={place: value, **beside}),)
        return Understood(not_found, wrong, (Rule(equals={place: True}),), notes)
    if place.rpartition(".")[2].lower() in _FIELDS_OF_ERRORS:  # with another text it is another error
        return Understood(not_found, wrong, (), ("how success looks is not known",))
    notes = (f"success is taken to be any other {place} than {value!r} and a word for an error",)
    return Understood(not_found, wrong, (Rule(differs={place: [value, *_WORDS_OF_ERRORS]}),), notes)


def _errors_in_lists(known: Mapping[str, Any], unknown: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Texts in the first item of a list, with which only ``unknown`` is answered: GraphQL's ``errors``."""
    return [
        (f"{name}.0.{path}" if path else f"{name}.0", text)
        for name, items in unknown.items()
        if isinstance(items, list) and items
        for path, text in scalars(items[0])
        if isinstance(text, str) and value_at(known, f"{name}.0.{path}" if path else f"{name}.0") != text
    ]


def _text_beside(
    values: Sequence[tuple[str, Any]], other: Mapping[str, Any], again: Answered | None
) -> dict[str, str]:
    """The first text of a wrong answer that an unknown session is not answered with; {} where there is none.

    A text that changes from one wrong answer to the next (by the tries that are left) is none; one with a
    digit in it may.
    """
    next_time = None if again is None else dict(scalars(again.body))
    for path, text in values:
        if not isinstance(text, str) or other.get(path) == text or any(map(str.isdigit, text)):
            continue
        if next_time is None or (path in next_time and next_time[path] in (text, other.get(path))):
            return {path: text}
    return {}


def hint_for(status: int, body_flag: str) -> str:
    """What a request that was refused with this status may lack; ``body_flag`` gives it a body."""
    header = "--header 'Authorization=Bearer …' sends a header with every request"
    if status in (401, 403, 407):
        return header
    return f"{body_flag} JSON gives it a body, {header}"


def unknown_like(challenge_id: ChallengeId | int) -> ChallengeId | int:
    """An id of the same form that was never given out: letters and digits are shifted by some places."""
    text = str(challenge_id)
    if text.isdecimal() and len(text) < 9:  # a counter: the next numbers may be given out soon
        moved = str(int(text) + 987_654_321)
    else:
        table: dict[str, str] = {}
        for letters in _CLASSES:
            table |= {item: letters[(index + 3) % len(letters)] for index, item in enumerate(letters)}
        moved = "".join(table.get(item, item) for item in text)
    return int(moved) if isinstance(challenge_id, int) else ChallengeId(moved)


def scalars(body: Any, where: str = "") -> Iterator[tuple[str, Any]]:
    """Every plain value with its dotted path, in order."""
    if isinstance(body, Mapping):
        for name, value in body.items():
            yield from scalars(value, f"{where}.{name}" if where else str(name))
    elif not isinstance(body, list):
        yield where, body


def _telling(headers: Mapping[str, str]) -> dict[str, str]:
    """Those that could have a session's id: not what every answer has of its own."""
    return {name: item for name, item in headers.items() if name not in _OF_EVERY_ANSWER and "." not in name}


def _unsigned(cookies: Mapping[str, str]) -> dict[str, str]:
    """Without those that only sign another."""
    signatures = {f"{name}{SIGNATURE}" for name in cookies}
    return {name: value for name, value in cookies.items() if name not in signatures}


def _differing(first: Mapping[str, Any], second: Mapping[str, Any]) -> str | None:
    """Where two new sessions differ in a text or number that is called like an id, else any longer one."""
    others = dict(scalars(second))
    differ = [
        (path, value)
        for path, value in scalars(first)
        if isinstance(value, str | int) and not isinstance(value, bool) and others.get(path) != value
    ]
    called = [path for path, _ in differ if called_an_id(path)]
    long = [path for path, value in differ if len(str(value)) >= 8]
    return next(iter([*called, *long]), None)
