"""What ``devenv demo`` finds of a user-provided service: a verdict for each kind of session, and for all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from devenv.core.model.verdict import passes
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.cross_pod import Tally
from devenv.stack.pod_files.shared_files import SharedFile
from devenv.verbs.explain.explanation import Explanation

SHOWN_FILES = 2
"""Files that a sentence names."""
NEXT_STEP_FOR_FILES = (
    "Keep sessions in Redis; where the replicas do share a volume, write shared-folder = true into [service] "
    "of devenv.toml"
)
QUOTED = 120
"""Characters of an answer that are quoted."""


class OwnVerdict(StrEnum):
    """What can be said of a kind of session, or of all."""

    HOLDS = "holds"
    """Sessions were lost, or none was; with Redis, where the service has it, none was."""
    FAILS = "fails"
    """With Redis sessions are lost all the same."""
    UNCLEAR = "unclear"
    """No verdict: sessions could not be opened, or their answers are not known to the profile."""


@dataclass(frozen=True, slots=True)
class UnknownAnswer:
    """Answers that neither say that a session is there nor that it is not."""

    step: str
    """Which request: "opening", "used on another pod", "used on the same pod"."""
    pod: str
    """That gave the first of them."""
    status: int | None
    """The HTTP status; None where no answer came."""
    start: str
    """The first characters of the body, in one line."""
    count: int = 1
    log: str | None = None
    """What the pod's log says of it, where it says anything."""

    def __str__(self) -> str:
        answer = "no answer came" if self.status is None else f"HTTP {self.status}"
        quoted = f": {self.start}" if self.start else ", an empty body"
        log = f" (log of {self.pod}: {self.log})" if self.log else ""
        return f"{self.count} × {answer} when {self.step}{quoted}{log}"


def quoted(text: str) -> str:
    """The beginning of a body in one line."""
    line = " ".join(text.split())
    return line if len(line) <= QUOTED else line[: QUOTED - 1] + "…"


def tally_words(tally: Tally) -> str:
    """How often a session was known, and what else was answered."""
    if not tally.trials:
        return "none was opened"
    parts = [f"{tally.known} of {tally.trials} known"] if tally.known else []
    parts += [f"{tally.not_found} × not found"] if tally.not_found else []
    parts += [f"{tally.error} × not known"] if tally.error else []
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class KindTrials:
    """The trials of one kind of session."""

    crossing: Tally
    """Used on the next pod."""
    staying: Tally
    """Used on the pod that opened it."""
    unknown: tuple[UnknownAnswer, ...] = ()
    shared: tuple[SharedFile, ...] = ()
    """Files by which the pods found each other's sessions, as two containers would not."""

    @property
    def lost(self) -> int:
        """How many sessions were not found."""
        return self.crossing.not_found + self.staying.not_found

    @property
    def unclear(self) -> int:
        """How many answers are not known."""
        return sum(answer.count for answer in self.unknown)

    @property
    def tried(self) -> int:
        """How many sessions were opened and used."""
        return self.crossing.trials + self.staying.trials

    @property
    def opened(self) -> bool:
        """Whether any session could be opened."""
        return self.tried > 0

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "crossing": self.crossing.to_json(),
            "staying": self.staying.to_json(),
            "unknown": [asdict(answer) for answer in self.unknown],
            "shared": [file.to_json() for file in self.shared],
        }


@dataclass(frozen=True, slots=True)
class OwnAct:
    """One setting of the service."""

    use_redis: bool | None
    """None where the service has no such switch."""
    setting: str
    """The variables that are its switch, in words."""
    trials: Mapping[str, KindTrials]
    """By kind of session."""
    picture: tuple[SequenceMessage, ...]
    """One session that is used on another pod."""
    explanation: Explanation

    @property
    def lost(self) -> int:
        """How many sessions were not found."""
        return sum(trial.lost for trial in self.trials.values())

    @property
    def unclear(self) -> int:
        """How many answers are not known."""
        return sum(trial.unclear for trial in self.trials.values())

    def causes(self, kind: str, but: str | None = None) -> str:
        """What was found wrong with a kind of session, with counts, ``but`` for one cause; empty: nothing."""
        groups = self.explanation.groups
        return ", ".join(group.title for group in groups if kind in group.kinds and group.cause != but)

    def cell(self, kind: str, tally: Tally) -> tuple[str, bool]:
        """What a table says of a tally of a kind of session, and whether that is good.

        It is not where a cause was found for this kind, however often its sessions were known; but for
        pod-memory where the table itself shows the sessions of this kind that were not found.
        """
        lost = kind in self.trials and self.trials[kind].lost > 0
        causes = self.causes(kind, "pod-memory" if lost else None)
        text, known = tally_words(tally), tally.known == tally.trials
        return (f"{text}, but {causes}", False) if known and causes else (text, known)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "use_redis": self.use_redis,
            "setting": self.setting,
            "trials": {name: item.to_json() for name, item in self.trials.items()},
            "lost": self.lost,
            "unclear": self.unclear,
            "findings": [group.to_json() for group in self.explanation.groups],
            "remarks": list(self.explanation.remarks),
        }


@dataclass(frozen=True, slots=True)
class KindStory:
    """What became of one kind of session over all acts."""

    verdict: OwnVerdict
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {"verdict": str(self.verdict), "sentence": self.sentence}


