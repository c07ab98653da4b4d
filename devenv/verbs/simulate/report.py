"""The HTML report of predictions: one file that opens offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from devenv.core.render.document import Cell, Document, Fact, Section, Table
from devenv.core.render.html import render
from devenv.core.simulation.intervals import Share, wilson
from devenv.core.simulation.run import Prediction
from devenv.stack.files import write_atomically
from devenv.verbs.simulate.pictures import available
from devenv.verbs.simulate.plots import drawn
from devenv.verbs.simulate.sweep import Axis, cells


def write_report(path: Path, axes: Sequence[Axis], predictions: Sequence[Prediction], seed: int) -> None:
    """Write it to ``path``. Raises as ``write_atomically``."""
    write_atomically(path, render(document(axes, predictions, seed)), "--html")


def document(axes: Sequence[Axis], predictions: Sequence[Prediction], seed: int) -> Document:
    """The report's content; with a picture where matplotlib is installed."""
    lost = [prediction.share.value for prediction in predictions]
    if axes:
        verdict = f"{100 * min(lost):.3g} % to {100 * max(lost):.3g} % of sessions lost"
        table = _sweep_table(axes, predictions)
    else:
        verdict = f"{_text(predictions[0].share)} of sessions lost"
        table = _cause_table(predictions[0])
    svg = drawn(axes, predictions, "svg").decode() if available() else ""
    note = "" if svg else "No picture: pip install 'devenv[plots]' draws one."
    sections = (Section("Sessions lost", note=note, tables=(table,), svg=svg),)
    first = predictions[0]
    facts = [
        Fact("seed", str(seed)),
        Fact("sessions simulated", f"{sum(each.tally.sessions for each in predictions):,}"),
        Fact("engine", ", ".join(dict.fromkeys(str(each.engine) for each in predictions))),
        *(Fact(name, str(value)) for name, value in first.setting.to_json().items() if value is not None),
    ]
    facts += [Fact(f"exact: {each.name}", f"{each.value:.6g} = {each.formula}") for each in first.exact]
    return Document(
        language="en",
        title="devenv simulate",
        subtitle="predicted, not measured",
        holds=max(lost) == 0,
        verdict=verdict,
        sections=sections,
        facts_title="Setting" if not axes else "The first setting",
        facts=tuple(facts),
        commands_title="Commands",
        commands=(),
    )


def _text(share: Share) -> str:
    value = f"{100 * share.value:.3g} %"
    return (
        value if share.low == share.high else f"{value} ({100 * share.low:.3g} to {100 * share.high:.3g} %)"
    )


def _cause_table(prediction: Prediction) -> Table:
    tally = prediction.tally
    rows = [(label, wilson(count, tally.sessions)) for label, count in tally.by_label.items() if count]
    rows.sort(key=lambda row: -row[1].value)
    rows.append(("all, simulated", tally.share))
    return Table(
        ("cause", "share of sessions, 95 % interval"),
        tuple((Cell(label), Cell(_text(share))) for label, share in rows),
    )


def _sweep_table(axes: Sequence[Axis], predictions: Sequence[Prediction]) -> Table:
    rows = []
    for values, prediction in zip(cells(axes, {}), predictions, strict=True):
        exact = "exact" if prediction.share.low == prediction.share.high else "simulated"
        given = tuple(Cell(values[axis.field]) for axis in axes)
        rows.append((*given, Cell(_text(prediction.share)), Cell(exact, "quiet")))
    return Table((*(axis.field for axis in axes), "sessions lost", ""), tuple(rows))
