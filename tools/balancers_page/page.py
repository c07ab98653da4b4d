"""The page of balancers, docs/balancers.md: a function of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devenv.core.balance.hiding import percent
from devenv.core.balance.patterns import PATTERNS
from devenv.core.simulation.intervals import Share, wilson
from tools.balancers_page.settings import (
    COMPARED,
    LONG_PAUSES,
    SESSIONS,
    SETTINGS,
    STARTS,
    WITHIN,
    PageSetting,
)

COMMAND = "python -m tools.balancers_page --measure"
_COLUMNS = ("kept", "new", "new+image", "browser", "users", "load-test")
REFERENCE_SESSIONS = 1000
"""Sessions of each share that was measured before."""

HEAD = """\
# Load balancers: who loses sessions, and what hides it

Made by `{command}`; do not edit. Each line is one run of
`devenv balance SETTING` with two pods that keep sessions in their memory, on 127.0.0.1. nginx, HAProxy,
Envoy, Traefik and Caddy are the real programs, in the version that is named. A session is *create*, then
*verify*; it is lost where verify meets a pod that does not know it.

| clients | how they send |
|---|---|
{patterns}

Each pattern ran until its share was known to ± 5 points (95 %, Wilson): 40 sessions for 0 and 100 %, 384
for 50 %. `load-test` is no property of a balancer: without pauses its workers run in lock step, and the
share depends on their number and on the machine. A load test that shows 0 % there proves nothing.

**Parity.** Strict round robin loses 100 % of undisturbed sessions, and 0 % as soon as one request, an image
or a probe, lies between create and verify: compare `new` with `new+image`. Neither is the share that users
see; that is `users`, about half.

## Sessions lost, in %

| setting | {columns} | what hides it |
|---|{bars}---|
"""
CLIENTS_HEAD = """\

## Clients without cookies, and other addresses

Where a balancer sets a cookie, clients that do not send it back lose sessions as without it. Where it
chooses by the client's address, clients whose address changes do.

| setting | cookie | without: kept | without: new | without: users | other addresses | address changes |
|---|---|---|---|---|---|---|
"""
CHANGES_HEAD = """\

## Between create and verify a pod restarts, is added or is removed

100 sessions, verified in another order than they were created, each by a client that keeps its cookie and its
address. `nothing` is the share without any change. To add or remove a pod, the balancer was started again.

| setting | nothing | a pod restarts | a pod is added | a pod is removed |
|---|---|---|---|---|
"""
FAILURES_HEAD = """\

## Requests to a pod that fails

Letters: the pods that received the request, in order, `-` for none; after `=` what the client got
(`closed`: no answer); then the count. *new*: a connection for each request; *reused*: one kept connection,
used before. **Two letters or more: the request was delivered as often.** The pod that fails is A, or B
where A got none of the first requests.

| setting | POST, A closes, new | POST, A closes, reused | GET, A closes, new | POST, both close | \
POST, A does not listen | slowest |
|---|---|---|---|---|---|---|
"""
IDLE_HEAD = """\

## Idle connections, and how long a failed pod is kept out

Pods close a kept connection after 50 ms; 200 POSTs come at that moment, on a busy machine seldom exactly.
A lost race is an answer other than 200. A pod that is *kept out* gets no request while the other gets all: no
session is lost meanwhile, which hides the bug.

| setting | 200 POSTs at the idle limit | kept out after it closed once | after it did not listen |
|---|---|---|---|
"""
COMPARISON_HEAD = """\

## Compared with an earlier measurement

The same settings were measured before with other programs (own client, own pods, {reference} sessions each).
{agreeing} of {compared} shares agree within {within:g} points{later}.

"""
DIFFERENT_HEAD = """\
Shares that did not agree at first, and what {starts} further starts of the balancer with {sessions} sessions
each came to (`python -m tools.balancers_page --again`); *long pauses*: the users' pauses are ten times as
long, so that what the machine takes to answer counts less.

| setting | clients | before | here, at first | again, 95 % interval | of each start | long pauses | \
what it comes to |
|---|---|---|---|---|---|---|---|
"""
NOTES = """
Over the {turns} settings of strict turns the mean of `users` is {here:.1f} % in the first table and was
{before:.1f} % before.

Requests to pods that fail agree too where the settings are the same. One is not: `retry-on` of HAProxy was
measured there with `option redispatch`, so that the second delivery went to the other pod (`AB=200`); without
it all four go to the same one (`AAAA=502`).
"""


def render(data: Mapping[str, Any]) -> str:
    """The page's text. ``data``: what ``measuring`` wrote."""
    measured = [(each, data["settings"][each.title]) for each in SETTINGS if each.title in data["settings"]]
    patterns = "\n".join(f"| `{each.name}` | {each.text} |" for each in PATTERNS if each.name in _COLUMNS)
    head = HEAD.format(
        command=COMMAND,
        patterns=patterns,
        columns=" | ".join(f"`{name}`" for name in _COLUMNS),
        bars="---|" * len(_COLUMNS),
    )
    failing = [(each, record) for each, record in measured if record["failures"]]
    parts = [
        head,
        *(_shares(each, record) for each, record in measured),
        CLIENTS_HEAD,
        *_clients(measured),
        CHANGES_HEAD,
        *(_changes(each, record) for each, record in measured if record["changes"]),
        FAILURES_HEAD,
        *(_failures(each, record) for each, record in failing),
        IDLE_HEAD,
        *(_idle(each, record) for each, record in failing),
        *_comparison(measured),
    ]
    return "".join(parts)


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |\n"


def _name(setting: PageSetting) -> str:
    return f"`{setting.target}`, {setting.version}" if setting.version else f"the proxy, `{setting.target}`"