def kind_story(first: KindTrials, with_redis: KindTrials | None) -> KindStory:
    """The verdict on one kind by its trials without and, where the service has a switch, with Redis.

    What was proven stays proven, whatever other answers were.
    """
    lost_with_redis = with_redis.lost if with_redis is not None else 0
    doubtful = _doubtful(first, with_redis)
    gaps = doubtful.unclear + len(doubtful.shared) if doubtful is not None else 0
    if passes(checked=first.tried, failures=lost_with_redis, gaps=gaps):
        return KindStory(OwnVerdict.HOLDS, _held(first, with_redis))
    if lost_with_redis:
        return KindStory(OwnVerdict.FAILS, f"with Redis {sessions(lost_with_redis)} lost all the same")
    doubtful = doubtful or first
    if doubtful.shared and not doubtful.unclear:
        return KindStory(OwnVerdict.UNCLEAR, _by_files(doubtful.shared))
    what = "not known" if doubtful.opened else "could not be opened"
    return KindStory(OwnVerdict.UNCLEAR, f"{what}: {'; '.join(map(str, doubtful.unknown))}")


def _doubtful(first: KindTrials, with_redis: KindTrials | None) -> KindTrials | None:
    """The trials whose unknown answers or shared files leave the verdict open; None where none do."""
    if with_redis is not None and (with_redis.unclear or with_redis.shared):
        return with_redis
    return first if (first.unclear or first.shared) and not first.lost else None


def _by_files(files: Sequence[SharedFile]) -> str:
    """Why sessions that were known prove nothing."""
    shown = ", ".join(str(file) for file in files[:SHOWN_FILES])
    return f"all were known, but by a file that containers do not share: {shown}. {NEXT_STEP_FOR_FILES}"


def _held(first: KindTrials, with_redis: KindTrials | None) -> str:
    if not first.lost:
        return "no session was lost"
    lost = f"{sessions(first.lost)} not found"
    return lost if with_redis is None else f"{lost} without Redis, none was lost with it"


def sessions(count: int) -> str:
    """ "1 session was", "3 sessions were"."""
    return "1 session was" if count == 1 else f"{count} sessions were"


@dataclass(frozen=True, slots=True)
class OwnStory:
    """What became of the service."""

    title: str
    """What was started."""
    preset: str
    pods: tuple[str, ...]
    acts: tuple[OwnAct, ...]
    seconds: float
    run: str
    report: Path
    logs: Path

    @property
    def kinds(self) -> Mapping[str, KindStory]:
        """The verdict on each kind of session."""
        return {name: self._kind(name) for name in self.acts[0].trials}

    def _kind(self, name: str) -> KindStory:
        first, *others = self.acts
        story = kind_story(first.trials[name], others[0].trials[name] if others else None)
        causes = others[0].causes(name) if others else ""
        if causes and story.verdict is OwnVerdict.HOLDS:
            return KindStory(OwnVerdict.FAILS, f"with Redis {causes} all the same")
        return story

    @property
    def verdict(self) -> OwnVerdict:
        """Of all kinds: it fails where one does; else it is unclear where one is.

        Without a switch there is only one thing to show: a session that was lost shows it, whatever other
        answers were.
        """
        verdicts = [kind.verdict for kind in self.kinds.values()]
        failures = verdicts.count(OwnVerdict.FAILS)
        shown = len(self.acts) == 1 and self.acts[0].lost > 0
        gaps = 0 if shown else verdicts.count(OwnVerdict.UNCLEAR)
        if passes(checked=len(verdicts), failures=failures, gaps=gaps):
            return OwnVerdict.HOLDS
        return OwnVerdict.FAILS if failures else OwnVerdict.UNCLEAR

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        unclear = [name for name, kind in self.kinds.items() if kind.verdict is OwnVerdict.UNCLEAR]
        decided = [name for name in self.kinds if name not in unclear]
        without = f"no verdict on {', '.join(unclear)}"
        if not decided:
            return f"{without}: {self._why_none()}"
        return self._decided(decided) + (f"; {without}" if unclear else "")

    def _why_none(self) -> str:
        files = [file for act in self.acts for trials in act.trials.values() for file in trials.shared]
        if not files:
            return "no answer says whether a session is there"
        return f"sessions were known by a file that containers do not share ({files[0].path})"

    def _decided(self, kinds: Sequence[str]) -> str:
        lost, *others = [sum(act.trials[kind].lost for kind in kinds) for act in self.acts]
        shown = "the bug is there" if lost else "no session was lost"
        causes = dict.fromkeys(self.acts[-1].causes(kind) for kind in kinds)
        besides = ", ".join(filter(None, causes))
        if not others:
            but = f", but {besides}" if besides else ""
            return f"{shown}: {sessions(lost)} not found" if lost else f"{shown}{but}"
        if besides and not others[0]:
            return f"{shown}, and with Redis no session was lost, but {besides}"
        if not (lost or others[0]):
            return f"{shown}, without Redis and with it"
        if others[0]:
            return f"{shown}, and with Redis {sessions(others[0])} lost all the same"
        return f"{shown}: {sessions(lost)} not found without Redis, none was lost with it"

    def to_json(self) -> dict[str, Any]:
        """A plain dict, as ``devenv demo --json`` prints it."""
        return {
            "kind": "own-service",
            "service": self.title,
            "preset": self.preset,
            "pods": list(self.pods),
            "acts": [act.to_json() for act in self.acts],
            "kinds": {name: kind.to_json() for name, kind in self.kinds.items()},
            "verdict": str(self.verdict),
            "sentence": self.sentence,
            "seconds": round(self.seconds, 2),
            "run": self.run,
            "report": str(self.report.resolve()),
            "logs": str(self.logs.resolve()),
        }
