"""The HTML report of measured balancers: one file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from devenv.core.balance.hiding import percent
from devenv.core.balance.measured import Balance, PatternResult
from devenv.core.balance.patterns import PATTERNS
from devenv.core.render.document import Cell, Document, Fact, Section, Table
from devenv.core.render.html import render
from devenv.stack.files import write_atomically
from devenv.verbs.balance.plots import drawn
from devenv.verbs.balance.usecase import Measured
from devenv.verbs.simulate.pictures import available


def write_report(path: Path, measured: Sequence[Measured], seed: int) -> None:
    """Write it to ``path``. Raises as ``write_atomically``."""
    write_atomically(path, render(document(measured, seed)), "--html")


def document(measured: Sequence[Measured], seed: int) -> Document:
    """The report's content; with a picture where matplotlib is installed."""
    balances = [each.balance for each in measured]
    svg = drawn(balances, "svg").decode() if available() else ""
    note = "" if svg else "No picture: pip install 'devenv[plots]' draws one."
    overview = Section("Sessions lost", note=note, tables=(_overview(measured),), svg=svg)
    facts = [Fact("seed", str(seed)), Fact("pods", str(balances[0].pods))]
    facts += [Fact(each.target, each.title) for each in balances]
    facts += [Fact(pattern.name, pattern.text) for pattern in PATTERNS if not pattern.between]
    holds = all(each.judgement.verdict == "holds" for each in measured)
    return Document(
        language="en",
        title="devenv balance",
        subtitle="measured on 127.0.0.1, sessions in the pods' memory",
        holds=holds,
        verdict=_verdict(measured),
        sections=(overview, *(_section(each) for each in measured)),
        facts_title="Setting",
        facts=tuple(facts),
        commands_title="Commands",
        commands=(),
    )


def _verdict(measured: Sequence[Measured]) -> str:
    """Of one its own sentence, of several how many lose sessions; each has its sentence in its section."""
    if len(measured) == 1:
        return f"{measured[0].balance.target}: {measured[0].judgement.text}"
    kinds: dict[str, list[str]] = {}
    for each in measured:
        kinds.setdefault(each.judgement.verdict, []).append(each.balance.target)
    texts = {"lost": "sessions are lost", "holds": "no session is lost", "inconclusive": "not known"}
    return "; ".join(f"{texts.get(kind, kind)}: {', '.join(kinds[kind])}" for kind in kinds)


def _overview(measured: Sequence[Measured]) -> Table:
    rows = [
        (
            Cell(each.balance.target),
            Cell(each.judgement.verdict, "good" if each.judgement.verdict == "holds" else "bad"),
            Cell(
                ", ".join(dict.fromkeys(str(hiding.cause) for hiding in each.judgement.hiding)) or "nothing"
            ),
        )
        for each in measured
    ]
    return Table(("balancer", "verdict", "what hides lost sessions"), tuple(rows))


def _section(measured: Measured) -> Section:
    balance, judgement = measured.balance, measured.judgement
    tables = [_patterns(measured)]
    if balance.decided_by:
        tables.append(
            Table(("the lines of the file that decide",), tuple((Cell(line),) for line in balance.decided_by))
        )
    if balance.changes:
        rows = [(Cell(str(each.change)), Cell(percent(each.share))) for each in balance.changes]
        tables.append(Table(("between create and verify", "sessions lost"), tuple(rows)))
    if balance.failures:
        tables.append(_failures(balance))
        kept = [(Cell(str(each.failure)), Cell(each.text)) for each in balance.kept_out]
        tables.append(Table(("a pod that once", "is kept out for"), tuple(kept)))
    return Section(
        balance.title,
        label=balance.target,
        note=judgement.text,
        good=judgement.verdict == "holds",
        tables=tuple(tables),
        explanation_title="What hides lost sessions" if judgement.hiding else "",
        explanation=tuple(
            f"{hiding.cause}: {hiding.text} {'; '.join(hiding.evidence)}" for hiding in judgement.hiding
        ),
        problems=(*judgement.missing, *(f"not measured: {gap}" for gap in balance.gaps)),
    )


def _patterns(measured: Measured) -> Table:
    hidden = {name: str(hiding.cause) for hiding in measured.judgement.hiding for name in hiding.hides}
    rows = [
        (
            Cell(each.name),
            _share(each, hidden.get(each.name, "")),
            Cell(f"{100 * each.exact.value:.3g} % = {each.exact.formula}" if each.exact else ""),
            Cell(" / ".join(str(count) for count in (each.by_pod or {}).values()), "quiet"),
        )
        for each in measured.balance.patterns
    ]
    return Table(("clients", "sessions lost, 95 % interval", "exact", "requests per pod"), tuple(rows))


def _share(result: PatternResult, hidden: str) -> Cell:
    """The share; one that something hides is no good result."""
    if result.lost:
        return Cell(percent(result.share), "bad")
    return Cell(
        f"{percent(result.share)}: hidden, {hidden}" if hidden else percent(result.share),
        "quiet" if hidden else "good",
    )


def _failures(balance: Balance) -> Table:
    rows = [
        (
            Cell(f"{each.failure}: {each.method}, {'reused' if each.reused else 'new'} connections"),
            Cell(each.summary, "code"),
            Cell(str(each.twice), "bad" if each.twice else "plain"),
            Cell(f"{1000 * each.slowest:.0f} ms", "quiet"),
        )
        for each in balance.failures
    ]
    head = ("a pod", "pods that got it = answer × count", "delivered twice", "slowest")
    return Table(head, tuple(rows))
