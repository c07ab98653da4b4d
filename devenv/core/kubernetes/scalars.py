"""Which type a YAML reader gives to a plain (unquoted) scalar; Kubernetes wants text in many places.

Kubernetes reads manifests with Go's sigs.k8s.io/yaml, a fork of yaml.v2: YAML 1.1 with Go's
numbers. The rules below are kubectl 1.32's; tests/unit/core/kubernetes/test_scalars.py compares.
"""

from __future__ import annotations

import math
import re
from typing import Literal

import yaml

GoType = Literal["text", "number", "boolean", "null"]

_TRUE = "y Y yes Yes YES true True TRUE on On ON"
_FALSE = "n N no No NO false False FALSE off Off OFF"
_BOOLEANS = frozenset([*_TRUE.split(), *_FALSE.split()])
_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")
_INTEGER = re.compile(r"[-+]?(0[xX][0-9a-fA-F]+|0[bB][01]+|0[oO]?[0-7]+|0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_NUMBER_STARTS = "+-.0123456789"


def go_type(plain: str) -> GoType:
    """The type that Kubernetes' parser gives to the plain scalar ``plain``.

    Dates and times such as ``2026-01-02`` and ``12:30:45`` are text to it. ``.inf`` and ``.nan`` are numbers,
    which it cannot pass on at all.
    """
    if plain in _NULLS:
        return "null"
    if plain in _BOOLEANS:
        return "boolean"
    return "number" if _is_number(plain) else "text"


def _is_number(plain: str) -> bool:
    if plain[0] not in _NUMBER_STARTS:
        return False
    if _NOT_FINITE.fullmatch(plain):
        return True
    digits = plain.replace("_", "")
    if _INTEGER.fullmatch(digits):
        return True
    return _FLOAT.fullmatch(digits) is not None and math.isfinite(float(digits))


def needs_quotes(text: str) -> bool:
    """Whether a YAML 1.1 reader, a YAML 1.2 reader or Go's would read the plain scalar as another type.

    Of the scalars that the other two leave as text, YAML 1.2's core schema reads one kind as a number: those
    that are too large for Go, such as ``1e1000``.
    """
    if go_type(text) != "text" or _FLOAT.fullmatch(text):
        return True
    resolvers = yaml.SafeLoader.yaml_implicit_resolvers
    return any(pattern.match(text) for _, pattern in (*resolvers.get(text[0], ()), *resolvers.get(None, ())))
