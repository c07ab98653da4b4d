"""A recording becomes a scenario: sessions for ids, pods in turn, overlap and pauses kept, no secrets."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.reading import reading as boundary
from devenv.core.model.service import ServiceProfile
from devenv.core.model.vocabulary import CATALOGUE_STORES, CaptchaType
from devenv.core.model.yaml_lines import MOST_CHARACTERS
from devenv.core.scenario.parse import MOST_ITEMS
from devenv.core.scenario.step_texts import PLACEHOLDER, StepTexts
from devenv.core.scenario.writer import STEPS, read_plain, scenario_head, session_lines
from devenv.verbs.recordings.captures import Captures
from devenv.verbs.recordings.formats.access_log import LogReader
from devenv.verbs.recordings.formats.recorded import Recorded, Recording
from devenv.verbs.recordings.redaction import Redactor
from devenv.verbs.recordings.sessions import Event, Sessions, is_use, session_name
from devenv.verbs.recordings.sorted_lines import SortedLines
from devenv.verbs.recordings.steps import PodChoice, PodsNamed, StepMaker

ANY_KIND = "any"
_PIECE = 1 << 20
_REPORTED = 20_000
_SHOWS = "Every request is answered as it would be by a service of one pod."


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to make the scenario."""

    pods: int | None = None
    """Over this many in turn; None: as recorded, where that is known."""
    routed: bool = False
    """No request names its pod."""
    waits: bool = True
    """Keep pauses."""
    keep: tuple[str, ...] = ()
    """Names of headers and fields not to redact."""


