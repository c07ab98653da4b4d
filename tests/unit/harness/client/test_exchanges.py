from __future__ import annotations

from typing import Any

import pytest

from devenv.harness.client.exchanges import reason_of


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (500, {"error": "\n<!doctype html>\n<h1>Server Error (500)</h1>\n"}, "HTTP 500: Server Error (500)"),
        (500, {"detail": "Traceback\n  line 1\x1b[31m"}, "HTTP 500: Traceback line 1\\x1b[31m"),
        (422, {"detail": [{"msg": "missing"}]}, "HTTP 422: [{'msg': 'missing'}]"),
        (404, {}, "HTTP 404"),
        (None, {"error": "no connection"}, "no connection"),
    ],
)
def test_why_a_request_failed_is_one_line(status: int | None, body: dict[str, Any], words: str) -> None:
    assert reason_of(status, body) == words


def test_a_long_reason_is_cut() -> None:
    assert len(reason_of(500, {"detail": "x" * 5_000})) < 400
