"""``devenv import``: a file of recorded traffic becomes a scenario."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.reading import reading
from devenv.core.model.service import ServiceProfile
from devenv.core.scenario import parse
from devenv.core.scenario.parse import parse_data
from devenv.core.scenario.writer import reads_back
from devenv.harness.config.settings import Settings
from devenv.stack.files import decode_text
from devenv.verbs.recordings.composing import Composed, ImportOptions, compose
from devenv.verbs.recordings.formats.access_log import parse_access_log
from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.har import parse_har
from devenv.verbs.recordings.formats.har_files import beside, nothing_attached, open_har
from devenv.verbs.recordings.formats.recorded import Recording

Parse = Callable[[bytes, str, Path | None], Recording]
"""Reads a file's bytes; given are its name in messages, and its folder, None for standard input."""


def _har(data: bytes, name: str, folder: Path | None) -> Recording:
    text, attached = open_har(data, name, nothing_attached if folder is None else beside(folder))
    return parse_har(text, name, attached)


def _text(parse: Callable[[str, str], Recording]) -> Parse:
    """A form that is text and stands alone."""

    def read(data: bytes, name: str, folder: Path | None) -> Recording:
        return parse(decode_text(data, name), name)

    return read


FORMS: Mapping[str, Parse] = {
    "har": _har,
    "log": _text(parse_access_log),
    "curl": _text(parse_curl),
}
STANDARD_INPUT = "-"


def import_file(form: str, path: Path, settings: Settings, options: ImportOptions) -> Composed:
    """Read ``path`` (``-``: standard input) as ``form`` and make a scenario of it, by the service's profile.

    Raises UsageProblem that names file and line or entry.
    """
    recording = recording_of(form, path)
    with reading(recording.source):
        composed = compose(recording, profile_of(settings), options)
    return checked(composed)


def recording_of(form: str, path: Path) -> Recording:
    """Read ``path`` (``-``: standard input) as ``form``. Raises UsageProblem that names file and place."""
    data, name, folder = _read(path)
    with reading(name):
        return FORMS[form](data, name, folder)


def profile_of(settings: Settings) -> ServiceProfile:
    """How the service is spoken to: as a devenv.toml says, else the captcha preset."""
    return settings.service.profile if settings.service is not None else CAPTCHA


def checked(composed: Composed) -> Composed:
    """The same; what we write is what we can read, or this raises."""
    if reads_back(composed.text, composed.data):
        parse_data(composed.data, composed.text, "scenario.yaml")
    else:
        parse(composed.text, "scenario.yaml")
    return composed


def _read(path: Path) -> tuple[bytes, str, Path | None]:
    if str(path) == STANDARD_INPUT:
        return sys.stdin.buffer.read(), "standard input", None
    try:
        return path.read_bytes(), path.name, path.parent
    except OSError as error:
        raise UsageProblem(f"{path}: cannot be read: {error.strerror}") from None
