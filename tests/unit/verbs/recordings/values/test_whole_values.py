"""Values that stand whole in texts."""

from __future__ import annotations

import pytest

from devenv.verbs.recordings.values.whole_values import WholeValues, whole

VALUES = ("tok-1", "tok-12", "a/b c", "==", "12")


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("x=tok-1", ["tok-1"]),
        ("tok-12, tok-1", ["tok-1", "tok-12", "12"]),
        ("tok-123 xtok-1 tok-1x", []),
        ("xtok-1 tok-1", ["tok-1"]),
        ("q=a%2Fb%20c&r=a%2Fb+c", ["a/b c"]),
        ("a/b c", ["a/b c"]),
        ("a/b cd", []),
        ("x==", []),
        ("-==-", ["=="]),
        ("", []),
    ],
)
def test_a_value_stands_whole_as_it_is_or_percent_encoded(text: str, standing: list[str]) -> None:
    values = WholeValues()
    values.add(VALUES)
    values.add(VALUES)
    assert values.standing_in(text) == standing
    assert [value for value in VALUES if whole(value).search(text)] == standing
