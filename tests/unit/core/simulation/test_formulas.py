"""Each formula against both engines, which do not know it."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from devenv.core.simulation import formulas
from devenv.core.simulation.causes import Cause
from devenv.core.simulation.exact import whole_share
from devenv.core.simulation.run import Prediction
from devenv.core.simulation.setting import LookupRule, Resize, RollingRestart, Setting, Upstream
from devenv.core.simulation.thinking import Shape, Thinking
from tests.unit.core.simulation.engines import by_events, by_vectors, near

LONG = 1e6
"""A TTL that no session reaches."""
PLAIN = Setting(policy="random", ttl=LONG, rate=50)
ENGINES = pytest.mark.parametrize("play", [by_vectors, by_events], ids=["vectors", "events"])
Play = Callable[[Setting], Prediction]


def setting(**fields: object) -> Setting:
    values = {name: getattr(PLAIN, name) for name in PLAIN.__slots__}
    return Setting(**{**values, **fields})


def holds(play: Play, played: Setting, expected: float) -> None:
    tally = play(played).tally
    assert near(expected, tally.lost / tally.sessions, tally.sessions), (expected, tally.share)


@ENGINES
@pytest.mark.parametrize(("pods", "lookups"), [(2, 1), (3, 1), (5, 3), (100, 1)])
def test_random_lookups(play: Play, pods: int, lookups: int) -> None:
    holds(play, setting(pods=pods, lookups=lookups), formulas.random_lookups(pods, lookups))


@ENGINES
@pytest.mark.parametrize(
    ("accepts", "lookups"), [((5, 3, 1, 1), 1), ((5, 3, 1, 1), 2), ((), 1), ((1, 0, 0, 0), 1)]
)
def test_same_process(play: Play, accepts: tuple[float, ...], lookups: int) -> None:
    workers = setting(pods=2, workers=4, upstream=Upstream.NEW, accepts=accepts, lookups=lookups)
    result = (1 - formulas.random_lookups(2, lookups)) * formulas.same_process(workers.worker_shares, lookups)
    holds(play, workers, 1 - result)
    assert whole_share(workers) == pytest.approx(1 - result)
    assert formulas.same_process(workers.worker_shares, lookups) >= 4**-lookups


@ENGINES
@pytest.mark.parametrize(("pods", "redis"), [(2, 1), (4, 1), (4, 3), (4, 0), (4, 4)])
def test_mixed_flags(play: Play, pods: int, redis: int) -> None:
    holds(play, setting(pods=pods, redis_pods=redis), formulas.mixed_flags(pods, redis))


@ENGINES
def test_added_pods(play: Play) -> None:
    holds(play, setting(pods=5, redis_pods=2), formulas.added_pods(3, 2))


@ENGINES
@pytest.mark.parametrize(("pods", "redis"), [(2, 1), (4, 1), (4, 3)])
def test_births_by_flag(play: Play, pods: int, redis: int) -> None:
    mark = setting(pods=pods, redis_pods=redis, rule=LookupRule.MARK)
    holds(play, mark, formulas.births_by_flag(pods, redis))


@ENGINES
@pytest.mark.parametrize(("pods", "redis"), [(2, 1), (4, 1), (4, 3)])
def test_cohort(play: Play, pods: int, redis: int) -> None:
    cohort = setting(pods=pods, redis_pods=redis, rule=LookupRule.COHORT)
    holds(play, cohort, formulas.cohort(pods, redis))


def resized(policy: str, before: int, after: int) -> Setting:
    """Every session is born before the resize and looked up after it."""
    thinking = Thinking(Shape.FIXED, 20.0)
    return setting(
        pods=before, policy=policy, thinking=thinking, resize=Resize(10.0, after), window=10.5, rate=200
    )


@ENGINES
@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2), (4, 6), (5, 10), (10, 9)])
def test_hash_mod_moved(play: Play, before: int, after: int) -> None:
    tally = play(resized("hash-mod", before, after)).tally
    share = formulas.hash_mod_moved(before, after) * (10 / 10.5)
    assert near(share, tally.lost / tally.sessions, tally.sessions)
    assert tally.by_label["resize"] == tally.lost


@ENGINES
@pytest.mark.parametrize(("before", "after"), [(2, 3), (3, 2), (4, 8), (9, 8)])
def test_rendezvous_moved(play: Play, before: int, after: int) -> None:
    tally = play(resized("source-hash", before, after)).tally
    share = formulas.rendezvous_moved(before, after) * (10 / 10.5)
    assert near(share, tally.lost / tally.sessions, tally.sessions)
    assert tally.by_label["resize"] == tally.lost


def test_rendezvous_moves_one_share_of_a_pod() -> None:
    assert formulas.rendezvous_moved(4, 5) == pytest.approx(1 / 5)
    assert formulas.rendezvous_moved(5, 4) == pytest.approx(1 / 5)


@pytest.mark.parametrize(("before", "after"), [(2, 3), (4, 6), (6, 4), (7, 7), (5, 10)])
def test_hash_mod_moved_is_what_counting_gives(before: int, after: int) -> None:
    cycle = math.lcm(before, after)
    moved = sum(number % before != number % after for number in range(cycle)) / cycle
    assert formulas.hash_mod_moved(before, after) == pytest.approx(moved)


@ENGINES
@pytest.mark.parametrize("idle_limit", [0.0, 5.0, 20.0])
def test_kept_connection(play: Play, idle_limit: float) -> None:
    kept = setting(pods=4, policy="per-connection", keep_alive=idle_limit)
    holds(play, kept, formulas.kept_connection(4, idle_limit, 8.0))


@ENGINES
@pytest.mark.parametrize("pods", [2, 5])
@pytest.mark.parametrize("text", ["exponential:8s", "uniform:2s-60s", "lognormal:8s:0.8", "fixed:5s"])
def test_rolling_restart_losses(play: Play, pods: int, text: str) -> None:
    thinking = Thinking.parse(text)
    rolling = setting(
        pods=pods, policy="cookie-sticky", ttl=30.0, thinking=thinking, rolling=RollingRestart(30.0, 7.0)
    )
    tally = play(rolling).tally
    in_window = formulas.rolling_restart_losses(rolling.rate, thinking, rolling.ttl)
    share = in_window / (rolling.rate * rolling.span)
    restarts = int(tally.causes[Cause.RESTART])
    assert near(share, restarts / tally.sessions, tally.sessions), (share, restarts / tally.sessions)


@ENGINES
@pytest.mark.parametrize(("share", "lookups"), [(0.1, 1), (0.1, 5), (0.5, 2)])
def test_canary_drift(play: Play, share: float, lookups: int) -> None:
    drifting = setting(pods=3, policy=f"sticky-canary:{share}", lookups=lookups)
    tally = play(drifting).tally
    expected = formulas.canary_drift(share, lookups + 1)
    assert near(expected, tally.canary / tally.sessions, tally.sessions)


@ENGINES
def test_resize_losses(play: Play) -> None:
    thinking = Thinking.parse("exponential:8s")
    resize = setting(pods=4, policy="hash-mod", ttl=60.0, thinking=thinking, resize=Resize(60.0, 6), rate=20)
    tally = play(resize).tally
    moved = formulas.hash_mod_moved(4, 6)
    share = formulas.resize_losses(20, thinking, 60.0, moved) / (20 * resize.span)
    assert near(share, tally.by_label["resize"] / tally.sessions, tally.sessions)
