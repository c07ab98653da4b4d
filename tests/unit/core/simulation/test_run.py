"""The two engines agree, an exact share lies in both intervals, and a seed gives the same numbers again."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.simulation.causes import LABELS
from devenv.core.simulation.exact import whole_share
from devenv.core.simulation.formulas import cohort
from devenv.core.simulation.run import Effort, EngineName, compare, predict
from devenv.core.simulation.setting import (
    LookupRule,
    Outage,
    PodRestart,
    Resize,
    RollingRestart,
    Setting,
    Upstream,
)
from devenv.core.simulation.thinking import Thinking
from tests.unit.core.simulation.engines import Seeded, Z, by_events, by_vectors, near

HALF_WORDS = {CaptchaType.HANDWRITING: 0.5, CaptchaType.ABSTRACT: 0.5}
SETTINGS = {
    "turns": Setting(),
    "turns, slow traffic": Setting(rate=0.05, thinking=Thinking.parse("fixed:3s")),
    "turns, three look-ups": Setting(pods=3, lookups=3, rate=0.1),
    "a counter for each worker": Setting(policy="turns-per-worker:2", rate=0.5),
    "a counter for each worker, reconnecting": Setting(
        policy="nginx-workers", rate=0.3, keep_alive=0, thinking=Thinking.parse("uniform:1s-3s")
    ),
    "weights": Setting(policy="weighted:a=3,b=1", rate=0.2),
    "random, short TTL": Setting(pods=3, policy="random", ttl=10),
    "connections": Setting(
        pods=4, policy="per-connection", new_connections=0.1, workers=3, accepts=(2, 1, 1)
    ),
    "connections, rolling restart": Setting(
        pods=4, policy="kube-proxy", lookups=2, rolling=RollingRestart(30, 20, 5)
    ),
    "rendezvous, rolling restart": Setting(pods=4, policy="source-hash", rolling=RollingRestart(80, 5, 2)),
    "hash mod, rolling restart": Setting(pods=4, policy="hash-mod", rolling=RollingRestart(80, 9, 6)),
    "random, removed pods": Setting(pods=5, policy="random", resize=Resize(20, 2)),
    "cookie, added pods": Setting(pods=2, policy="cookie-sticky", resize=Resize(20, 4)),
    "flags change": Setting(pods=4, policy="random", rolling=RollingRestart(80, 20, 3, to_redis=True)),
    "flags change, marks": Setting(
        pods=4, policy="random", rule=LookupRule.MARK, rolling=RollingRestart(80, 20, 3, to_redis=True)
    ),
    "cohorts, flags change": Setting(
        pods=4, policy="random", rule=LookupRule.COHORT, rolling=RollingRestart(80, 20, 0, to_redis=True)
    ),
    "outage, retried": Setting(policy="random", redis_pods=2, outages=(Outage(50, 10, 5),), retries=2),
    "outage, mixed flags": Setting(
        pods=3, policy="random", redis_pods=2, outages=(Outage(50, 10),), retries=1
    ),
    "outage that forgets": Setting(
        pods=3, policy="cookie-sticky", redis_pods=3, lookups=3, outages=(Outage(50, 10, math.inf),)
    ),
    "handwriting": Setting(policy="random", rate=0.2, types=HALF_WORDS),
    "handwriting, workers": Setting(
        policy="cookie-sticky", workers=2, upstream=Upstream.NEW, rate=0.3, types=HALF_WORDS
    ),
    "handwriting, rolling restart": Setting(
        policy="cookie-sticky", rate=0.2, types=HALF_WORDS, rolling=RollingRestart(60, 10, 1)
    ),
    "canary": Setting(pods=3, policy="sticky-canary:0.1", lookups=3),
    "pinned, rolling restart": Setting(pods=3, policy="pinned:a", rolling=RollingRestart(60, 10, 1)),
    "crashes": Setting(pods=4, policy="random", redis_pods=2, crash_every=100),
    "all on Redis, expiry": Setting(redis_pods=2, ttl=8),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_engines_agree(name: str) -> None:
    setting = SETTINGS[name]
    vectors, events = by_vectors(setting).tally, by_events(setting).tally
    for label in LABELS:
        first, second = vectors.by_label[label], events.by_label[label]
        share = (first + second) / (vectors.sessions + events.sessions)
        effect = 12.0 if setting.crash_every and label == "restart" else 1.5
        variance = max(share * (1 - share), 1e-5) * effect * (1 / vectors.sessions + 1 / events.sessions)
        assert abs(first / vectors.sessions - second / events.sessions) <= Z * variance**0.5, label
    assert sum(vectors.by_label.values()) == vectors.lost
    assert sum(events.by_label.values()) == events.lost
    calm = vectors.latency(0.5), events.latency(0.5)
    assert calm[0] is not None
    assert calm[0] == pytest.approx(calm[1], rel=0.15)


@pytest.mark.parametrize("name", [name for name, each in SETTINGS.items() if whole_share(each) is not None])
def test_an_exact_share_is_what_both_engines_give(name: str) -> None:
    exact = whole_share(SETTINGS[name])
    assert exact is not None
    for tally in (by_vectors(SETTINGS[name]).tally, by_events(SETTINGS[name]).tally):
        deviation = (max(exact * (1 - exact), 1e-6) / tally.sessions) ** 0.5
        assert abs(tally.lost / tally.sessions - exact) <= Z * deviation


def test_kept_connections_keep_a_session_on_its_worker_while_no_two_requests_overlap() -> None:
    quick = Thinking.parse("uniform:0.2s-1s")  # shorter pauses than the proxy keeps a connection
    alone = Setting(policy="cookie-sticky", workers=4, service_time=0, rate=20, thinking=quick)
    assert by_events(alone, 3000).tally.by_label["other worker"] == 0
    overlapping = replace(alone, service_time=0.3, rate=50)
    lost = by_events(overlapping, 4000).tally.share.value
    fresh = by_events(replace(overlapping, upstream=Upstream.NEW), 4000).tally.share.value
    assert 0.3 < lost < fresh
    assert whole_share(alone) is None
    assert whole_share(replace(alone, upstream=Upstream.NEW)) is not None


def test_the_proxy_closes_idle_connections_before_a_pod_does() -> None:
    """A second connection that is seldom needed is made anew each time, to any worker: more sessions move."""
    seldom = Setting(policy="round-robin", pods=1, workers=4, service_time=0.01, rate=5)
    proxy, nginx = (by_events(replace(seldom, policy=policy), 5000) for policy in ("round-robin", "nginx"))
    assert proxy.tally.share.low > nginx.tally.share.high


def test_measured_times_of_answers_are_taken_in_their_order_and_again_in_each_run() -> None:
    """A first request that takes long has a connection of its own, which its look-up then does not get."""
    pod = Setting(pods=1, workers=64, rate=1000, thinking=Thinking.parse("fixed:1s"))
    effort = Effort(400, engine=EngineName.EVENTS, run=50)
    quick = predict(replace(pod, answer_times=(0.0,)), Seeded(1), effort).tally
    assert quick.batches == [(0, 50)] * 8
    slow_first = predict(replace(pod, answer_times=(20.0, *[0.0] * 99)), Seeded(1), effort).tally
    lost = [lost for lost, _ in slow_first.batches]
    assert max(lost) == 1
    assert sum(lost) >= 6, "a run loses none where both connections are the same worker's, 1 of 64"


def test_double_successes_are_the_guides_alone_and_both_engines_count_as_many() -> None:
    clicks = Setting(
        redis_pods=2, strategy=Strategy.GUIDE, double_clicks=0.5, double_click_gap=0.004, redis_latency=0.002
    )
    vectors, events = by_vectors(clicks).tally, by_events(clicks).tally
    share = vectors.double_successes / vectors.double_clicks
    other = events.double_successes / events.double_clicks
    assert share > 0.05
    assert other == pytest.approx(share, abs=Z * (share / events.double_clicks) ** 0.5)
    atomic = by_vectors(replace(clicks, strategy=Strategy.ATOMIC)).tally
    assert atomic.double_clicks == vectors.double_clicks
    assert atomic.double_successes == 0


def test_answers_of_503_are_counted_with_every_retry() -> None:
    away = Setting(pods=1, redis_pods=1, outages=(Outage(0, 100),), window=10, retries=2)
    tally = by_vectors(away, sessions=1000).tally
    assert tally.unavailable == 3000
    assert tally.by_label["outage"] == 1000
    assert tally.lookups == 0


def test_wrong_refusals_leave_out_expiry_and_outage() -> None:
    tally = by_vectors(Setting(policy="random", ttl=8)).tally
    assert tally.wrong_refusals == tally.by_label["other pod"]
    assert tally.by_label["expiry"] > 0


def test_the_same_seed_gives_the_same_numbers_and_another_one_others() -> None:
    one, again, other = (by_vectors(Setting(), 5000, seed).tally.to_json() for seed in (1, 1, 2))
    assert one == again
    assert one != other
    event_runs = [by_events(Setting(), 2000, seed).tally.to_json() for seed in (1, 1, 2)]
    assert event_runs[0] == event_runs[1] != event_runs[2]


def test_it_stops_when_the_interval_is_narrow_enough() -> None:
    done = predict(Setting(policy="random"), Seeded(1), Effort(10**9, precision=0.002))
    assert done.tally.share.half_width <= 0.002
    assert done.tally.sessions < 10**6


def test_common_numbers_make_a_difference_narrower_than_two_intervals() -> None:
    first = Setting(pods=3, policy="per-connection", ttl=20)
    second = replace(first, ttl=25)
    done = compare(first, second, Seeded(1), 100_000)
    assert done is not None
    assert done.only_second == 0  # a longer TTL loses no session that the shorter one keeps
    assert done.difference.high < 0
    alone = by_vectors(first, 100_000).tally.share.half_width
    assert done.difference.half_width < alone / 2


def test_policies_that_look_at_requests_under_way_are_for_the_event_engine() -> None:
    busy = Setting(policy="lighttpd", service_time=0)
    done = predict(busy, Seeded(1), Effort(5000))
    assert done.engine is EngineName.EVENTS
    assert "under way" in done.reason
    assert done.tally.by_label["other pod"] == 0  # without overlap the first pod has all, as measured
    with pytest.raises(UsageProblem, match="lighttpd"):
        predict(busy, Seeded(1), Effort(5000, engine=EngineName.VECTOR))


def test_the_cohort_policy_of_the_proxy_keeps_sessions_with_their_kind_of_pod() -> None:
    flags = Setting(pods=4, redis_pods=2, policy="cohort:a=on,b=on,c=off,d=off", ttl=1e6)
    done = predict(flags, Seeded(1), Effort(8000))
    assert done.engine is EngineName.EVENTS
    assert done.tally.by_label["flag"] == 0
    assert near(cohort(4, 2), done.tally.share.value, done.tally.sessions)


@pytest.mark.parametrize("balancer", ["nginx", "haproxy", "traefik", "envoy", "apache", "varnish"])
def test_undisturbed_pairs_through_a_strict_round_robin_are_all_lost(balancer: str) -> None:
    alone = Setting(policy=balancer, rate=0.001, thinking=Thinking.parse("fixed:0.1s"))
    assert by_events(alone, 2000).tally.share.value > 0.999
    assert by_vectors(alone, 20_000).tally.share.value > 0.999
    one_between = replace(alone, lookups=2)  # create, image, verify: the verify is back on the first pod
    tally = by_vectors(one_between, 20_000).tally
    assert tally.lookup_causes[0] / tally.lookups == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    ("fields", "message"), [({"sessions": 0}, "sessions"), ({"precision": 1.5}, "precision")]
)
def test_bad_efforts_are_refused(fields: dict[str, float], message: str) -> None:
    with pytest.raises(UsageProblem, match=message):
        Effort(**fields)  # type: ignore[arg-type]


def test_restarts_of_single_pods_lose_what_a_rolling_restart_does() -> None:
    """The same moments, said in two ways; the vectorised engine plays the one, the event engine the other."""
    rolling = Setting(pods=3, policy="cookie-sticky", rolling=RollingRestart(30, 20, 5), window=120)
    restarts = tuple(PodRestart(pod, 30 + 20 * pod, 35 + 20 * pod) for pod in range(3))
    single = replace(rolling, rolling=None, restarts=restarts)
    expected, measured = by_vectors(rolling).share, by_events(single, 40_000)
    assert near(expected.value, measured.share.value, measured.tally.sessions, 2)
    twice = replace(single, restarts=(*restarts, PodRestart(0, 100, 101)))
    more = predict(twice, Seeded(1), Effort(40_000))
    assert more.engine is EngineName.EVENTS
    assert more.share.low > predict(single, Seeded(1), Effort(40_000)).share.high


def test_no_way_of_accepting_kept_connections_loses_more_or_less_than_the_bounds() -> None:
    """The same requests and connections: a process of its own for each connection, four of them, one."""
    quick = Thinking.parse("uniform:0.2s-1.5s")
    busy = Setting(policy="round-robin", workers=4, service_time=0.02, rate=40, thinking=quick)
    lost = [
        by_events(each, 6000).tally.share.value
        for each in (
            replace(busy, workers=1),
            replace(busy, accepts=(8, 4, 2, 1)),
            busy,
            replace(busy, upstream=Upstream.APART),
        )
    ]
    assert lost == sorted(lost)
    assert lost[0] + 0.05 < lost[2] < lost[3] - 0.02
