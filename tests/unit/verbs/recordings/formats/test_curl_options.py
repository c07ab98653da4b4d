"""curl's options. They are held against the installed curl's help in tests/integration/verbs/recordings."""

from __future__ import annotations

import pytest

from devenv.verbs.recordings.formats.curl_options import long_name, takes_value


@pytest.mark.parametrize(
    ("option", "value"),
    [("data", True), ("retry-delay", True), ("url-query", True), ("compressed", False), ("no-buffer", False),
     ("no-compressed", False), ("max-redirect", None), ("no-data", None), ("", None)],
)  # fmt: skip
def test_which_options_take_a_value(option: str, value: bool | None) -> None:
    assert takes_value(option) is value


def test_letters() -> None:
    assert (long_name("d"), long_name(":"), long_name("#"), long_name("W")) == (
        "data", "next", "progress-bar", None
    )  # fmt: skip
    assert takes_value(long_name("X") or "") is True
