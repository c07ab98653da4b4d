"""Plan files: the steps of a rollout, read from YAML with the lines of what is wrong in them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from jsonschema import Draft202012Validator

from devenv.core.model.durations import seconds_of
from devenv.core.model.vocabulary import MAX_PODS, Strategy, pod_names, resolve_pod
from devenv.core.model.yaml_lines import Document, Path, read_document
from devenv.core.rollout.stages import FLAG, RolloutStage, rollout_stage, stage_names
from devenv.core.scenario.schema import hold_against

HINT = "docs/rollout.md describes every key; 'devenv rollout plan NAME' shows a plan that is shipped"
TTL_WORD = "ttl"
"""As a dwell: the sessions' TTL and the clock slack."""
COHORT = "cohort"
_MARGIN = 0.15
_MARGIN_OF_NONE = 0.03
_LEAST_SESSIONS = 100
_MOST_SESSIONS = 400


@dataclass(frozen=True, slots=True)
class Traffic:
    """The sessions that are sent while a plan runs."""

    rate: float = 20.0
    """New sessions a second."""
    think: float = 0.2
    """Mean seconds from one answer to a session's next request, exponentially distributed."""
    lookups: int = 1
    """Verifies per session: wrong answers, at last the right one."""


@dataclass(frozen=True, slots=True)
class GateRule:
    """When a step has passed."""

    max_loss: float | None
    """The share of lost sessions that is accepted; None: what is predicted."""
    margin: float
    """So much more than accepted must be found out."""
    least: int
    """This many sessions are counted before the step holds."""
    sessions: int
    """After this many without a decision the step is inconclusive."""


@dataclass(frozen=True, slots=True)
class PlanStep:
    """One step: pods go to other stages, then it dwells, then the gate decides."""

    number: int
    """From 1."""
    name: str
    stages: Mapping[str, RolloutStage]
    """The stage of every pod from this step on."""
    added: tuple[str, ...]
    """The pods that the step adds, before it changes others."""
    removed: tuple[str, ...]
    """The pods that the step removes, after it has changed others."""
    changed: tuple[str, ...]
    """The pods that stay and that the step moves or restarts, in their order."""
    by_restart: bool
    """Whether pods change by restart, else at run time through the admin route."""
    dwell: float
    """Seconds between the change and the gate."""
    gate: GateRule
    manual: bool
    """Whether the step ends only by ``devenv rollout promote``."""
    allow_loss: bool
    """Whether the plan accepts that sessions are lost at this step."""
    births: str | None
    """With cohort routing the only stage whose pods get new sessions; None: all."""
    path: Path
    """Where the step stands in its file."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan file."""

    id: str
    title: str
    strategy: str
    store: Strategy
    """The Redis store of the pods."""
    pods: tuple[str, ...]
    """The pods before the first step."""
    policy: str
    """The proxy's policy; ``cohort`` groups the pods by their stage."""
    ttl: float
    """Seconds that a session lives: CAPTCHA_TTL."""
    slack: float
    """Seconds by which clocks may differ."""
    traffic: Traffic
    start: Mapping[str, RolloutStage]
    """The stage of every pod before the first step."""
    steps: tuple[PlanStep, ...]
    document: Document
    """The file, for the lines of what is wrong in it."""

    @property
    def cohorts(self) -> bool:
        """Whether a session stays with the kind of pod that made it."""
        return self.policy == COHORT

    @property
    def lifetime(self) -> float:
        """Seconds after which no session of today is open any more: TTL and clock slack."""
        return self.ttl + self.slack

    def before(self, step: PlanStep) -> Mapping[str, RolloutStage]:
        """The pods' stages before a step."""
        return self.steps[step.number - 2].stages if step.number > 1 else self.start

    def policy_at(self, stages: Mapping[str, RolloutStage], births: str | None) -> str:
        """The proxy's policy, as text, while the pods are at ``stages``."""
        if not self.cohorts:
            return self.policy
        groups = ",".join(f"{pod}={stage.name}" for pod, stage in stages.items())
        return f"{COHORT}:{groups}" + (f",new={births}" if births else "")


@cache
def _validator() -> Draft202012Validator:
    text = files("devenv").joinpath("rollouts", "schema.json").read_text(encoding="utf-8")
    return Draft202012Validator(json.loads(text))


def parse_plan(text: str, name: str) -> Plan:
    """Read a plan; ``name`` is how messages call the file.

    Raises UsageProblem with the line for broken YAML, what the schema does not allow, and stages or pods that
    do not exist. Whether the plan is safe is ``plan_check``'s to say.
    """
    document = _with_words(read_document(text, name, HINT))
    hold_against(document, _validator(), HINT)
    return _Builder(document).plan()


def _with_words(document: Document) -> Document:
    """YAML reads off and on as false and true, which are stages here."""
    return replace(document, data=_worded(document.data, (), document.plain))


def _worded(data: Any, path: Path, plain: Mapping[Path, str]) -> Any:
    if isinstance(data, dict):
        return {key: _worded(value, (*path, key), plain) for key, value in data.items()}
    if isinstance(data, list):
        return [_worded(value, (*path, index), plain) for index, value in enumerate(data)]
    word = plain.get(path, "")
    return word.lower() if isinstance(data, bool) and word.lower() in ("on", "off") else data


