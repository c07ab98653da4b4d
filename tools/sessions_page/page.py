"""The page docs/sessions.md from what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.sessions_page.compared import VERSION
from tools.sessions_page.setups import EXPRESSIONS

COMMAND = "python -m tools.sessions_page --measure"
HEAD = f"""\
# Session libraries on Redis: two requests of one session at once

Made by `{COMMAND}`; do not edit. Each library is set up as its own pages say,
with a login, a read (`ask`, GET /me), changes of two fields (`a`, `b`) and a logout. `devenv explore`
runs every order of their Redis commands on two pods, and compares with what one request after the other ends
in ([exploration.md](exploration.md#sessions-without-a-model)). **4 of 6**: in 4 of the 6 orders of the
commands a change is lost (`a+b`), or a session that was logged out works again (`a+logout`, `ask+logout`).
*refused*: in so many orders a request was told no that is told yes in every sequence.
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

The same pairs of requests without a gate, sent at once to two pods: in how many a change was lost, and in how
many a logged-out session works again. The seconds are those of the pairs, and of the explorations above, on a
machine with two cores that had other work. Nothing was changed in any service for either.

| library | `a+b` by luck | `a+logout` by luck | seconds | `devenv explore`, seconds |
|---|---|---|---|---|"""


def _luck(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [LUCK]
    for row in rows:
        luck = row["luck"]
        cells = [f"{luck[name]} of {luck['pairs']}" for name in ("a+b", "a+logout")]
        explored = ", ".join(str(row["results"][expression].get("seconds", "")) for expression in EXPRESSIONS)
        lines.append(f"| {row['title']} | {cells[0]} | {cells[1]} | {luck['seconds']} | {explored} |")
    return lines


COMPARED = f"""\
## Compared with frontrun {VERSION}

frontrun orders the threads of one Python process, and knows Redis' keys. Three services of
[examples/sessions](examples/sessions): as they are, with a fix that only looks right, with the right one. For
`devenv explore` nothing is changed in the service, in any language, and its own sequences say what is right.
For frontrun a program of 80 lines calls the handlers in two threads, with requests made by hand, and
says what is right (`tools/sessions_page/programs/frontrun_example.py`); it starts no pods, and is faster.

| service | | `devenv explore` | runs, seconds | frontrun | runs, seconds |
|---|---|---|---|---|---|"""
_SAYS = {True: "clean", False: "**found**", None: "no verdict"}


def _compared(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [COMPARED]
    for row in rows:
        cells = []
        for tool in ("devenv", "frontrun"):
            result = row[tool]
            cells.append(f"{_SAYS[result['holds']]} | {result['runs'] or '?'}, {result['seconds'] or '?'}")
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
    if result["refused"]:
        words += f", {result['refused']} refused"
    if not result["complete"]:
        words += ", not complete"
    if result["inconclusive"]:
        words += f" (inconclusive: {result['inconclusive']})"
    return words
