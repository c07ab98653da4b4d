"""The line of a key in TOML text."""

from __future__ import annotations

import tomllib

import pytest

from devenv.harness.config.toml_lines import MOST_PARTS, line_of, line_of_long_key

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


LONG = ".".join(["a"] * (MOST_PARTS + 1))


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{LONG} = 1", 1),
        (f"b = 1\n[{LONG}]", 2),
        (f'b = """\n"""\n\n[[{LONG}]]', 4),
        (f"a = {{ {LONG.replace('.', ' . ')} = 1 }}", 1),
        ("'a'." + LONG.replace("a", '"b.c"') + " = 1", 1),
        (LONG.removeprefix("a.") + " = 1", None),
        (f'"{LONG}" = 1', None),
        (f"a = '{LONG}'", None),
        (f"a = '''\n{LONG}\n'' {LONG}'''", None),
        (f'a = """\n{LONG} = 1 \\""" {LONG}"""', None),
        (f"# {LONG} = 1\na = 1", None),
        ("a = [" + "1.5, " * 200 + "]", None),
    ],
)
def test_a_key_with_too_many_parts_is_seen_before_it_is_read(text: str, line: int | None) -> None:
    assert line_of_long_key(text) == line
    tomllib.loads(text)  # what is tried is TOML


@pytest.mark.parametrize("unit", ["a.", '"a".', "'a' . ", '\\"', '"""', "'''", '"""\\"', "'\n", '"\n', "#"])
def test_a_text_that_would_take_hours_with_a_look_from_each_quote_is_read(unit: str) -> None:
    line_of_long_key(unit * 500_000)
