"""Words with a minus sign that are no options."""

from __future__ import annotations

import pytest

from devenv.cli.signed import as_words, plain


@pytest.mark.parametrize("word", ["-1", "-12", "-a", "-z", "-captcha-api-h"])
def test_a_pod_or_a_number_is_no_option(word: str) -> None:
    assert not as_words([word])[0].startswith("-")
    assert plain(as_words([word])) == [word]


@pytest.mark.parametrize("word", ["-h", "--json", "--help", "3", "+1", "-ab", "-"])
def test_other_words_stay(word: str) -> None:
    assert as_words([word]) == [word]
