"""The line of a key in TOML text."""

from __future__ import annotations

import pytest

from devenv.harness.config.toml_lines import line_of

TEXT = """\
preset = "captcha"  # 1

[service]
app = "main:app"
"env-file" = "x"

[session]
open = { path = "/login" }
ask = { path = "/me", method = "GET" }

[session.requests]
a = { path = "/set?a=1" }
b.path = "/set?b=1"

[[profile.not-found]]
status = 404

[[profile.not-found]]
equals = { a = 1 }
"""


@pytest.mark.parametrize(
    ("place", "line"),
    [
        (("preset",), 1),
        (("service", "app"), 4),
        (("service", "env-file"), 5),
        (("session", "open", "path"), 8),
        (("session", "requests", "a"), 12),
        (("session", "requests", "b", "path"), 13),
        (("session", "gone"), 7),
        (("profile", "not-found", "1", "equals"), 19),
        (("fixes",), None),
    ],
)
def test_the_line_of_the_key_or_of_the_table_around_it(place: tuple[str, ...], line: int | None) -> None:
    assert line_of(TEXT, place) == line
