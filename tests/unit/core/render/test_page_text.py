from __future__ import annotations

import pytest

from devenv.core.render.page_text import page_text

DJANGO = (
    '\n<!doctype html>\n<html lang="en">\n<head>\n  <title>Server Error (500)</title>\n</head>\n<body>\n'
    "  <h1>Server Error (500)</h1><p></p>\n</body>\n</html>\n"
)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (DJANGO, "Server Error (500)"),
        ("<html><style>h1 {}</style><body><h1>Bad</h1> <p>a &lt; b</p><script>let x</script>", "Bad a < b"),
        ("<html><body></body></html>", "<html><body></body></html>"),
        ("1 < 2 and <b> stays", "1 < 2 and <b> stays"),
        ("", ""),
    ],
)
def test_what_an_error_page_shows(text: str, shown: str) -> None:
    assert page_text(text) == shown


def test_only_the_beginning_of_a_page_is_read() -> None:
    assert page_text("<html>begin" + " " * 20_000 + "end") == "begin"
