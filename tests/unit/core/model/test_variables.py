"""What no process can have as an environment variable is refused, with the reason."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.variables import check_variables, problem_of


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"": "x"}, "'' is no name"),
        ({"A=B": "x"}, "'A=B' is no name"),
        ({"A\0": None}, "'A\\x00' is no name"),
        ({"A": "x\0y"}, "the value of A has a NUL"),
        ({"A": "\ud800"}, "half of a surrogate pair"),
        ({"fine": "x", "\udfff": "y"}, "half of a surrogate pair"),
    ],
)
def test_refused(variables: dict[str, str | None], reason: str) -> None:
    assert reason in str(problem_of(variables))
    with pytest.raises(UsageProblem):
        check_variables(variables)


def test_everything_else_is_taken() -> None:
    check_variables({"A": "", "b.c-d": "x=y\n", "이름": "값 \x1b", "REMOVED": None})