def _percent(share: Sequence[int] | None) -> str:
    if not share or not share[1]:
        return ""
    return f"{100 * share[0] / share[1]:.3g}"


def _shares(setting: PageSetting, record: Mapping[str, Any]) -> str:
    cells = [_percent(record["shares"].get(name)) for name in _COLUMNS]
    return _row(_name(setting), *cells, ", ".join(record["hides"]) or "nothing")


def _clients(measured: Sequence[tuple[PageSetting, Mapping[str, Any]]]) -> Iterator[str]:
    names = (
        "kept, no cookies", "new, no cookies", "users, no cookies", "new, other addresses",
        "new, address changes",
    )  # fmt: skip
    for setting, record in measured:
        cells = [_percent(record["shares"].get(name)) for name in names]
        if any(cells):
            cookie = f"`{record['cookie']}`" if record["cookie"] else ""
            yield _row(_name(setting), cookie, *cells)


def _changes(setting: PageSetting, record: Mapping[str, Any]) -> str:
    return _row(_name(setting), *(f"{_percent(share)}" for share in record["changes"].values()))


def _summary(record: Mapping[str, Any], start: str) -> str:
    for failure in record["failures"]:
        if failure["name"].startswith(start):
            summary: str = failure["summary"]
            return summary
    return ""


def _failures(setting: PageSetting, record: Mapping[str, Any]) -> str:
    starts = (
        "reads the request and closes, POST, new", "reads the request and closes, POST, reused",
        "reads the request and closes, GET, new", "both pods", "does not listen",
    )  # fmt: skip
    slowest = max(failure["slowest"] for failure in record["failures"])
    return _row(_name(setting), *(_summary(record, start) for start in starts), f"{1000 * slowest:.0f} ms")


def _idle(setting: PageSetting, record: Mapping[str, Any]) -> str:
    return _row(_name(setting), _summary(record, "closes idle"), *record["kept_out"].values())


def _comparison(measured: Sequence[tuple[PageSetting, Mapping[str, Any]]]) -> Iterator[str]:
    compared = sum(len(COMPARED) for setting, _ in measured if setting.reference)
    rows = [
        (setting, name, before, record)
        for setting, record in measured
        for name, before in setting.differing(record)
    ]
    agreeing = [row for row in rows if _agrees(row[3], row[1], row[2])]
    later = f", {len(agreeing)} of them when measured again" if agreeing else ""
    yield COMPARISON_HEAD.format(
        reference=f"{REFERENCE_SESSIONS:,}",
        agreeing=compared - len(rows) + len(agreeing),
        compared=compared,
        within=WITHIN,
        later=later,
    )
    if rows:
        yield DIFFERENT_HEAD.format(starts=STARTS, sessions=f"{SESSIONS:,}")
        yield from (
            _row(_name(setting), f"`{name}`", *_again(record, name, before))
            for setting, name, before, record in rows
        )
    turns = [item for item in measured if item[0].reference and item[0].reference[:2] == (100, 100)]
    earlier = [each.reference[2] for each, _ in turns if each.reference]
    here = [100 * record["shares"]["users"][0] / record["shares"]["users"][1] for _, record in turns]
    yield NOTES.format(turns=len(turns), here=_mean(here), before=_mean(earlier))


def _again(record: Mapping[str, Any], name: str, before: float) -> tuple[str, ...]:
    """The cells of a share that did not agree at first."""
    first = (f"{before:g} %", f"{_percent(record['shares'][name])} %")
    starts = record.get("again", {}).get(name)
    if not starts:
        return (*first, "", "", "", "not measured again")
    pauses = record["again"].get(LONG_PAUSES)
    each = ", ".join(_percent(start) for start in starts)
    longer = percent(_pooled(pauses)) if pauses else ""
    return (*first, percent(_pooled(starts)), each, longer, _outcome(record, name, before))


def _outcome(record: Mapping[str, Any], name: str, before: float) -> str:
    """Why the first share differed, as far as the further starts show it."""
    starts = record["again"][name]
    share = _pooled(starts)
    shares = [wilson(*start) for start in starts]
    apart = max(shares, key=lambda each: each.value).low > min(shares, key=lambda each: each.value).high
    if apart:
        low, high = (f"{100 * choose(each.value for each in shares):.3g}" for choose in (min, max))
        agrees = "agrees on average" if _agrees(record, name, before) else "differs on average"
        return f"{agrees}; a draw per start: {low} to {high} %, more than chance within a start explains"
    if _agrees(record, name, before):
        first = wilson(*record["shares"][name])
        interval = f"the interval of the first, {100 * first.low:.3g} to {100 * first.high:.3g} %,"
        met = first.high >= share.low and first.low <= share.high
        return (
            f"agrees: {interval} meets it" if met else f"agrees; {interval} does not meet it: not known why"
        )
    pauses = record["again"].get(LONG_PAUSES)
    if pauses and _pooled(pauses).value > share.high and abs(100 * _pooled(pauses).value - before) <= WITHIN:
        return "differs, and agrees with long pauses: answers took longer than the pauses here"
    return f"differs by {100 * share.value - before:+.1f} points; not known why"


def _agrees(record: Mapping[str, Any], name: str, before: float) -> bool:
    """Whether a share that was measured again is within ``WITHIN`` of the one before."""
    starts = record.get("again", {}).get(name)
    return bool(starts) and abs(100 * _pooled(starts).value - before) <= WITHIN


def _pooled(starts: Sequence[Sequence[int]]) -> Share:
    """The share of all starts together."""
    return wilson(sum(lost for lost, _ in starts), sum(sessions for _, sessions in starts))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
