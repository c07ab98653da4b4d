"""The search: the sequences, then every order, judged by the sequences, and each kind of violation again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from operator import itemgetter

from devenv.core.model.errors import EnvironmentProblem, Inconclusive, error_from_json
from devenv.core.model.events import TraceEvent
from devenv.core.model.session_profile import SessionProfile
from devenv.core.serializability.ends import End, HttpAnswer
from devenv.core.serializability.meeting import SessionMeeting, sequences
from devenv.core.serializability.oracle import ASKED, Oracle
from devenv.core.serializability.orders import (
    Choice,
    OrderCount,
    OrderFrontier,
    Path,
    commands_of,
    rank,
    shown,
    together,
)
from devenv.stack.protocol import Progress
from devenv.verbs.explore.result import INTERRUPTED
from devenv.verbs.explore.sessions.result import FoundViolation, Tally
from devenv.verbs.explore.stack_answers import read_answer
from devenv.wire.control.client import ControlClient
from devenv.wire.executor.session_jobs import SessionCall, SessionJob, SessionRun

APART_SECONDS = 1.1
"""Between two plays of a sequence: a time in whole seconds is then another one."""
BATCH = 8
"""Orders in one request to the executor."""
READS = ("GET", "HEAD", "OPTIONS")
SAY_EVERY_SECONDS = 0.5


class SessionRemote:
    """Runs jobs where the gate is. ``requests`` counts the HTTP requests that pods were sent."""

    def __init__(self, control: ControlClient) -> None:
        self._control = control
        self.requests = 0

    def run(self, jobs: Sequence[SessionJob]) -> list[SessionRun]:
        """The jobs' results. Raises the first error."""
        body = {"jobs": [job.to_json() for job in jobs]}
        runs = []
        answer = self._control.request("POST", "/explore/sessions", json=body)
        for data in read_answer(itemgetter("results"), answer):
            if "error" in data:
                raise error_from_json(data["error"])
            runs.append(read_answer(SessionRun.from_json, data))
        for run in runs:
            self.requests += len(run.end.answers) + 2
        return runs


