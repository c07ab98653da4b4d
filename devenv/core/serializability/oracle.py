"""Whether an end is that of a sequence: the service, one request after the other, is its own oracle.

Serializability: C. Papadimitriou, "The serializability of concurrent database updates", JACM 26(4), 1979;
here by the ends that can be seen (answers, and the answer of ``ask``) and not by what lies in Redis.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field

from devenv.core.model.session_profile import SessionProfile
from devenv.core.serializability.ends import End, HttpAnswer, Key
from devenv.core.serializability.masks import Masks
from devenv.core.serializability.meeting import Sequence, SessionMeeting

LOST_UPDATE = "lost-update"
CAME_BACK = "session-came-back"
NOT_SERIAL = "not-serial"
CHANGES: Mapping[str, str] = {
    LOST_UPDATE: "write only what changed, in one script while the key is there, or hold a lock to the write",
    CAME_BACK: "write only while the key is there (a script, SET XX); let a mere read write nothing",
    NOT_SERIAL: "read and write in one step: a script, WATCH on what was read, GETDEL, SET NX",
}
"""What to change, by kind."""
ASKED = "ask"
"""The answer of ``ask`` at the end, in ``Masks``: the same name as the request's, for it is the same one."""


@dataclass(frozen=True, slots=True)
class SessionViolation:
    """An end that no sequence gives."""

    kind: str
    sentence: str


@dataclass(slots=True)
class Oracle:
    """Judges ends."""

    meeting: SessionMeeting
    session: SessionProfile
    masks: Masks = field(default_factory=Masks)
    played: dict[Sequence, list[End[int]]] = field(default_factory=dict)
    """The ends of the sequences, each at least twice."""

    def play(self, sequence: Sequence, end: End[int]) -> None:
        """Note one play of a sequence, and what of it differs from the plays before."""
        for before in self.played.setdefault(sequence, []):
            self.alike(before, end)
        self.played[sequence].append(end)

    def alike(self, one: End[int], other: End[int]) -> bool:
        """Note what changes between two runs of the same thing; whether they are alike but for that."""
        for member in one.answers.keys() & other.answers.keys():
            self.masks.learn(self._request(member), one.answers[member], other.answers[member])
        self.masks.learn(ASKED, one.ask, other.ask)
        return self.seen(one) == self.seen(other)

    def unsteady(self) -> tuple[Sequence, ...]:
        """The sequences that ended in different ways, masks aside: nothing can be concluded from them."""
        return tuple(sequence for sequence, ends in self.played.items() if len({*map(self.seen, ends)}) > 1)

    def seen(self, end: End[int]) -> Hashable:
        """An end as it is compared."""
        answers = tuple(
            (member, self._seen(member, answer)) for member, answer in sorted(end.answers.items())
        )
        return answers, self._asked(end)

    def judge(self, end: End[int]) -> SessionViolation | None:
        """What is wrong with an end; None where a sequence gives it.

        A request that was refused counts as one that was not there; where a sequence in which it was refused
        in the same way gives the end, that explains it too.
        """
        served = tuple(member for member, answer in sorted(end.answers.items()) if not answer.refused)
        if any(explains(before, end, self._seen) for before, *_ in self.played.values()):
            return None
        came_back = self._ended(served) and not self.gone(end.ask)
        if came_back:
            return SessionViolation(CAME_BACK, self._sentence(end))
        without = self._without(served, end)
        if without:
            names = " and ".join(self.meeting.names[member] for member in without)
            return SessionViolation(LOST_UPDATE, f"nothing is left of {names}; {self._sentence(end)}")
        return SessionViolation(NOT_SERIAL, self._sentence(end))

    def gone(self, ask: HttpAnswer) -> bool:
        """Whether the answer of ``ask`` says that there is no session."""
        return self.session.is_gone(ask.status, ask.data, ask.text)

    def _without(self, served: Sequence, end: End[int]) -> Sequence:
        """Who was told ok and is missing in a sequence that ends so; as few as can be."""
        best: Sequence = ()
        for sequence, [before, *_] in self.played.items():
            missing = tuple(member for member in served if member not in sequence)
            if not missing or not {*sequence} <= {*served} or self._asked(before) != self._asked(end):
                continue
            if not best or len(missing) < len(best):
                best = missing
        return best

    def _ended(self, served: Sequence) -> bool:
        return any(self.session.request(self._request(member)).ends for member in served)

    def _sentence(self, end: End[int]) -> str:
        answers = [
            f"{self.meeting.names[member]} told {answer}" for member, answer in sorted(end.answers.items())
        ]
        return f"{', '.join(answers)}; then {self.ask_words} {end.ask}"

    @property
    def ask_words(self) -> str:
        """The request that asks, in words."""
        return f"{self.session.ask.method} {self.session.ask.path}"

    def _request(self, member: int) -> str:
        return self.meeting.members[member].request

    def _seen(self, member: int | None, answer: HttpAnswer) -> Hashable:
        return self.masks.seen(ASKED if member is None else self._request(member), answer)

    def _asked(self, end: End[int]) -> Hashable:
        return self._seen(None, end.ask)


def explains(sequence: End[Key], end: End[Key], seen: Callable[[Key | None, HttpAnswer], Hashable]) -> bool:
    """Whether a sequence ends so: it has all that were served, and no other that is served.

    ``seen`` gives an answer of a request (None: of ``ask``) as it is compared.
    """
    served = {key for key, answer in end.answers.items() if not answer.refused}
    others = sequence.answers.keys() - served
    if not served <= sequence.answers.keys() or any(not sequence.answers[key].refused for key in others):
        return False
    alike = all(seen(key, answer) == seen(key, end.answers[key]) for key, answer in sequence.answers.items())
    return alike and seen(None, sequence.ask) == seen(None, end.ask)
