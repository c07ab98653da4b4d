"""``devenv import``: a file of recorded traffic becomes a scenario."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from devenv.core.model.errors import UsageProblem
from devenv.core.model.presets import CAPTCHA
from devenv.core.model.reading import reading
from devenv.core.model.service import ServiceProfile
from devenv.core.scenario import parse
from devenv.core.scenario.parse import parse_data
from devenv.core.scenario.writer import reads_back, scenario_yaml
from devenv.harness.config.settings import Settings
from devenv.stack.files import decode_text, text_lines, text_pieces
from devenv.verbs.recordings.composing import Composed, ImportOptions, compose, compose_log
from devenv.verbs.recordings.formats.access_log import parse_access_log
from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.har import parse_har
from devenv.verbs.recordings.formats.har_files import beside, is_zip, nothing_attached, open_har
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
Share = Callable[[float | None], None]
"""Takes how much of the work is done, from 0 to 1; None where that is not known."""
_READ_SHARE = 0.6
"""Of the work on a log, what reading its lines is; the rest is writing."""


def import_file(
    form: str, path: Path, settings: Settings, options: ImportOptions, progress: Share = lambda share: None
) -> Composed:
    """Read ``path`` (``-``: standard input) as ``form`` and make a scenario of it, by the service's profile.

    Raises UsageProblem that names file and line or entry.
    """
    profile = profile_of(settings)
    if form == "log":
        return checked(_import_log(path, profile, options, progress))
    return checked(compose(recording_of(form, path, progress), profile, options))


def _import_log(path: Path, profile: ServiceProfile, options: ImportOptions, progress: Share) -> Composed:
    """An access log line by line: it may be larger than the memory."""
    with _opened(path) as (file, name), reading(name):
        size = 0 if str(path) == STANDARD_INPUT else os.fstat(file.fileno()).st_size

        def read(done: int) -> None:
            progress(min(1.0, done / size) * _READ_SHARE if size else None)

        def written(share: float) -> None:
            progress(_READ_SHARE + (1 - _READ_SHARE) * share)

        return compose_log(text_lines(file, name, read), name, profile, options, written)


def recording_of(form: str, path: Path, progress: Share = lambda share: None) -> Recording:
    """Read ``path`` (``-``: standard input) as ``form``. Raises UsageProblem that names file and place."""
    with _opened(path) as (file, name), reading(name):
        folder = None if str(path) == STANDARD_INPUT else path.parent
        if form == "har" and folder is not None and not is_zip(file):
            size = os.fstat(file.fileno()).st_size
            pieces = text_pieces(file, name, lambda done: progress(min(1.0, done / max(1, size))))
            return parse_har(pieces, name, beside(folder))
        return FORMS[form](file.read(), name, folder)


def profile_of(settings: Settings) -> ServiceProfile:
    """How the service is spoken to: as a devenv.toml says, else the captcha preset."""
    return settings.service.profile if settings.service is not None else CAPTCHA


def checked(composed: Composed) -> Composed:
    """The same; what we write is what we can read, or this raises.

    Of a log, whose steps are a few kinds, one step of each kind is read.
    """
    data = composed.data if composed.listed is not None else composed.sample()
    text = composed.text if composed.listed is not None else scenario_yaml(data)
    if reads_back(text, data):
        parse_data(data, text, "scenario.yaml")
    else:
        parse(text, "scenario.yaml")
    return composed


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, str]]:
    """The file, and what messages call it."""
    if str(path) == STANDARD_INPUT:
        yield sys.stdin.buffer, "standard input"
        return
    try:
        with path.open("rb") as file:
            yield file, path.name
    except OSError as error:
        raise UsageProblem(f"{path}: cannot be read: {error.strerror}") from None
