"""Recordings of other people's traffic: read, cleaned of secrets, made into scenarios, made small. Pure."""

from devenv.core.scenario.pieces import Piece, keep_only, pieces_of
from devenv.core.scenario.pod_rotation import across
from devenv.core.search.ddmin import ddmin
from devenv.recording.access_log import parse_access_log
from devenv.recording.composing import Composed, Wish, compose, scenario_yaml
from devenv.recording.curl import parse_curl
from devenv.recording.har import parse_har
from devenv.recording.recorded import Recorded, Recording

__all__ = [
    "Composed",
    "Piece",
    "Recorded",
    "Recording",
    "Wish",
    "across",
    "compose",
    "ddmin",
    "keep_only",
    "parse_access_log",
    "parse_curl",
    "parse_har",
    "pieces_of",
    "scenario_yaml",
]