@dataclass(slots=True)
class SessionSearch:
    """One search; ``run`` once, then read what was found."""

    remote: SessionRemote
    session: SessionProfile
    headers: Mapping[str, str]
    meeting: SessionMeeting
    pods: Sequence[str]
    """One for each request."""
    progress: Progress
    deadline: float | None = None
    """A moment of the monotonic clock; None: until it is complete."""
    most_runs: int | None = None
    """None: until it is complete."""
    oracle: Oracle = field(init=False)
    runs: list[tuple[Path, End[int]]] = field(default_factory=list)
    incomplete: str | None = None
    stuck: dict[str, int] = field(default_factory=dict)
    """What requests waited for without end, and in how many orders."""
    endless: set[int] = field(default_factory=set)
    """The requests that never gave up waiting for a lock."""
    cookies: tuple[str, ...] = ()
    """The names of the session's cookies."""
    records: dict[str, tuple[TraceEvent, ...]] = field(default_factory=dict)
    """Of each kind of violation, how its order went when it was run again."""
    _patient: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.oracle = Oracle(self.meeting, self.session)

    def run(self) -> None:
        """Play the sequences, then run the orders. Ctrl-C and a budget end the orders; what was run stays."""
        self._play_sequences()
        try:
            while not self._run_orders():
                self.runs.clear()
                self.stuck.clear()
        except KeyboardInterrupt:
            self.incomplete = INTERRUPTED

    # --- sequences ----------------------------------------------------------------------------------------

    def _play_sequences(self) -> None:
        every = sequences(len(self.meeting.members))
        self.progress(f"playing {len(every)} sequences of {self.meeting}, twice")
        began = time.monotonic()
        first = self._play(every)
        self._check_first(dict(zip(every, first, strict=True)))
        time.sleep(max(0.0, APART_SECONDS - (time.monotonic() - began)))
        self._play(every)
        if unsteady := self.oracle.unsteady():
            names = ", ".join(self._words(sequence) for sequence in unsteady[:3])
            raise Inconclusive(
                f"played twice, the same requests one after the other ended in different ways: {names}; "
                "no order of them can be judged",
                hint="does a request depend on chance, on the time, or on other sessions?",
            )

    def _play(self, every: Iterable[tuple[int, ...]]) -> list[SessionRun]:
        runs = []
        for sequence in every:
            [run] = self.remote.run([self._job(sequence=sequence)])
            self.oracle.play(sequence, run.end)
            self._patient |= run.late
            self.cookies = run.cookies
            runs.append(run)
        return runs

    def _check_first(self, runs: Mapping[tuple[int, ...], SessionRun]) -> None:
        """Whether there is a session, and requests that use it; else nothing can be explored."""
        nothing = runs[()]
        if nothing.opened.refused or not nothing.opened.status:
            raise EnvironmentProblem(
                f"session.open: {self._open_words} was answered {nothing.opened}: no session was opened"
            )
        ask = nothing.end.ask
        if self.oracle.gone(ask) or ask.refused:
            raise Inconclusive(
                f"session.ask: right after session.open, {self.oracle.ask_words} was answered {ask}: nothing "
                "was explored, as a session that is there looks like one that is gone",
                hint="do all cookies suffice to use a session? Is session.gone right?",
            )
        for member in range(len(self.meeting.members)):
            answer = runs[(member,)].end.answers[member]
            if answer.refused or not answer.status:
                raise self._refused_alone(member, answer)
            self._check_ends(member, runs[(member,)].end.ask)
        if not any(run.path for run in runs.values()):
            raise EnvironmentProblem(
                f"{self.meeting}: no request sent a Redis command through the gate: nothing was explored",
                hint="is REDIS_HOST/REDIS_PORT (or the URL in [service.env]) the gate's?",
            )

    def _refused_alone(self, index: int, answer: HttpAnswer) -> Inconclusive:
        """What is known of a request that is refused alone: whether it is served on the pod that opened."""
        member, opener, pod = self.meeting.members[index], self.pods[0], self.pods[index]
        problem = (
            f"session.requests.{member.request}: alone on a new session it was answered {answer}: nothing "
            "was explored, as a refused request counts as one that was not there"
        )
        if pod == opener:
            return Inconclusive(problem)
        job = self._job(sequence=(index,))
        [run] = self.remote.run([replace(job, calls=tuple(replace(call, pod=opener) for call in job.calls))])
        there = run.end.answers[index]
        if there.refused or not there.status:
            return Inconclusive(problem)
        return Inconclusive(
            f"session.requests.{member.request}: {opener}, which opened the session, answers it {there}, and "
            f"{pod} answers it {answer}: a part of the session is in that pod and not in Redis, so nothing "
            "was explored",
            hint="in a file that stands for a database of all pods? [service] shared-folder = true",
        )

    def _check_ends(self, index: int, ask: HttpAnswer) -> None:
        member = self.meeting.members[index]
        ends = self.session.request(member.request).ends
        if ends and not self.oracle.gone(ask):
            raise Inconclusive(
                f"session.requests.{member.request} ends the session, but after it alone "
                f"{self.oracle.ask_words} is answered {ask}, which session.gone does not describe",
                hint="is session.gone right? If it is, the request does not end the session even alone",
            )

    @property
    def _open_words(self) -> str:
        return f"{self.session.open[-1].method} {self.session.open[-1].path}"

    def _words(self, sequence: Sequence[int]) -> str:
        return " then ".join(self.meeting.names[member] for member in sequence) or "no request"

    # --- orders -------------------------------------------------------------------------------------------

    def _run_orders(self) -> bool:
        """Run every order; whether that counts: False where a request must be waited for that was not."""
        frontier = OrderFrontier(endless=self.endless)
        last_report = 0.0
        while True:
            if self.deadline is not None and time.monotonic() >= self.deadline:
                self.incomplete = "the budget was used up"
                return True
            prefixes = [item for item in (frontier.take() for _ in range(BATCH)) if item is not None]
            if not prefixes:
                return True
            for prefix, run in zip(prefixes, self._run_all(prefixes), strict=True):
                if run.late - self._patient:
                    self._patient |= run.late
                    return False
                self.endless |= run.endless
                frontier.done(prefix, run.path)
                if run.endless:
                    continue
                for waits in run.stuck:
                    self.stuck[waits] = self.stuck.get(waits, 0) + 1
                if not run.stuck:
                    self.runs.append((run.path, run.end))
            if self.most_runs is not None and len(self.runs) >= self.most_runs:
                self.incomplete = "the budget was used up"
                return True
            if time.monotonic() - last_report > SAY_EVERY_SECONDS:
                last_report = time.monotonic()
                self.progress(f"{len(self.runs)} orders run, {len(frontier.waiting)} branches left")

    def _run_all(self, prefixes: Sequence[tuple[Choice, ...]]) -> list[SessionRun]:
        return self.remote.run([self._job(prefix=prefix) for prefix in prefixes])

    def _job(self, sequence: tuple[int, ...] | None = None, prefix: tuple[Choice, ...] = ()) -> SessionJob:
        calls = tuple(
            SessionCall(member.name, member.request, pod)
            for member, pod in zip(self.meeting.members, self.pods, strict=True)
        )
        return SessionJob(
            self.session, self.headers, calls, sequence, prefix,
            frozenset(self._patient), frozenset(self.endless),
        )  # fmt: skip

    # --- what was found -----------------------------------------------------------------------------------

    def counts(self) -> Mapping[tuple[tuple[int, str], ...], OrderCount]:
        """Each order of commands, with the kinds of violation of its runs."""
        counts: dict[tuple[tuple[int, str], ...], OrderCount] = {}
        refusals = self._refusals()
        for path, end in self.runs:
            count = counts.setdefault(commands_of(path), OrderCount())
            count.runs += 1
            at_once = together(path, len(self.meeting.members))
            count.together |= at_once
            count.refused |= any(
                answer.refused and (member, answer.status) not in refusals
                for member, answer in end.answers.items()
            )
            if (violation := self.oracle.judge(end)) is not None:
                count.kinds.add(violation.kind)
                if at_once:
                    count.kinds_together.add(violation.kind)
        return counts

    def _refusals(self) -> set[tuple[int, int]]:
        """Which request some sequence refuses, with which status: in an order that is nothing new."""
        return {
            (member, answer.status)
            for ends in self.oracle.played.values()
            for member, answer in ends[0].answers.items()
            if answer.refused
        }

    def confirmed(self, replays: int) -> list[tuple[FoundViolation, Path]]:
        """Each kind with its shortest order, run again so often; first the sequences are played once more."""
        if not self.kinds():
            return []
        self._play(self.oracle.played.keys())
        by_kind: dict[str, tuple[FoundViolation, Path]] = {}
        while left := [kind for kind in self.kinds() if kind not in by_kind]:
            kind = left[0]
            path, end = min(
                ((path, end) for path, end in self.runs if self._kind(end) == kind),
                key=lambda pair: rank(pair[0]),  # type: ignore[arg-type, return-value]
            )
            self.progress(f"confirming {kind} on real pods")
            again = self._again(path, replays)
            alike = [
                run
                for run in again
                if self.oracle.alike(end, run.end) and commands_of(run.path) == commands_of(path)
            ]
            if self._kind(end) != kind:  # what differed between the runs was what made it a violation
                continue
            by_kind[kind] = (self._found(kind, path, end, len(alike), replays, again), path)
            self.records[kind] = again[0].records
        return [item for kind, item in by_kind.items() if kind in self.kinds()]

    def _again(self, path: Path, replays: int) -> list[SessionRun]:
        prefix = tuple(step.choice for step in path)
        job = self._job(prefix=prefix)
        return self.remote.run([replace(job, record=True), *[job] * (replays - 1)])

    def _found(
        self, kind: str, path: Path, end: End[int], same: int, replays: int, again: Sequence[SessionRun]
    ) -> FoundViolation:
        counts = self.counts().values()
        violation = self.oracle.judge(end)
        assert violation is not None
        names = self.meeting.names
        order = " ".join(f"{name}:{label}" for name, label in shown(path, names))
        ok = same == replays
        others = next((run.end for run in again if self._kind(run.end) != kind), None)
        why = f"run again, it ended otherwise: then {self.oracle.ask_words} {others.ask}" if others else None
        at_once = [count for count in counts if count.together]
        return FoundViolation(
            kind=kind,
            sentence=violation.sentence,
            order=order,
            sent={member.name: self._sent(member.request) for member in self.meeting.members},
            answers={names[index]: str(answer) for index, answer in sorted(end.answers.items())},
            steps=tuple((names[step.choice.request], step.label, step.reply) for step in path),
            seen_in=Tally(sum(kind in count.kinds for count in counts), len(counts)),
            seen_together=Tally(sum(kind in count.kinds_together for count in at_once), len(at_once)),
            confirmed=ok,
            replayed=same,
            replays=replays,
            why=None if ok else why or "run again, its commands came in another order",
        )

    def _sent(self, name: str) -> str:
        request = self.session.request(name).request
        return f"{request.method} {request.path}"

    def _kind(self, end: End[int]) -> str | None:
        violation = self.oracle.judge(end)
        return None if violation is None else violation.kind

    def kinds(self) -> tuple[str, ...]:
        """The kinds of violation that were met, by what is masked now."""
        met = dict.fromkeys(kind for _, end in self.runs if (kind := self._kind(end)) is not None)
        return tuple(met)

    def unclear(self) -> tuple[str, ...]:
        """What could not be told apart, so that no violation is no pass."""
        reasons: list[str] = []
        if self.oracle.masks.hides(ASKED):
            reasons.append(
                f"all of the answer of {self.oracle.ask_words} changes from run to run: what is left of a "
                "session cannot be compared"
            )
        for number, member in enumerate(self.meeting.members):
            request = self.session.request(member.request).request
            without, alone = (self.oracle.played[key][0] for key in ((), (number,)))
            if request.method not in READS and self._same_ask(without, alone):
                reasons.append(
                    f"{self.oracle.ask_words} answers the same with and without {member.name} "
                    f"({request.method} {request.path}): a lost {member.name} cannot be seen"
                )
        reasons += [f"in {count} orders {waits}" for waits, count in self.stuck.items()]
        return tuple(dict.fromkeys(reasons))

    def _same_ask(self, one: End[int], other: End[int]) -> bool:
        seen: Callable[[HttpAnswer], object] = lambda answer: self.oracle.masks.seen(ASKED, answer)  # noqa: E731
        return seen(one.ask) == seen(other.ask)
