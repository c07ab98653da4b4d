"""Which links a request follows."""

from __future__ import annotations

import pytest

from devenv.verbs.recordings.values.linked import Links


@pytest.mark.parametrize(
    ("target", "followed"),
    [
        ("/a", ["/a"]),
        ("/a/b", ["/a/b", "/a"]),
        ("/a/b/c?d=1", ["/a/b", "/a"]),
        ("/a?x=1", ["/a?x=1", "/a"]),
        ("/a?x=1&y=2", ["/a?x=1", "/a"]),
        ("/ab", []),
        ("/", []),
        ("", []),
    ],
)
def test_the_longest_link_comes_first(target: str, followed: list[str]) -> None:
    links: Links[int] = Links()
    for number, link in enumerate(("/a", "/a/b", "/a?x=1", "/long/er/than/all", "/a")):
        links.add(link, number)
    assert list(links.followed(target)) == followed
    assert links.known["/a"] == 0
