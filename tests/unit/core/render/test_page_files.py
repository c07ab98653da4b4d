"""The page's files are found from wherever the product is installed, and named by their hash."""

from __future__ import annotations

from devenv.core.render.page_files import digest, linked, source


def test_a_script_has_a_module_that_it_would_load_later() -> None:
    usual = linked("js/report.js")
    assert list(usual.later) == ["js/korean.js"]
    whole = linked("js/report.js", ("js/korean.js",))
    assert whole.later == {}
    assert whole.first.index('["js/korean.js"] ??=') < whole.first.index('["js/words.js"] ??=')


def test_a_file_is_read_by_its_path() -> None:
    assert "ISC" in source("vendor/lit-html/LICENSE") or "BSD" in source("vendor/lit-html/LICENSE")


def test_the_hash_is_as_the_policy_writes_it() -> None:
    # The example of https://www.w3.org/TR/CSP3/#example-hash-source: alert('Hello, world.');
    assert digest("alert('Hello, world.');") == "'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='"
