"""What crosses inside Redis: rules about the order of commands on one session's key."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from itertools import combinations, pairwise

from devenv.core.diagnosis.findings import Diagnosis, finding
from devenv.core.diagnosis.steps import Step
from devenv.core.diagnosis.stories import Call, Joined, Story
from devenv.core.model.vocabulary import Outcome

Rule = Callable[[Story, Joined], Diagnosis | None]

AT_ONCE_S = 0.02
"""Two requests on two connections this close behind each other were sent together."""


def is_stub(document: str) -> bool:
    """Whether a session's document, as JSON text, is a counter only: nothing is left to judge by.

    A text that was cut where it was recorded is none: a stub is short.
    """
    try:
        data = json.loads(document)
    except (ValueError, RecursionError):
        return False
    return isinstance(data, dict) and set(data) <= {"attempts"}


def races(story: Story, joined: Joined) -> list[Diagnosis]:
    """All that crossed in one story: one race can have several consequences."""
    if joined.profile.reusable:  # they are about sessions that one success ends
        return []
    return [finding for rule in _RACES if (finding := rule(story, joined)) is not None]


@dataclass(slots=True)
class _Key:
    """What is known of one key while its steps go by."""

    alive: bool = False
    deletion: Step | None = None
    vanished: Step | None = None
    """The step that saw it gone, after another had seen it."""

    def see(self, step: Step) -> None:
        """Learn from a step that is no plain write."""
        if step.deleted:
            self.alive, self.deletion, self.vanished = False, step, None
        elif step.saw_nothing and self.alive:
            self.alive, self.vanished = False, step
        elif step.saw_the_key and not step.deleted:
            self.alive, self.deletion, self.vanished = True, None, None

    def write(self) -> None:
        """It is there again."""
        self.alive, self.deletion, self.vanished = True, None, None


def _resurrection(story: Story) -> tuple[Step, Step | None] | None:
    """A plain write by a verify to a key that was gone, and the deletion before it (None: it expired)."""
    keys: dict[str, _Key] = {}
    for index, step in enumerate(story.steps):
        key = keys.setdefault(step.key, _Key())
        if not step.is_plain_write:
            key.see(step)
            continue
        if step.failed:
            continue
        owner = story.owner(step)
        gone = key.deletion or key.vanished
        if key.deletion is not None and story.owner(key.deletion) is owner:
            gone = None  # it took the session out (GETDEL) and puts it back
        if _saw_no_session(story, step):
            gone = None  # what it writes is a session of its own: PHP keeps an empty one for a dead cookie
        later = story.steps[index + 1 :]
        if (
            gone is not None
            and owner is not None
            and owner.kind == "verify"
            and _was_written_back(gone, step, later)
        ):
            return step, key.deletion or _deletion_meanwhile(story, step)
        key.write()
    return None


def _saw_no_session(story: Story, write: Step) -> bool:
    """Whether the call of this write looked for the session before, and the session was never there."""
    looks = [step for step in _reads_before(story, write) if step.key == write.key]
    return bool(looks) and all(step.saw_nothing for step in looks)


def _was_written_back(gone: Step, write: Step, later: tuple[Step, ...]) -> bool:
    """Whether the key surely stood there after it had gone, and was not removed before it was read."""
    after = [step for step in later if step.key == write.key and not (step.is_plain_write and step.failed)]
    if after and after[0].deleted:
        return False
    proven = bool(after) and after[0].saw_the_key
    return proven or gone.surely_before(write)


def _deletion_meanwhile(story: Story, write: Step) -> Step | None:
    """A deletion by another call whose reply came too late to be seen in its place."""
    owner = story.owner(write)
    sent = write.command.forwarded or write.at
    for step in story.steps:
        begun = step.command.forwarded or step.at
        if step.deleted and step.key == write.key and begun <= sent and story.owner(step) is not owner:
            return step
    return None


def _resurrected_key(story: Story, joined: Joined) -> Diagnosis | None:
    resurrection = _resurrection(story)
    if resurrection is None:
        return None
    write, deletion = resurrection
    what = "a stub without an answer" if is_stub(write.value) else "the document"
    forever = ", without a TTL, for ever" if write.leaves_no_ttl else ""
    reads = _reads_before(story, write)
    if deletion is None:
        expired = joined.redis_events(reads[0].at if reads else write.at, write.at)
        return finding(
            "expiry-inside-verify",
            story.challenge,
            f"the session expired while {write.command.pod} was between reading and writing it; the write "
            f"brought back {write.key}: {what}{forever}",
            *reads,
            *expired,
            write,
            story.owner(write),
        )
    return finding(
        "resurrected-key",
        story.challenge,
        f"{deletion.command.pod} deleted the session while {write.command.pod} was between reading and "
        f"writing it; the write brought back {write.key}: {what}{forever}",
        *reads[:1],
        deletion,
        write,
        story.owner(write),
    )


def _reads_before(story: Story, step: Step) -> tuple[Step, ...]:
    """The reads of the same call before ``step``."""
    owner = story.owner(step)
    return tuple(s for s in story.steps if s.at < step.at and s.is_read and story.owner(s) is owner)


def _empty_bypass(story: Story, joined: Joined) -> Diagnosis | None:
    for call in story.verifies:
        if call.outcome is Outcome.SUCCESS and call.request.get("selections") == []:
            read = next((step for step in call.steps if step.name == "GET" and not step.failed), None)
            return finding(
                "empty-bypass",
                story.challenge,
                f"an empty selection passed on {call.pod}: what lay under the key has no positives, and "
                "nothing equals nothing",
                read,
                call,
            )
    return None


def _double_success(story: Story, joined: Joined) -> Diagnosis | None:
    passed = [
        call
        for call in story.verifies
        if call.outcome is Outcome.SUCCESS and call.steps and call.request.get("selections") != []
    ]
    if len(passed) < 2:
        return None
    first, second = passed[:2]
    deletion = next((step for step in first.steps if step.deleted), None)
    how = (
        f"{second.pod} read the session before {first.pod} had deleted it"
        if first.overlaps(second)
        else f"{first.pod} did not end it"
    )
    return finding(
        "double-success",
        story.challenge,
        f"one challenge passed {len(passed)} times: {how}",
        second.read,
        deletion,
        first,
        second,
    )


def _double_click(story: Story, joined: Joined) -> Diagnosis | None:
    """Two equal answers at once, of which at least one passed and the other passed too or was not found."""
    for first, second in combinations(story.verifies, 2):
        if first.request != second.request or not _at_once(first, second) or _in_two_memories(first, second):
            continue
        outcomes = (first.outcome, second.outcome)
        if Outcome.SUCCESS not in outcomes or not {*outcomes} <= {Outcome.SUCCESS, Outcome.NOT_FOUND}:
            continue
        result = "both passed" if outcomes[0] is outcomes[1] else "one passed and the other got 'not found'"
        sentence = f"the same answer was sent twice at once, and {result}; both should get the same result"
        return finding("double-click", story.challenge, sentence, first, second)
    return None


def _at_once(first: Call, second: Call) -> bool:
    """Whether the second was sent without waiting for the first's answer: by overlap, or over another
    connection right behind it, as a fast first answer leaves nothing to overlap with."""
    gap = max(first.started, second.started) - min(first.ended, second.ended)
    return gap < 0 or (gap <= AT_ONCE_S and first.exchange.client != second.exchange.client)


def _in_two_memories(first: Call, second: Call) -> bool:
    return first.pod != second.pod and first.read is None and second.read is None


def _lost_attempt(story: Story, joined: Joined) -> Diagnosis | None:
    wrong = [c for c in story.verifies if c.outcome is Outcome.WRONG and c.attempts and c.steps]
    for first, second in pairwise(sorted(wrong, key=lambda call: call.attempts or 0)):
        if first.attempts == second.attempts:
            return finding(
                "lost-attempt",
                story.challenge,
                f"two wrong answers both counted as attempt {first.attempts}: {first.pod} and {second.pod} "
                "read the count before either had written it",
                *_counted(first),
                *_counted(second),
                first,
                second,
            )
    return None


def _counted(call: Call) -> list[Step]:
    """Its last look at the count and its write of it."""
    writes = [step for step in call.steps if step.is_plain_write][-1:]
    before = writes[0].at if writes else float("inf")
    reads = [step for step in call.steps if step.name == "GET" and step.at <= before]
    return reads[-1:] + writes


def _ttl_rounds_to_zero(story: Story, joined: Joined) -> Diagnosis | None:
    for call in story.verifies:
        for before, after in pairwise(call.steps):
            if before.name == "TTL" and before.reply == "0" and after.leaves_no_ttl and not after.failed:
                return finding(
                    "ttl-rounds-to-zero",
                    story.challenge,
                    f"TTL answered 0 in the session's last half second, so {call.pod} wrote it without "
                    "one: it never expires",
                    before,
                    after,
                    call,
                )
    return None


_RACES: tuple[Rule, ...] = (
    _resurrected_key,
    _empty_bypass,
    _double_success,
    _lost_attempt,
    _ttl_rounds_to_zero,
    _double_click,
)
