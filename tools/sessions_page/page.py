"""The page docs/sessions.md from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.sessions_page.by_luck import PAIRS
from tools.sessions_page.compared import PROGRAM, VERSION
from tools.sessions_page.setups import EXPRESSIONS

COMMAND = "python -m tools.sessions_page --measure"
HEAD = f"""\
# Session libraries on Redis: two requests of one session at once

Made by `{COMMAND}`; do not edit. Each library is set up as its own pages say,
with a login, a read (`ask`, GET /me), changes of two fields (`a`, `b`) and a logout. `devenv init` wrote each
devenv.toml; that of Django's cached_db, whose rows are in an SQLite file, has one line more:
`shared-folder = true`. `devenv explore` runs every order of their Redis commands on two pods, and compares
with what one request after the other ends in ([exploration.md](exploration.md#sessions-without-a-model)).
**4 of 6**: in 4 of the 6 orders of the commands a change is lost (`a+b`), or a session that was logged out
works again (`a+logout`, `ask+logout`).
*refused*: in this many orders the service refused a request that it accepts in every sequence.
*at once*: the same of the orders in which all requests are under way before a command runs, where that is
another number; in the others a request starts later.
"""
ORDERS = """\
## The orders

The shortest order of each. Each was run again three times on real pods.
"""
_EXAMPLES = "examples/sessions"
_MENDS = (
    (
        "a change (`a+b`)",
        "`SET … XX`: the whole session is still written; a lock that is given back before the write; WATCH "
        "on another key",
        "write only what changed, in one script, while the key is there",
        ("lost-update", "session-came-back", "cart"),
    ),
    (
        "the logout (`a+logout`)",
        "a lock that the logout gives back before its DEL",
        "the same script; the DEL under the lock; a mark in the session's place where there is another copy",
        ("session-came-back", "unlock-before-delete", "half-a-session"),
    ),
    (
        "the logout, by a read (`ask+logout`)",
        "",
        "write nothing in a read: EXPIRE, never SET",
        ("read-brings-back",),
    ),
    (
        "a change, silently (PHP with locking)",
        "",
        "`redis.session.lock_retries = -1`: a request waits as long as the lock lives",
        ("lock-given-up",),
    ),
)
"""What is lost, what does not mend it, what does, and the examples that prove it."""


LUCK = """\
## By luck

The same pairs of requests without a gate, sent at once to two pods: how many end as no sequence does. The
seconds are those of the pairs, and of `devenv init` and the explorations above, on a machine with two cores
that had other work. Nothing was changed in any service for either. From a service's folder to the first
verdict it is two commands, `devenv init` and `devenv explore a+b`: at most {slowest} seconds.
"""


def first_verdict(row: Mapping[str, Any]) -> int:
    """The seconds of ``devenv init`` and the first exploration of a library."""
    return int(row["init_seconds"]) + int(row["results"][EXPRESSIONS[0]].get("seconds", 0))


def _luck(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    columns = " | ".join(f"`{expression}` by luck" for expression in EXPRESSIONS)
    slowest = max(map(first_verdict, rows), default=0)
    lines = [
        LUCK.format(slowest=slowest),
        f"| library | {columns} | seconds | `devenv init` | `devenv explore` |",
    ]
    lines.append(f"|---|{'---|' * len(EXPRESSIONS)}---|---|---|")
    for row in rows:
        luck = row["luck"]
        cells = " | ".join(f"{luck[name]} of {luck['pairs']}" for name in EXPRESSIONS)
        explored = ", ".join(str(row["results"][expression].get("seconds", "")) for expression in EXPRESSIONS)
        lines.append(f"| {row['title']} | {cells} | {luck['seconds']} | {row['init_seconds']} | {explored} |")
    return lines


LINES = len(PROGRAM.read_text(encoding="utf-8").splitlines())
COMPARED = f"""\
## Compared with frontrun {VERSION}, and with luck

frontrun orders the threads of one Python process, and knows Redis' keys. Three services of
[examples/sessions](examples/sessions): as they are, with a fix that only looks right, with the right one.
Luck: the two requests sent at once to two pods, {PAIRS} times. frontrun starts no pods, and is faster.

| | `devenv explore` | frontrun {VERSION} | {PAIRS} pairs by luck |
|---|---|---|---|
| changed in the service | nothing | nothing | nothing |
| written for it | devenv.toml: `devenv init` writes `[session]` of all three; two lines for each fix | \
a program of {LINES} lines: calls handlers in threads, makes requests by hand, says what is right \
(`tools/sessions_page/programs/frontrun_example.py`) | \
a program that sends the pairs; what is right is asked as `devenv explore` asks it |
| languages | any | Python | any |
| "clean" means | every order of the commands was run | every order of its threads was run | nothing |

| service | | `devenv explore` | runs, seconds | frontrun | runs, seconds | by luck | seconds |
|---|---|---|---|---|---|---|---|"""
_SAYS = {True: "clean", False: "**found**", None: "no verdict"}


def _compared(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [COMPARED]
    for row in rows:
        cells = []
        for tool in ("devenv", "frontrun"):
            result = row[tool]
            cells.append(f"{_SAYS[result['holds']]} | {result['runs'] or '?'}, {result['seconds'] or '?'}")
        luck = row["luck"]
        met = f"{'**found**' if luck['violations'] else 'not found'}, {luck['violations']} of {luck['pairs']}"
        cells.append(f"{met} | {luck['seconds']}")
        lines.append(f"| {row['example']} | {row['fix']} | {' | '.join(cells)} |")
    return lines


def _mends() -> list[str]:
    lines = ["## What mends it", "", "| what is lost | what does not mend it | what does | proven by |"]
    lines.append("|---|---|---|---|")
    for lost, in_vain, mends, examples in _MENDS:
        links = ", ".join(f"[{name}]({_EXAMPLES}/{name})" for name in examples)
        lines.append(f"| {lost} | {in_vain} | {mends} | {links} |")
    return lines


def render(data: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """The whole page."""
    rows = data["libraries"]
    lines = [HEAD, f"| library | {' | '.join(f'`{text}`' for text in EXPRESSIONS)} | versions |"]
    lines.append(f"|---|{'---|' * len(EXPRESSIONS)}---|")
    for row in rows:
        cells = [cell(row["results"][expression]) for expression in EXPRESSIONS]
        lines.append(f"| {row['title']} | {' | '.join(cells)} | {', '.join(row['versions'])} |")
    lines += ["", ORDERS, "| library | | order |", "|---|---|---|"]
    for row in rows:
        for expression in EXPRESSIONS:
            for violation in row["results"][expression].get("violations", ()):
                lines.append(f"| {row['title']} | {violation['kind']} | `{violation['order']}` |")
    return "\n".join([*lines, "", *_luck(rows), "", *_compared(data["compared"]), "", *_mends()]) + "\n"


def cell(result: Mapping[str, Any]) -> str:
    """One exploration in a few words."""
    if "orders" not in result:
        return f"not known: {result['inconclusive']}"
    bad = sum(violation["orders"] for violation in result["violations"])
    words = f"**{bad} of {result['orders']}**" if bad else f"0 of {result['orders']}"
    if result.get("together") not in (None, [bad, result["orders"]]):
        words += " ({} of {} at once)".format(*result["together"])
    if result["refused"]:
        words += f", {result['refused']} refused"
    if not result["complete"]:
        words += ", not complete"
    if result["inconclusive"]:
        words += f" (inconclusive: {result['inconclusive']})"
    return words
