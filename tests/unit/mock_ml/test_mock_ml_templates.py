"""The kept templates are those that the code draws."""

from __future__ import annotations

import numpy as np
import pytest

from mock_ml.icons import THINGS
from mock_ml.templates import drawn_lines, template_lines


@pytest.mark.parametrize("word", [thing.name for thing in THINGS])
def test_the_file_holds_what_is_drawn(word: str) -> None:
    """Where this fails, the drawing has changed: ``python -m mock_ml.templates``."""
    kept = [line for _, line in template_lines([word])]
    drawn = drawn_lines(word)
    assert len(kept) == len(drawn)
    assert all(np.array_equal(one, other) for one, other in zip(kept, drawn, strict=True))


def test_a_word_that_is_not_in_the_file_is_drawn() -> None:
    lines = [line for _, line in template_lines(["zebra"])]
    assert len(lines) == len(drawn_lines("zebra")) and all(line.any() for line in lines)
