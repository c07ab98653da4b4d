"""What is worth knowing although nothing went wrong."""

from __future__ import annotations

import pytest

from devenv.core.diagnosis.remarks import remarks
from devenv.core.diagnosis.stories import join

from .conftest import DOC, PASSED, A, B, Trace


@pytest.mark.parametrize(
    ("replies", "count"),
    [
        (["-LOADING Redis is loading the dataset in memory"], 1),
        (["-LOADING Redis is loading the dataset in memory", DOC], 0),
        ([DOC], 0),
        ([], 0),
    ],
)
def test_a_use_that_passed_although_redis_did_not_show_the_session(
    trace: Trace, replies: list[str], count: int
) -> None:
    challenge_id = trace.create(A, in_redis=True)
    trace.verify(B, challenge_id, PASSED, *(("GET", reply) for reply in replies))
    sentences = remarks(join(trace.events))
    assert len(sentences) == count
    text = f"answered success for {challenge_id[:6]} although Redis had answered GET with -LOADING"
    assert all(text in sentence for sentence in sentences)
    assert remarks(join(trace.events), trace.now + 1) == ()