class _Builder:
    """Builds the parts of one checked document."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._data: Mapping[str, Any] = document.data
        self._strategy: str = self._data["strategy"]
        self._pods = pod_names(self._data["pods"])

    def plan(self) -> Plan:
        data, pods = self._data, self._pods
        ttl, slack = float(data.get("ttl", 60)), float(data.get("slack", 1))
        start = self._stages(data["start"], ("start",), {})
        store = Strategy(data.get("store", "atomic"))
        if store is not Strategy.ATOMIC and self._strategy != FLAG:
            raise self._document.problem(("store",), f"the strategy {self._strategy} needs the store atomic")
        traffic = data.get("traffic", {})
        return Plan(
            id=data["id"],
            title=data["title"],
            strategy=self._strategy,
            store=store,
            pods=pods,
            policy=data.get("policy", "random"),
            ttl=ttl,
            slack=slack,
            traffic=Traffic(
                **{name: type(getattr(Traffic(), name))(value) for name, value in traffic.items()}
            ),
            start=start,
            steps=tuple(self._steps(start, ttl + slack)),
            document=self._document,
        )

    def _steps(self, start: Mapping[str, RolloutStage], lifetime: float) -> Iterator[PlanStep]:
        present = dict(start)
        for index, data in enumerate(self._data["steps"]):
            path: Path = ("steps", index)
            added = self._added(data.get("add", {}), (*path, "add"), present)
            removed = self._removed(data.get("remove", []), (*path, "remove"), present)
            stay = [pod for pod in present if pod not in removed]
            self._pods = tuple(pod for pod in pod_names(MAX_PODS) if pod in stay or pod in added)
            if not self._pods:
                raise self._document.problem((*path, "remove"), "no pod is left")
            wanted = self._stages(data.get("stages", {}), (*path, "stages"), {**present, **added})
            restarts = self._restarts(data.get("restart", []), (*path, "restart"))
            changed = tuple(pod for pod in stay if wanted[pod] != present[pod] or pod in restarts)
            births = data.get("births")
            if births is not None and births not in {stage.name for stage in wanted.values()}:
                raise self._document.problem((*path, "births"), f"no pod is at the stage {births!r}")
            by_restart = data.get("change", "restart") == "restart"
            if not by_restart and (self._strategy == FLAG or restarts):
                raise self._document.problem(
                    (*path, "change"), "the strategy flag changes by restart alone"
                    if self._strategy == FLAG else "a restart is no change at run time",
                )  # fmt: skip
            yield PlanStep(
                number=index + 1,
                name=data["name"],
                stages=wanted,
                added=tuple(added),
                removed=removed,
                changed=changed,
                by_restart=by_restart,
                dwell=self._dwell(data.get("dwell", 0), (*path, "dwell"), lifetime),
                gate=_gate(data.get("gate", {})),
                manual=data.get("promote", "auto") == "manual",
                allow_loss=data.get("allow-loss", False),
                births=births,
                path=path,
            )
            present = dict(wanted)

    def _stages(
        self, data: str | Mapping[str, str], path: Path, present: Mapping[str, RolloutStage]
    ) -> dict[str, RolloutStage]:
        """One stage for all pods, or a stage for some of them; the others stay where they are."""
        if isinstance(data, str):
            stage = self._stage(data, path)
            return dict.fromkeys(self._pods, stage)
        stages = dict(present)
        for word, name in data.items():
            stages[self._pod(word, (*path, word), key=True)] = self._stage(name, (*path, word))
        missing = [pod for pod in self._pods if pod not in stages]
        if missing:
            raise self._document.problem(path, f"{', '.join(missing)} has no stage at the start")
        return {pod: stages[pod] for pod in self._pods}

    def _stage(self, name: str, path: Path) -> RolloutStage:
        if name not in stage_names(self._strategy):
            known = ", ".join(stage_names(self._strategy))
            raise self._document.problem(path, f"{self._strategy} has no stage {name!r}; it has {known}")
        return rollout_stage(self._strategy, name)

    def _added(
        self, data: Mapping[str, str], path: Path, present: Mapping[str, RolloutStage]
    ) -> dict[str, RolloutStage]:
        """The stage of each pod that is added, in the order of their names."""
        stages: dict[str, RolloutStage] = {}
        for word, name in data.items():
            pod = resolve_pod(word, pod_names(MAX_PODS))
            if pod is None or pod in present or pod in stages:
                why = "is no name of a pod: a to z" if pod is None else "is there already"
                raise self._document.problem((*path, word), f"{word!r} {why}", key=True)
            stages[pod] = self._stage(name, (*path, word))
        return {pod: stages[pod] for pod in pod_names(MAX_PODS) if pod in stages}

    def _removed(
        self, data: Sequence[str], path: Path, present: Mapping[str, RolloutStage]
    ) -> tuple[str, ...]:
        self._pods = tuple(present)
        named = [self._pod(word, (*path, index)) for index, word in enumerate(data)]
        return tuple(pod for pod in present if pod in named)

    def _restarts(self, data: str | Sequence[str], path: Path) -> tuple[str, ...]:
        if data == "all":
            return self._pods
        return tuple(self._pod(word, (*path, index)) for index, word in enumerate(data))

    def _pod(self, word: str, path: Path, *, key: bool = False) -> str:
        pod = resolve_pod(word, self._pods)
        if pod is None:
            raise self._document.problem(
                path, f"no pod is called {word!r}; there are {', '.join(self._pods)}", key=key
            )
        return pod

    def _dwell(self, value: float | str, path: Path, lifetime: float) -> float:
        if value == TTL_WORD:
            return lifetime
        if not isinstance(value, str):
            return float(value)
        seconds = seconds_of(value)
        if seconds is None:
            raise self._document.problem(path, f"{value!r} is no time: write ttl, 5, 5s or 2m")
        return seconds


def _gate(data: Mapping[str, Any]) -> GateRule:
    limit = data.get("max-loss")
    margin = data.get("margin", _MARGIN_OF_NONE if limit == 0 else _MARGIN)
    least = int(data.get("least", 0 if limit == 0 else _LEAST_SESSIONS))
    return GateRule(limit, float(margin), least, max(least, int(data.get("sessions", _MOST_SESSIONS))))
