"""Words that every part uses: captcha types, store strategies, answers, outcomes, pod names."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from string import ascii_lowercase

POD_PREFIX = "captcha-api-"
MAX_PODS = len(ascii_lowercase)


class CaptchaType(StrEnum):
    """The three captchas; the values are the middle part of their Redis keys."""

    ABSTRACT = "abstract"
    IMAGEGRID = "imagegrid"
    HANDWRITING = "handwriting"


class Strategy(StrEnum):
    """Where a pod keeps its sessions: its own memory, or Redis in one of several ways."""

    MEMORY = "memory"
    GUIDE = "guide"
    ATOMIC = "atomic"
    WATCH = "watch"
    GETDEL = "getdel"
    INCR = "incr"


CATALOGUE_STORES = (Strategy.MEMORY, Strategy.GUIDE, Strategy.ATOMIC)
"""Every scenario says what each of these does."""
TEACHING_STORES = (Strategy.WATCH, Strategy.GETDEL, Strategy.INCR)
"""Specimens to explore: docs/stores.md. A scenario may say what they do, and mostly does not."""
REDIS_STORES = (Strategy.GUIDE, Strategy.ATOMIC, *TEACHING_STORES)
"""What SESSION_STRATEGY can be."""


class Answer(StrEnum):
    """What a scripted person answers."""

    RIGHT = "right"
    WRONG = "wrong"
    EMPTY = "empty"


class Outcome(StrEnum):
    """How one verify ended, as its caller can tell.

    ``WRONG`` is a graded failure; ``ERROR`` any other (HTTP error, ungraded message other than not found).
    """

    SUCCESS = "success"
    NOT_FOUND = "not_found"
    WRONG = "wrong"
    ERROR = "error"


NOT_FOUND_MESSAGE = "Challenge not found"


def pod_name(index: int) -> str:
    """The name of the pod at ``index`` (0-based): captcha-api-a, captcha-api-b, …

    Raises ValueError outside 0 … ``MAX_PODS`` - 1.
    """
    if not 0 <= index < MAX_PODS:
        raise ValueError(f"pod index {index} is outside 0..{MAX_PODS - 1}")
    return POD_PREFIX + ascii_lowercase[index]


def pod_place(name: str) -> int:
    """The place of a pod's name among all names, from 0: the inverse of ``pod_name``.

    Raises ValueError for a name that no pod can have.
    """
    return pod_names(MAX_PODS).index(name)


def pod_names(count: int) -> tuple[str, ...]:
    """The names of the first ``count`` pods."""
    return tuple(pod_name(index) for index in range(count))


POD_HEADER = "X-Devenv-Pod"
"""The request header by which the proxy sends a request to the pod that it names."""


def resolve_pod(word: str, pods: Sequence[str]) -> str | None:
    """The pod that ``word`` names: in full, or by its letter in either case; None where there is none."""
    for candidate in (word, POD_PREFIX + word.lower()):
        if candidate in pods:
            return candidate
    return None
