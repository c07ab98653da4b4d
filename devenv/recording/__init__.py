"""Recordings of other people's traffic: read, cleaned of secrets, made into scenarios, made small. Pure."""

from devenv.recording.access_log import parse_access_log
from devenv.recording.composing import Composed, Wish, compose, scenario_yaml
from devenv.recording.curl import parse_curl
from devenv.recording.ddmin import ddmin
from devenv.recording.har import parse_har
from devenv.recording.recorded import Recorded, Recording
from devenv.recording.shrinking import Piece, keep_only, pieces_of
from devenv.recording.turns import across

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
