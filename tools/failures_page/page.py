"""The page of failures, docs/failures.md: a function of the catalogue and of what was measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from devenv.core.diagnosis.findings import CHANGES
from devenv.core.model.vocabulary import CATALOGUE_STORES
from devenv.core.render.sequence import SequenceMessage, draw_mermaid, draw_text
from devenv.core.scenario import (
    Create,
    Gate,
    Redis,
    RedisCommandStep,
    RedisServer,
    Scenario,
    Step,
    Together,
    Verify,
    catalogue,
    find,
)
from devenv.core.scenario.schema import schema
from devenv.verbs.replay.observed import title
from tools.failures_page.measuring import AT_ONCE_S, shown_store

WIDTH = 118
COMMAND = "python -m tools.failures_page --measure"

HEAD = """\
# What goes wrong when sessions move from pod memory to Redis

Made by `{command}`, which plays every scenario on real pods and writes
down what users got; do not edit. This is what happened with {engine} and redis-py {redis_py}. The scenarios
say what is expected of each store, and the tests play them all.

`devenv replay NAME --strategy memory|guide|atomic` plays one. `memory` is USE_REDIS=false, `guide` the
migration guide's commands as published, `atomic` the fix. A and B are pods. needs: R routing only ·
C configuration · F a fault · X requests that overlap · T time.

"not found" is the message `Challenge not found`, "created" a new challenge. An answer without a time came at
once (in less than {at_once:g} s). The guide lets most errors of Redis rise as HTTP 500; services in the field
swallowed them, and so do the scenarios that set GUIDE_ERRORS=swallow. Those called `…-letter` do not.
"""

FAULTS_HEAD = """\
## Faults of Redis, and what users got

