"""Whatever the service's description allows is answered as it says."""

from __future__ import annotations

from typing import Any

import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import positive_data_acceptance

from mock_ml.app import create_app

NOT_MEANT: Any = [positive_data_acceptance]
"""That whatever the description allows is accepted: no schema names the labels and the pictures."""


def test_requests_made_from_the_description() -> None:
    schema = schemathesis.openapi.from_asgi("/openapi.json", create_app(1))
    called = set()
    for described in schema.get_all_operations():
        operation: Any = described.ok()  # type: ignore[union-attr]
        called.add(f"{operation.method.upper()} {operation.path}")

        @settings(
            max_examples=4, derandomize=True, database=None, deadline=None,
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            if isinstance(case.body, dict) and "timeout" in case.body:
                case.body = {**case.body, "timeout": False}  # it would hold the next requests
            case.validate_response(case.call(), excluded_checks=NOT_MEANT)

        check()
    assert {"GET /oracle", "POST /predict-text", "PUT /faults", "GET /assets/{path}"} <= called
