"""The atomic store's verify, written by hand from its published command, over the model of its script.

One command a request, with a token of its own: no two requests are equal, so a search keeps all apart.
"""

from __future__ import annotations

import json
from typing import Any

from devenv.core.model.ids import SessionKey
from devenv.core.search.behaviour import Act, Answered, Behaviour, Event, Issued, LearnedProgram
from devenv.core.search.composition import Composition
from devenv.core.search.redis_store import RedisStore, fresh_database
from devenv.core.search.states.product_states import ProductSearch
from devenv.core.spec.scripts import claim

KEY = SessionKey("rcaptcha:abstract:1")
SHA = "claim"
STORE = RedisStore({SHA: claim})
FRESH = fresh_database(
    KEY, json.dumps({"type": "abstract", "attempts": 0, "is_positive": [True, False]}).encode(), 60_000
)
LIMIT = 2
SELECTIONS = {"R": b"0", "W": b"1", "E": b""}
"""What a request selects: the right picture, a wrong one, none."""


def request(letter: str) -> Issued:
    """The script's call, as ``AtomicStore`` sends it."""
    keys = (KEY.encode(), b"receipt:{" + KEY.encode() + b"}")
    args = (b"<self:0>", b"abstract", SELECTIONS[letter], b"", b"%d" % LIMIT, b"60", b"10000")
    return Issued(((b"EVALSHA", SHA.encode(), b"%d" % len(keys), *keys, *args),))


def answer(reply: Any) -> Answered:
    """The service's answer to the script's reply."""
    state, attempts, _ = reply
    if state in (b"absent", b"solved"):
        return Answered(200, json.dumps({"success": False, "message": state.decode()}))
    return Answered(200, json.dumps({"success": state == b"right", "attempts": attempts}))


def play(letter: str, heard: tuple[Any, ...], database: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """One request on a given reply; without one, on the model."""
    issued = request(letter)
    replies = heard or (STORE.act(database, Act(0, issued.commands, issued.transaction))[0],)
    return replies, (issued, answer(replies[0]))


def atomic(letters: str) -> Composition:
    """One verify per letter R, W, E over a fresh challenge, and an expiry for X."""
    behaviours = {letter: Behaviour(letter) for letter in letters if letter != "X"}
    for letter, behaviour in behaviours.items():
        behaviour.learn(*play(letter, (), FRESH))
    return Composition(
        [
            Event("@expire", "expire", KEY)
            if letter == "X"
            else LearnedProgram(behaviours[letter], f"V{position}", position)
            for position, letter in enumerate(letters)
        ],
        STORE,
        FRESH,
    )


def search_of(letters: str, *, merge: bool = True) -> ProductSearch:
    """The search over the requests' states, at its beginning."""
    return ProductSearch(atomic(letters), [*range(len(letters))], merge=merge)


def searched(letters: str) -> ProductSearch:
    """The search at its end."""
    search = search_of(letters)
    while True:
        while not search.go_on(500):
            pass
        questions, calls = search.questions()
        assert not calls
        if not questions:
            return search
        for question in questions:
            heard = (*question.behaviour.history(question.node), question.heard)
            question.behaviour.learn(*play(question.behaviour.name, heard, question.store))
