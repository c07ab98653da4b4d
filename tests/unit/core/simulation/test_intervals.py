"""Wilson's interval against published values and its own coverage; paired differences; batches."""

from __future__ import annotations

import numpy as np
import pytest

from devenv.core.simulation.intervals import design_effect, paired_difference, unpaired_difference, wilson


def test_wilson_against_published_values() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857-872, table I, method 3."""
    for hits, trials, low, high in [
        (81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718),
    ]:  # fmt: skip
        share = wilson(hits, trials)
        assert [share.low, share.high] == pytest.approx([low, high], abs=5e-5)


def test_wilson_at_its_ends() -> None:
    assert wilson(0, 0).high == 1.0
    assert wilson(5, 5).high == 1.0
    assert wilson(0, 5).low == 0.0
    with pytest.raises(ValueError, match="6 of 5"):
        wilson(6, 5)


@pytest.mark.parametrize("share", [0.01, 0.3, 0.97])
def test_wilson_holds_the_truth_about_nineteen_times_of_twenty(share: float) -> None:
    hits = np.random.default_rng(5).binomial(500, share, 4000)
    held = np.mean([wilson(int(count), 500).holds(share) for count in hits])
    assert 0.925 < held < 0.975


def test_paired_difference_holds_the_truth() -> None:
    rng, held = np.random.default_rng(6), 0
    for _ in range(2000):
        first = rng.random(400) < 0.3
        second = first & (rng.random(400) < 0.9)  # 0.03 less on average
        only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
        held += paired_difference(only_first, only_second, 400).holds(-0.03)
    assert 0.92 < held / 2000 < 0.98


def test_no_discordant_pair_is_no_proof_of_equality() -> None:
    share = paired_difference(0, 0, 1000)
    assert share.value == 0
    assert share.high > 0.003


def test_unpaired_difference_against_published_values() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 873-890, table II, method 10."""
    for first, second, low, high in [
        ((48, 80), (56, 70), 0.0524, 0.3339), ((3, 10), (9, 10), 0.1705, 0.8090),
        ((0, 20), (10, 10), 0.6791, 1.0), ((0, 29), (5, 56), -0.0381, 0.1926),
    ]:  # fmt: skip
        share = unpaired_difference(wilson(*first), wilson(*second))
        assert [share.low, share.high] == pytest.approx([low, high], abs=5e-4)


def test_batches_that_share_their_luck_widen_the_interval() -> None:
    assert design_effect([(50, 100)] * 20) == 1.0
    assert design_effect([(10, 100), (90, 100)] * 10) > 50
    assert design_effect([(10, 100), (90, 100)]) == 1.0  # too few to tell
