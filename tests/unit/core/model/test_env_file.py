from __future__ import annotations

import pytest

from devenv.core.model.env_file import read_env
from devenv.core.model.errors import UsageProblem


def test_each_variable_has_its_value_and_its_line() -> None:
    text = "# ports\n\nA=1\nexport B='two words'\nC\nA=3\n"
    assert read_env(text, ".env") == {"A": ("3", 6), "B": ("two words", 4), "C": ("", 5)}


def test_other_variables_are_put_in_unless_told_otherwise() -> None:
    text = "HOST=redis\nURL=redis://${HOST}:6379\n"
    assert read_env(text, ".env")["URL"] == ("redis://redis:6379", 2)
    assert read_env(text, ".env", interpolate=False)["URL"] == ("redis://${HOST}:6379", 2)


def test_a_line_that_cannot_be_read_is_named() -> None:
    with pytest.raises(UsageProblem, match=r"web\.env:2: this line cannot be read"):
        read_env('A=1\nB="open\n', "web.env")


def test_values_that_double_from_line_to_line_are_refused_before_they_are_made() -> None:
    doubling = "A0=ab\n" + "".join(f"A{n}=${{A{n - 1}}}${{A{n - 1}}}\n" for n in range(1, 60))
    with pytest.raises(UsageProblem, match=r"^\.env:19: its \$\{…\} give more than 1000000 characters$"):
        read_env(doubling, ".env")
    assert read_env(doubling, ".env", interpolate=False)["A59"] == ("${A58}${A58}", 60)
    assert len(read_env("\n".join(doubling.split("\n")[:18]), ".env")["A17"][0]) == 2 * 2**17
