"""The page of balancers, docs/balancers.md: a function of what was measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from devenv.core.balance.patterns import PATTERNS
from devenv.core.simulation.intervals import Share, wilson
from tools.balancers_page.settings import SETTINGS, PageSetting

COMMAND = "python -m tools.balancers_page --measure"
_COLUMNS = ("kept", "new", "new+image", "browser", "users", "load-test")
_COMPARED = ("kept", "new", "users")
REFERENCE_SESSIONS = 1000
"""Sessions of each share that was measured before."""
WITHIN = 5.0
"""Points."""

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
{agreeing} of {compared} shares agree within {within:g} points.

"""
NOTES = """
All of these are shares of overlapping `users`. Over the {turns} settings of strict turns their mean is
{here:.1f} % here and was {before:.1f} % before. The likely reason: on a busy machine answers take
longer than the pauses of up to 3 ms, which brings users nearer to lock step.

Requests to pods that fail agree too where the settings are the same. One is not: `retry-on` of HAProxy was
measured there with `option redispatch`, so that the second delivery went to the other pod (`AB=200`); without
it all four go to the same one (`AAAA=502`).
"""
DIFFERENT_HEAD = """\
| setting | clients | here | before | difference, points | why |
|---|---|---|---|---|---|
"""
REASONS: Mapping[tuple[str, str], str] = {
    (
        "nginx:round_robin,workers=2,reuseport=on",
        "users",
    ): "a draw per start: the two workers take turns each by "
    "itself, and which of the 8 connections is whose is drawn when they are opened",
}
"""(setting, clients): why the two measurements differ, where chance does not explain it."""


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
    rows, compared = [], 0
    for setting, record in measured:
        for name, before in zip(_COMPARED, setting.reference or (), strict=False):
            lost, sessions = record["shares"][name]
            here, compared = 100 * lost / sessions, compared + 1
            if abs(here - before) > WITHIN:
                why = REASONS.get((setting.target, name)) or _by_chance(wilson(lost, sessions), before)
                cells = (f"{here:.3g} %", f"{before:g} %", f"{here - before:+.1f}", why)
                rows.append(_row(_name(setting), f"`{name}`", *cells))
    head = COMPARISON_HEAD.format(
        reference=f"{REFERENCE_SESSIONS:,}", agreeing=compared - len(rows), compared=compared, within=WITHIN
    )
    yield head
    if rows:
        yield DIFFERENT_HEAD
        yield from rows
    turns = [item for item in measured if item[0].reference and item[0].reference[:2] == (100, 100)]
    before = [each.reference[2] for each, _ in turns if each.reference]
    here = [100 * record["shares"]["users"][0] / record["shares"]["users"][1] for _, record in turns]
    yield NOTES.format(turns=len(turns), here=_mean(here), before=_mean(before))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def _by_chance(here: Share, before: float) -> str:
    earlier = wilson(round(before * REFERENCE_SESSIONS / 100), REFERENCE_SESSIONS)
    if here.low <= earlier.high and earlier.low <= here.high:
        return "chance: the intervals of both measurements meet"
    return "not known"
