"""curl's URL patterns."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.curl_globbing import urls_of


@pytest.mark.parametrize(
    ("pattern", "urls"),
    [
        ("http://x/a?b=1", ["http://x/a?b=1"]),
        ("http://x/{a,b}/[1-2]", ["http://x/a/1", "http://x/a/2", "http://x/b/1", "http://x/b/2"]),
        ("http://x/[08-10]", ["http://x/08", "http://x/09", "http://x/10"]),
        ("http://x/[a-e:2]", ["http://x/a", "http://x/c", "http://x/e"]),
        ("http://[::1]:80/[1-2]", ["http://[::1]:80/1", "http://[::1]:80/2"]),
        (r"http://x/\{a\}", ["http://x/{a}"]),
    ],
)
def test_patterns(pattern: str, urls: list[str]) -> None:
    assert list(urls_of(pattern, "")) == urls


@pytest.mark.parametrize(
    ("pattern", "problem"),
    [
        ("http://x/?a[]=1", "c:1: [ in http://x/?a[]=1 is no pattern that curl knows"),
        ("http://x/{a", "c:1: { in http://x/{a is no pattern that curl knows"),
        ("http://x/[1-9999]", "c:1: http://x/[1-9999] stands for 9999 URLs; at most 1000 are taken over"),
        (
            "http://x/[1-1000]" + "y" * 10_000,
            f"c:1: http://x/[1-1000]{'y' * 183}… stands for 1000 URLs of 10017 characters; "
            "at most 10000000 are taken over",
        ),
    ],
)
def test_what_is_no_pattern(pattern: str, problem: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        urls_of(pattern, "c:1: ")
    assert caught.value.message == problem
