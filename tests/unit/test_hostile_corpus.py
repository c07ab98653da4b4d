"""Texts that benchmarks/fuzz.py kept, as each reached new lines of code, are read or refused again."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import DevenvError
from tests.hostile import CORPUS, READERS, corpus_file, kept_texts


@pytest.mark.parametrize("reader", READERS)
def test_what_fuzzing_kept_is_read_or_refused(reader: str) -> None:
    texts = kept_texts(reader)
    assert texts, "python -m benchmarks.fuzz --keep tests/corpus --only READER"
    for text in texts:
        try:
            READERS[reader](text)
        except DevenvError as error:
            assert "\n" not in error.message, repr(text)


def test_every_file_is_of_a_reader() -> None:
    assert {path.name for path in CORPUS.iterdir()} == {corpus_file(reader).name for reader in READERS}
