"""Measures the settings of the page, one after the other; what is known of each is one small record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from devenv.core.balance.measured import Balance
from devenv.core.balance.patterns import pattern_of
from devenv.core.balance.verdict import judge
from devenv.verbs.balance.usecase import ClientKind, Plan, known_patterns, measure
from tools.balancers_page.settings import LONG_PAUSES, SEED, SESSIONS, SETTINGS, STARTS, target_of_setting

PRECISION = 0.05
"""Shares are known to ± 5 points, those of 0 and 100 % from 40 sessions on, others from 384."""
PATTERNS = ("new", "new+image", "kept", "browser", "users", "load-test")
WATCHED = 35.0
"""Seconds: longer than the 30 s of Caddy's fail_duration in a setting."""
PLAN = Plan(
    clients=frozenset({ClientKind.USUAL, ClientKind.NO_COOKIES}),
    sessions=SESSIONS,
    precision=PRECISION,
    patterns=known_patterns(PATTERNS),
    watched=WATCHED,
    seed=SEED,
)
BY_ADDRESS = ("ip_hash", "source", "source_ip", "hrw", "source-hash")
"""The ends of settings that are measured with clients from other addresses too."""


def measure_all(
    data: dict[str, Any],
    only: str,
    progress: Callable[[str], None],
    keep: Callable[[Mapping[str, Any]], None],
) -> None:
    """Measure the settings with ``only`` in their titles into ``data``; ``keep`` hears after each of them.

    A setting whose program is not here in its version keeps what was measured of it before.
    """
    data.setdefault("settings", {})
    for setting in SETTINGS:
        if only not in setting.title:
            continue
        target = target_of_setting(setting)
        if target is None:
            progress(f"{setting.title}: this machine has no program of this version")
            continue
        by_address = setting.target.endswith(BY_ADDRESS)
        plan = replace(PLAN, with_failures=setting.failures, with_changes=setting.failures or by_address)
        if by_address:
            plan = replace(plan, clients=frozenset(ClientKind))
        progress(f"{setting.title} …")
        data["settings"][setting.title] = record(measure(target, plan, lambda text: None))
        keep(data)


def measure_again(
    data: dict[str, Any],
    only: str,
    progress: Callable[[str], None],
    keep: Callable[[Mapping[str, Any]], None],
) -> None:
    """Measure shares that differ from those before with ``STARTS`` times ``SESSIONS``, into ``data``.

    For overlapping users also with pauses ten times as long. ``only`` and ``keep`` as for ``measure_all``.
    """
    for setting in SETTINGS:
        record_of_setting = data["settings"].get(setting.title)
        if only not in setting.title or record_of_setting is None:
            continue
        record_of_setting.pop("again", None)
        names = [name for name, _ in setting.differing(record_of_setting)]
        target = target_of_setting(setting)
        if not names or target is None:
            continue
        progress(f"{setting.title} again …")
        patterns = [pattern_of(name) for name in names]
        users = [pattern for pattern in patterns if pattern.pause]
        patterns += [replace(each, name=LONG_PAUSES, pause=10 * each.pause) for each in users]
        shares: dict[str, list[list[int]]] = {}
        for start in range(STARTS):
            plan = Plan(
                clients=frozenset({ClientKind.USUAL}),
                sessions=SESSIONS,
                patterns=tuple(patterns),
                with_changes=False,
                with_failures=False,
                seed=SEED + start,
            )
            for each in measure(target, plan, lambda text: None).patterns:
                if each.name in {pattern.name for pattern in patterns}:
                    shares.setdefault(each.name, []).append([each.lost, each.sessions])
        record_of_setting["again"] = shares
        keep(data)


def record(balance: Balance) -> dict[str, Any]:
    """The figures of a balancer that the page shows."""
    return {
        "title": balance.title,
        "shares": {each.name: [each.lost, each.sessions] for each in balance.patterns},
        "failed": {each.name: each.failed for each in balance.patterns if each.failed},
        "alternation": {
            each.name: [each.alternation, each.longest_run] for each in balance.patterns if each.sessions
        },
        "exact": {each.name: each.exact.value for each in balance.patterns if each.exact},
        "changes": {str(each.change): [each.lost, each.sessions] for each in balance.changes},
        "failures": [
            {
                "name": f"{each.failure}, {each.method}, {'reused' if each.reused else 'new'}",
                "summary": each.summary,
                "twice": each.twice,
                "slowest": round(each.slowest, 3),
            }
            for each in balance.failures
        ],
        "kept_out": {str(each.failure): each.text for each in balance.kept_out},
        "hides": list(dict.fromkeys(str(hiding.cause) for hiding in judge(balance).hiding)),
        "verdict": judge(balance).verdict,
        "cookie": balance.cookie.partition("=")[0],
    }
