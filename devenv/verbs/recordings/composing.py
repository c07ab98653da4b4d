"""A recording becomes a scenario: sessions for ids, pods in turn, overlap and pauses kept, no secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceProfile
from devenv.core.model.vocabulary import CATALOGUE_STORES, CaptchaType
from devenv.core.scenario.writer import scenario_yaml
from devenv.verbs.recordings.captures import Captures
from devenv.verbs.recordings.formats.recorded import Recording
from devenv.verbs.recordings.redaction import Redactor
from devenv.verbs.recordings.sessions import Sessions, names_of
from devenv.verbs.recordings.steps import PodChoice, StepMaker

ANY_KIND = "any"
_SHOWS = "Every request is answered as it would be by a service of one pod."


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How to make the scenario."""

    pods: int | None = None
    """Over so many in turn; None: as recorded, where that is known."""
    routed: bool = False
    """No request names its pod."""
    waits: bool = True
    """Keep pauses."""
    keep: tuple[str, ...] = ()
    """Names of headers and fields not to redact."""


@dataclass(frozen=True, slots=True)
class Composed:
    """The scenario as plain data and as its file, what was left out or guessed, and what is in it."""

    data: Mapping[str, Any]
    text: str
    notes: tuple[str, ...]
    requests: int
    sessions: int


def compose(recording: Recording, profile: ServiceProfile, options: ImportOptions) -> Composed:
    """Make the scenario. Raises UsageProblem where no request of the recording is about the service."""
    sessions = Sessions(profile, recording.bodies, recording.unit)
    events = sessions.read(recording)
    if not events:
        paths = ", ".join(
            path for kind in profile.kinds.values() for path in (kind.create.path, kind.verify.path)
        )
        raise UsageProblem(
            "; ".join(
                [
                    f"{recording.source}: none of its {len(recording.requests)} requests is one of the "
                    "service's",
                    *recording.notes,
                    *sessions.notes(),
                ]
            ),
            hint=f"the profile {profile.name} knows {paths}; a devenv.toml describes another service",
        )
    pods = PodChoice.of(events, options.pods, options.routed)
    maker = StepMaker(
        profile, Captures(sessions.ids), Redactor(options.keep), pods, options.waits, recording.unit
    )
    steps = maker.steps(events)
    known = sum(1 for event in events if event.request is not None) + sessions.left_out
    left_out = len(recording.requests) - known
    notes = [*recording.notes, *sessions.notes(), *maker.notes(), *maker.redactor.notes()]
    if not any(event.use == "verify" for event in events) and sessions.unknown:
        notes.append("no use of a session is left: a replay of this shows nothing about lost sessions")
    if left_out:
        notes.append(f"left out as not about the service: {left_out}")
    if not recording.bodies:
        notes.append(
            "a log has no bodies: what was answered is not known, so every answer is a wrong one, which is "
            'enough to meet "not found"; whether right answers passed cannot be recovered'
        )
    names = names_of(events)
    data = {
        "version": 1,
        "id": _slug(recording.source),
        "title": f"Recorded: {len(events)} requests of {recording.source}",
        "cause": "pod-memory",
        "needs": ["R"] + ["X"] * maker.overlaps + ["T"] * maker.waits,
        "about": "\n".join([f"From {recording.source} ({recording.form}).", *notes]) + "\n",
        "stack": {"pods": pods.count},
        "stores": {str(store): {"shows": _SHOWS} for store in CATALOGUE_STORES},
        **({"sessions": {name: _scenario_kind(kind) for name, kind in names.items()}} if names else {}),
        "steps": steps,
    }
    return Composed(data, scenario_yaml(data), tuple(notes), len(events), len(names))


def _slug(source: str) -> str:
    words = re.findall(r"[a-z0-9]+", source.rpartition("/")[2].lower())
    return "-".join(["recorded", *(word for word in words if word not in ("recorded", "recording"))])


def _scenario_kind(kind: str) -> str:
    return kind if kind in set(CaptchaType) else ANY_KIND