@dataclass(slots=True)
class Composed:
    """The scenario as its file, what was left out or guessed, and what is in it."""

    head: Mapping[str, Any]
    """Its data but for sessions and steps."""
    kinds: Sequence[str]
    """Of each session its kind, in order."""
    texts: StepTexts
    """What wrote the steps."""
    notes: tuple[str, ...]
    requests: int
    steps: int
    characters: int
    """Of the steps as they are written."""
    listed: Sequence[Mapping[str, Any]] | None
    """The steps; None where they are only in the file, as there may be millions."""
    _file: IO[str]
    """The steps as they are written."""

    @property
    def sessions(self) -> int:
        """How many sessions it has."""
        return len(self.kinds)

    @property
    def too_large(self) -> str | None:
        """Why ``devenv replay`` does not read the file; None where it does."""
        if self.steps <= MOST_ITEMS and self.characters <= MOST_CHARACTERS:
            return None
        return (
            f"devenv replay reads files of at most {MOST_ITEMS} steps and {MOST_CHARACTERS} characters, and "
            f"this one has {self.steps} and {self.characters}: import a part of the recording"
        )

    @property
    def data(self) -> Mapping[str, Any]:
        """The scenario as plain data."""
        if self.listed is None:
            read: Mapping[str, Any] = read_plain(self.text)
            return read
        return self._with(dict(self._named()), self.listed)

    @property
    def text(self) -> str:
        """The whole file."""
        return "".join(self.pieces())

    def pieces(self) -> Iterator[str]:
        """The file in pieces of a bounded size."""
        yield scenario_head(self.head).removesuffix(STEPS)
        if self.kinds:
            yield from session_lines(self._named())
        yield STEPS
        self._file.seek(0)
        while piece := self._file.read(_PIECE):
            yield piece

    def sample(self) -> Mapping[str, Any]:
        """A scenario that has one step of each kind of step that this one has."""
        kinds = list(dict.fromkeys(self.kinds))
        others = {f"{PLACEHOLDER}-{kind}": kind for kind in kinds[1:]}
        sessions = {PLACEHOLDER: kinds[0]} | others
        created = [{"create": name} for name in sessions]
        return self._with(sessions, [*created, *self.texts.samples.values()])

    def _named(self) -> Iterator[tuple[str, str]]:
        return ((session_name(number), kind) for number, kind in enumerate(self.kinds))

    def _with(self, sessions: Mapping[str, str], steps: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
        return {**self.head, **({"sessions": sessions} if sessions else {}), "steps": list(steps)}


def compose(recording: Recording, profile: ServiceProfile, options: ImportOptions) -> Composed:
    """Make the scenario. Raises UsageProblem where no request of the recording is about the service."""
    with boundary(recording.source):
        return _composed_of(recording, profile, options)


def _composed_of(recording: Recording, profile: ServiceProfile, options: ImportOptions) -> Composed:
    sessions = Sessions(profile, recording.bodies, recording.unit)
    events = sessions.read(recording)
    named = PodsNamed()
    for event in events:
        if event.request is not None:
            named.add(event.request.pod)
    captures = Captures(sessions.ids)
    captures.find(events)
    source = _Source(recording.source, recording.form, len(recording.requests), recording.notes)
    return _composed(source, sessions, events, captures, named, options)


def compose_log(
    lines: Iterable[str],
    name: str,
    profile: ServiceProfile,
    options: ImportOptions,
    progress: Callable[[float], None] = lambda share: None,
) -> Composed:
    """Make the scenario of the lines of an access log, as ``compose`` does of ``parse_access_log``.

    What is held in memory does not grow with the lines, only with clients and sessions. ``progress`` gets the
    share of the writing that is done, from 0 to 1, when all lines are read.
    """
    log, named = LogReader(name), PodsNamed()
    sessions = Sessions(profile, bodies=False, unit=LogReader.unit)
    ordered = SortedLines()
    try:
        for line in log.read(lines):
            reading = sessions.reading_of(line)
            if is_use(reading):
                ordered.add(line)
                if not sessions.refuses(reading, line.status):
                    named.add(line.pod)
        source = _Source(name, log.form, log.requests, log.notes())
        requests = _reported(map(log.request(), ordered), len(ordered), progress)
        events = (event for request in requests for event in sessions.events(request))
        return _composed(source, sessions, events, Captures({}), named, options)
    finally:
        ordered.close()


def _reported(
    requests: Iterable[Recorded], count: int, progress: Callable[[float], None]
) -> Iterator[Recorded]:
    """The requests, with ``progress`` called after every few thousand of them."""
    for number, request in enumerate(requests, start=1):
        yield request
        if number % _REPORTED == 0:
            progress(number / count)


@dataclass(frozen=True, slots=True)
class _Source:
    """A recording, but for its requests."""

    name: str
    form: str
    requests: int
    """How many it has."""
    notes: tuple[str, ...]


def _composed(
    source: _Source,
    sessions: Sessions,
    events: Iterable[Event],
    captures: Captures,
    named: PodsNamed,
    options: ImportOptions,
) -> Composed:
    pods = PodChoice.of(named, options.pods, options.routed)
    redactor = Redactor(options.keep)
    maker = StepMaker(sessions.profile, captures, redactor, pods, options.waits, sessions.unit)
    texts = StepTexts()
    file: IO[str] = tempfile.SpooledTemporaryFile(_PIECE, "w+", encoding="utf-8", newline="\n")  # noqa: SIM115
    listed: list[Mapping[str, Any]] | None = [] if sessions.bodies else None
    steps = characters = 0
    for step in maker.steps(events):
        text = texts.text(step)
        file.write(text)
        steps += 1
        characters += len(text)
        if listed is not None:
            listed.append(step)
    if not maker.events:
        raise _none_known(source, sessions)
    notes = _notes(source, sessions, maker)
    head = {
        "version": 1,
        "id": _slug(source.name),
        "title": f"Recorded: {maker.events} requests of {source.name}",
        "cause": "pod-memory",
        "needs": ["R"] + ["X"] * maker.overlaps + ["T"] * maker.waits,
        "about": "\n".join([f"From {source.name} ({source.form}).", *notes]) + "\n",
        "stack": {"pods": pods.count},
        "stores": {str(store): {"shows": _SHOWS} for store in CATALOGUE_STORES},
    }
    kinds = [_scenario_kind(kind) for kind in sessions.kinds]
    return Composed(head, kinds, texts, tuple(notes), maker.events, steps, characters, listed, file)


def _none_known(source: _Source, sessions: Sessions) -> UsageProblem:
    profile = sessions.profile
    kinds = profile.kinds.values()
    paths = ", ".join(path for kind in kinds for path in (kind.create.path, kind.verify.path))
    none = f"{source.name}: none of its {source.requests} requests is one of the service's"
    return UsageProblem(
        "; ".join([none, *source.notes, *sessions.notes()]),
        hint=f"the profile {profile.name} knows {paths}; a devenv.toml describes another service",
    )


def _notes(source: _Source, sessions: Sessions, maker: StepMaker) -> list[str]:
    """What is to be known about the scenario, when all its steps are made."""
    notes = [*source.notes, *sessions.notes(), *maker.notes(), *maker.redactor.notes()]
    if not maker.uses and sessions.unknown:
        notes.append("no use of a session is left: a replay of this shows nothing about lost sessions")
    if left_out := source.requests - maker.recorded - sessions.left_out:
        notes.append(f"left out as not about the service: {left_out}")
    if not sessions.bodies:
        notes.append(
            "a log has no bodies: what was answered is not known, so every answer is a wrong one, which is "
            'enough to meet "not found"; whether right answers passed cannot be recovered'
        )
    return notes


def _slug(source: str) -> str:
    parts = re.findall(r"[a-z0-9]+", source.rpartition("/")[2].lower())
    return "-".join(["recorded", *(word for word in parts if word not in ("recorded", "recording"))])


def _scenario_kind(kind: str) -> str:
    return kind if kind in set(CaptchaType) else ANY_KIND
