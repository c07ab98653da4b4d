"""Whatever the OpenAPI description allows is answered as it says, and nothing is a 500."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings


@pytest.mark.parametrize("store", ["memory", "atomic"])
def test_requests_made_from_the_description(store: str, world: Any, request: pytest.FixtureRequest) -> None:
    pod = request.getfixturevalue("memory_pod" if store == "memory" else "atomic_pods")
    pod = pod if store == "memory" else pod[0]
    schema = schemathesis.openapi.from_url(pod.url + "/openapi.json")
    seen = 0
    for described in schema.get_all_operations():
        operation: Any = described.ok()  # type: ignore[union-attr]
        seen += 1

        @settings(
            max_examples=8,
            derandomize=True,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def check(case: Any) -> None:
            response = case.call()
            assert response.status_code < 500, response.text
            case.validate_response(response)

        check()
    assert seen == 12
    assert "Traceback" not in pod.text()
