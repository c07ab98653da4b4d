"""How many sessions each process of a pod has made, as its counts say."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from devenv.captcha_api.metrics import Metrics
from devenv.core.model.vocabulary import CaptchaType
from devenv.verbs.simulate import accepted as module
from devenv.verbs.simulate.accepted import accepted, births_in


def test_a_page_of_metrics_says_how_many_sessions_its_process_has_made() -> None:
    metrics = Metrics()
    assert births_in(metrics.page({}, {}).decode())[1] == 0
    for kind in (CaptchaType.ABSTRACT, CaptchaType.ABSTRACT, CaptchaType.IMAGEGRID):
        metrics.created(kind)
    begun, births = births_in(metrics.page({}, {}).decode())
    assert births == 3
    assert begun > 0


@pytest.mark.parametrize(
    ("counts", "sessions", "shares"),
    [
        ([[10, 60, 30], [50, 25, 25]], 200, (0.55, 0.275, 0.175)),
        ([[70, 30], [50, 25, 25]], 200, (0.6, 0.275, 0.125)),
        ([[10, 60, 30], [50, 25, 25]], 250, ()),
        ([[0], [50, 25, 25]], 100, ()),
    ],
)
def test_shares_are_the_mean_of_the_pods_and_none_where_sessions_are_missing(
    counts: list[list[float]], sessions: int, shares: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = iter(counts)

    async def births(url: str, workers: int) -> Sequence[float]:
        return next(pages)

    monkeypatch.setattr(module, "births_of_processes", births)
    seen = asyncio.run(accepted({"a": "http://a", "b": "http://b"}, 3, sessions))
    assert seen == pytest.approx(shares)
