"""``--like FILE``: the thinking times of a recording, a HAR file or an access log."""

from __future__ import annotations

from pathlib import Path

from devenv.core.model.errors import UsageProblem
from devenv.core.model.service import ServiceProfile
from devenv.core.simulation.thinking import Thinking
from devenv.verbs.recordings.import_file import recording_of
from devenv.verbs.recordings.sessions import Sessions


def thinking_like(path: Path, profile: ServiceProfile) -> Thinking:
    """The times between the end of a session's request and the start of its next one, as ``path`` has them.

    A name that ends in ``.har`` is a HAR file, any other an access log. ``profile`` says which requests
    belong to which session. Raises UsageProblem that names the file.
    """
    recording = recording_of("har" if path.suffix.lower() == ".har" else "log", path)
    times: list[float] = []
    last: dict[str, float] = {}
    for event in Sessions(profile, recording.bodies, recording.unit).read(recording):
        request = event.request
        if event.use == "other" or not event.session or request is None:
            continue
        if request.started is None or request.ended is None:
            continue
        if event.session in last:
            times.append(max(request.started - last[event.session], 0.0))
        last[event.session] = request.ended
    if not times:
        raise UsageProblem(
            f"--like {path}: no session has two requests with times",
            hint=f"the profile {profile.name} says which requests are a session's; see docs/recordings.md",
        )
    return Thinking.measured(times)
