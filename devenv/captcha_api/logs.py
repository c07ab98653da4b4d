"""Structured logs: one JSON object per line on stdout."""

from __future__ import annotations

import io
import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any

NAME = "captcha_api"
"""Of the service's logger."""


class _JsonLines(logging.Formatter):
    """time (RFC 3339, UTC), level, pod, request_id, challenge_id, event, then the event's own fields."""

    def __init__(self, pod: str) -> None:
        super().__init__()
        self._pod = pod

    def format(self, record: logging.LogRecord) -> str:
        when = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line: dict[str, Any] = {
            "time": when.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "pod": self._pod,
            "request_id": None,
            "challenge_id": None,
            "event": record.getMessage(),
        }
        line.update(getattr(record, "fields", {}))
        return json.dumps(line, ensure_ascii=False, default=str)


def configure(pod: str) -> logging.Logger:
    """The service's logger, writing as ``pod``; replaces what an earlier call set up."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # The guide's warning lines have a sign that not every console encoding can write.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(_JsonLines(pod))
    logger = logging.getLogger(NAME)
    logger.handlers[:] = [handler]
    logger.setLevel(logging.INFO)
    logger.propagate = False
    return logger


def emit(logger: logging.Logger, level: int, event: str, **fields: Any) -> None:
    """Write one line."""
    logger.log(level, event, extra={"fields": fields})
