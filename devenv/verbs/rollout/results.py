"""What the steps of a rollout came to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import BaseModel, NonNegativeInt

from devenv.core.model.verdict import passes
from devenv.core.rollout.outlook import StepOutlook, detected
from devenv.core.rollout.sequential import Decision, SequentialTest
from devenv.core.rollout.stages import Lookup, RolloutStage, lookup
from devenv.verbs.rollout.traffic import SessionRecord, Verdict


@dataclass(frozen=True, slots=True)
class Crossing:
    """Between which stages a session was lost."""

    born: RolloutStage
    used: RolloutStage
    same_pod: bool

    @property
    def why(self) -> str:
        """The reason, as far as the stages tell it."""
        places = " and ".join(self.born.born)
        match lookup(self.born, self.used):
            case Lookup.NO_POD:
                return f"{self.born.name} writes to {places}, {self.used.name} reads {self.used.reads}"
            case Lookup.SAME_POD if not self.same_pod:
                return "it was in the memory of the pod that made it, and another pod was asked"
            case Lookup.SAME_POD:
                return "the pod that made it has lost it: it restarted in between, or this is not known"
            case Lookup.ANY_POD:
                return "the stages do not tell why: see the run's history.jsonl"


class Timeline:
    """The stage of every pod at every moment of a rollout."""

    def __init__(self, stages: Mapping[str, RolloutStage]) -> None:
        self._changes = {pod: [(float("-inf"), stage)] for pod, stage in stages.items()}

    def note(self, pod: str, stage: RolloutStage, when: float) -> None:
        """A pod is at ``stage`` from ``when`` on."""
        self._changes.setdefault(pod, []).append((when, stage))

    def stage(self, pod: str, when: float) -> RolloutStage | None:
        """The stage of a pod at a moment; None for a pod that is not known."""
        reached = [stage for since, stage in self._changes.get(pod, []) if since <= when]
        return reached[-1] if reached else None

    def crossing(self, record: SessionRecord) -> Crossing | None:
        """Between which stages a session went; None where a pod is not known."""
        born, used = self.stage(record.maker, record.born), self.stage(record.used, record.ended)
        return None if born is None or used is None else Crossing(born, used, record.maker == record.used)


@dataclass(slots=True)
class StepResult:
    """One step, as it was measured."""

    outlook: StepOutlook
    test: SequentialTest
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    """Of the gate's sessions."""
    changing: Counter[Verdict] = field(default_factory=Counter)
    """Of the sessions that were born while pods changed and while the step dwelled."""
    crossings: Counter[Crossing] = field(default_factory=Counter)
    """Of the lost ones among the gate's."""
    examples: list[str] = field(default_factory=list)
    first_refusal: str = ""
    """Why the first session of the gate that could not be opened was refused."""
    decision: Decision = Decision.MORE

    @classmethod
    def of(cls, outlook: StepOutlook) -> StepResult:
        """Nothing measured yet."""
        gate = outlook.step.gate
        return cls(outlook, SequentialTest(outlook.limit, detected(gate, outlook.limit), gate.least))

    def count(self, record: SessionRecord, timeline: Timeline) -> None:
        """One session of the gate."""
        self.verdicts[record.verdict] += 1
        if record.verdict is Verdict.REFUSED:
            self.first_refusal = self.first_refusal or record.message
        if record.verdict is Verdict.LOST:
            crossing = timeline.crossing(record)
            if crossing is not None:
                self.crossings[crossing] += 1
            if len(self.examples) < 3:
                self.examples.append(record.message)
        if record.verdict in (Verdict.KEPT, Verdict.LOST) and self.decision is Decision.MORE:
            self.decision = self.test.count(lost=record.verdict is Verdict.LOST)

    @property
    def exhausted(self) -> bool:
        """Whether the gate has had as many sessions as the plan allows, and is not decided."""
        most = self.outlook.step.gate.sessions
        return self.decision is Decision.MORE and self.verdicts.total() >= most

    def to_json(self) -> dict[str, Any]:
        """A plain dict, for the journal and ``--json``."""
        return {
            **self.outlook.to_json(),
            "test": self.test.to_json(),
            "decision": str(self.decision),
            "verdicts": {str(verdict): self.verdicts[verdict] for verdict in Verdict},
            "while_changing": {str(verdict): self.changing[verdict] for verdict in Verdict},
            "lost_between": [
                {
                    "born": item.born.name, "used": item.used.name, "same_pod": item.same_pod,
                    "sessions": count, "why": item.why,
                }
                for item, count in self.crossings.most_common()
            ],
            "examples": self.examples,
            "first_refusal": self.first_refusal,
        }  # fmt: skip


class _TestRow(BaseModel):
    sessions: NonNegativeInt
    lost: NonNegativeInt


class _LostRow(BaseModel):
    born: str
    used: str
    sessions: int
    why: str


class ResultRow(BaseModel):
    """What readers of the journal take of ``StepResult.to_json``, which has more."""

    number: int
    name: str
    predicted_loss: float
    test: _TestRow
    decision: Decision
    verdicts: dict[str, int]
    lost_between: list[_LostRow]


def every_step_passes(results: Sequence[Mapping[str, Any]], steps: int) -> bool:
    """Whether every step of a plan of this many ``steps`` has passed, by the journal's results."""
    decisions = [str(result["decision"]) for result in results]
    stopped = decisions.count(str(Decision.STOP))
    return passes(
        checked=len(decisions),
        failures=stopped,
        gaps=steps - len(decisions) + decisions.count(str(Decision.MORE)),
    )