While it lasted and, after "then", once it was over, without a restart of any pod. REDIS_TIMEOUT_MS is 1000,
and 400 where Redis is paused. redis-py 5 gives up at the first error; newer versions try ten times again,
hence the seconds. Where memory says not found afterwards, the other pod was asked.
"""

FAULTS_TAIL = """\
The atomic store's scenarios expect that a 503 comes after one more try at most (the gate counts the pod's new
connections to Redis), no pass without the right answer and no graded answer that is not counted. Where it
says "Challenge already solved" after a 503, the answer had been right and had counted, and only its reply was
lost: see [stores.md](stores.md#atomic).
"""

FAULTS = (
    ("redis-dies", "Redis is killed (errors swallowed)"),
    ("redis-dies-letter", "Redis is killed (the guide to the letter)"),
    ("redis-late", "Redis starts after the pods"),
    ("redis-hangs", "Redis is paused (SIGSTOP)"),
    ("writes-refused", "Redis is full (errors swallowed)"),
    ("writes-refused-letter", "Redis is full (the guide to the letter)"),
    ("writes-refused-replica", "Redis is a read-only replica"),
    ("flushed", "Redis is emptied"),
    ("reply-lost", "replies of Redis are lost"),
)

NOT_PLAYED = (
    *(
        (
            f"`{cause}`",
            symptom,
            "it is about a session of a service of one's own; `devenv explore` finds it: "
            "[exploration.md](exploration.md#sessions-without-a-model)",
        )
        for cause, symptom in (
            ("lost-update", "of two changes at once, both told ok, one is lost"),
            ("session-came-back", "a request in flight brings back a session that was ended"),
            ("not-serial", "the answers are those of no sequence of the requests"),
        )
    ),
    (
        "`answer-leak`",
        "the failure reply carries the answer: copy it, pass",
        "the reference service sends it only when the challenge has ended",
    ),
    (
        "`predictable-answer`",
        "positives always come first: four possible answers",
        "the reference service shuffles them",
    ),
)

Measured = Mapping[str, Any]


def render(data: Measured) -> str:
    """The whole page, in Markdown."""
    by_cause: dict[str, list[Scenario]] = {}
    for scenario in catalogue():
        by_cause.setdefault(scenario.cause, []).append(scenario)
    causes = [cause for cause in schema()["properties"]["cause"]["enum"] if cause in by_cause]
    for cause in causes:  # the scenario that is named like its cause comes first
        by_cause[cause].sort(key=lambda item: (item.id != cause, item.id))
    measured = data["scenarios"]
    head = HEAD.format(
        command=COMMAND,
        engine=data["engine"].capitalize(),
        redis_py=data["redis_py"],
        at_once=AT_ONCE_S,
    )
    sections = [_section(cause, by_cause[cause], measured) for cause in causes]
    return "\n".join([head, _contents(causes, by_cause), _faults(measured), *sections, _not_played()])


def _faults(measured: Measured) -> str:
    rows = [_row("", *CATALOGUE_STORES), "|---|---|---|---|"]
    for name, words in FAULTS:
        scenario = find(name)
        cells = [
            _during_and_after(scenario, measured[name][store]) if store in scenario.strategies else "–"
            for store in CATALOGUE_STORES
        ]
        rows.append(_row(f"[{words}](#{scenario.cause})", *cells))
    return "\n".join([FAULTS_HEAD, *rows, "", FAULTS_TAIL])


def _during_and_after(scenario: Scenario, measured: Measured) -> str:
    """What was answered while the fault lasted, each kind once with its longest time; then afterwards."""
    got: dict[bool, dict[str, float]] = {True: {}, False: {}}
    lasts = begun = False
    for number, step in enumerate(scenario.steps, start=1):
        lasts = _lasts(step, lasts)
        begun = begun or lasts
        for answer in measured["answers"]:
            kind = answer["got"].split(",")[0]
            if begun and answer["step"] == number and kind != "no challenge":
                took = max(got[lasts].get(kind, 0.0), answer["took"])
                got[lasts][kind] = took
    during, after = (
        ", ".join(_timed(kind, took) for kind, took in got[item].items()) for item in (True, False)
    )
    return f"{during}; then {after}" if after else during


def _lasts(step: Step, lasts: bool) -> bool:
    """Whether a fault lasts after this step: what sets Redis a second time takes it back."""
    match step:
        case RedisServer(action=action):
            return action in ("stop", "pause", "flush")
        case Gate(rules=rules):
            return rules is not None
        case RedisCommandStep(words=("CONFIG" | "REPLICAOF", *_)):
            return not lasts
        case Together(order=order) if any("!lost" in line for lines in order.values() for line in lines):
            return True
    return lasts


def _not_played() -> str:
    rows = [_row(*cells) for cells in NOT_PLAYED]
    return "\n".join(
        ["## Not played here", "", _row("cause", "symptom", "why not"), "|---|---|---|", *rows, ""]
    )


def _contents(causes: Sequence[str], by_cause: Mapping[str, Sequence[Scenario]]) -> str:
    rows = [_row("cause", "what happens", "needs", "the bug with"), "|---|---|---|---|"]
    for cause in causes:
        first = by_cause[cause][0]
        needs = sorted({need for scenario in by_cause[cause] for need in scenario.needs}, key="RCFXT".index)
        buggy = [
            str(store)
            for store in CATALOGUE_STORES
            if any(store in item.strategies and item.stores[store].bug for item in by_cause[cause])
        ]
        rows.append(
            _row(f"[{cause}](#{cause})", first.title, " ".join(needs) or "–", ", ".join(buggy) or "none")
        )
    return "\n".join(rows) + "\n"


def _section(cause: str, scenarios: Sequence[Scenario], measured: Measured) -> str:
    lines = [f"## {cause}", ""]
    if cause in CHANGES:
        lines += [f"**Mended by:** {CHANGES[cause]}.", ""]
    for number, scenario in enumerate(scenarios):
        lines += _scenario(scenario, measured[scenario.id], with_picture=number == 0)
    return "\n".join(lines)


def _scenario(scenario: Scenario, measured: Measured, *, with_picture: bool) -> list[str]:
    store = shown_store(scenario)
    lines = [f"### {scenario.title}", ""]
    if scenario.about:
        lines += [scenario.about, ""]
    lines += ["```", f"devenv replay {scenario.id} --strategy {store}", "```", ""]
    lines += [_row("store", "what a person gets"), "|---|---|"]
    for each, note in scenario.stores.items():
        if note.not_applicable is not None:
            lines.append(_row(str(each), f"– {note.not_applicable}"))
        else:
            lines.append(_row(str(each), ("**the bug:** " if note.bug else "") + (note.shows or "")))
    lines += ["", *_answers(scenario, measured)]
    for each in scenario.strategies:
        for schedule in measured[str(each)]["schedules"]:
            lines += [f"The order with `{each}`: `{schedule}`", ""]
    if with_picture:
        messages = [
            SequenceMessage(float(index), source, target, label, kind, tuple(via))
            for index, (source, target, label, kind, via) in enumerate(measured[str(store)]["picture"])
        ]
        lines += [f"With `{store}`:", "", "```text"]
        lines += [line.text.rstrip() for line in draw_text(messages, width=WIDTH)]
        lines += ["```", "", "<details><summary>the same as a diagram</summary>", "", "```mermaid"]
        lines += [draw_mermaid(messages).rstrip(), "```", "", "</details>", ""]
    return lines


def _answers(scenario: Scenario, measured: Measured) -> list[str]:
    """A table of what each request got, by store, and of what was done between them."""
    stores = [str(store) for store in scenario.strategies]
    got = {
        store: {(answer["step"], answer["request"]): answer for answer in measured[store]["answers"]}
        for store in stores
    }
    rows = []
    for number, step in enumerate(scenario.steps, start=1):
        for name in (step.names or (None,)) if isinstance(step, Together) else (None,):
            cells = [_cell(_at(got[store], number, name)) for store in stores]
            if not _is_shown(step, cells):
                continue
            rows.append(_row(_spoken(step, name), *cells))
    return [_row("", *stores), "|---|" + "---|" * len(stores), *rows, ""] if rows else []


def _at(answers: Mapping[tuple[int, str | None], Measured], number: int, name: str | None) -> Measured | None:
    """A request's answer; of requests whose order was left open, what they got together."""
    return answers.get((number, name)) or answers.get((number, None))


def _is_shown(step: Step, cells: Sequence[str]) -> bool:
    if isinstance(step, Create):
        return any(cell != "created" for cell in cells)
    if isinstance(step, Together):
        return bool(step.expect)
    return not isinstance(step, Redis)


def _cell(answer: Measured | None) -> str:
    if answer is None:
        return ""
    return _timed(answer["got"], answer["took"])


def _timed(got: str, took: float) -> str:
    return f"{got} after {took:g} s" if took else got


def _spoken(step: Step, name: str | None) -> str:
    if isinstance(step, Together) and name is not None:
        return f"*{name}:* {title(step.verifies[step.names.index(name)])}"
    if isinstance(step, Together):
        return f"{len(step.verifies)} verifies at once"
    words = title(step).replace("|", "\\|")
    return words if isinstance(step, Create | Verify | RedisCommandStep) else f"*{words}*"


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"
