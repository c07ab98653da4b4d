"""Pictures of predictions, drawn by matplotlib (the extra ``plots``)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devenv.core.simulation.intervals import wilson
from devenv.core.simulation.run import Prediction
from devenv.verbs.simulate.pictures import picture, write_picture
from devenv.verbs.simulate.sweep import Axis

_SIZE = (8.0, 4.5)
"""Inches."""


def write_plot(path: Path, axes: Sequence[Axis], predictions: Sequence[Prediction]) -> None:
    """Draw the sweep, or the causes of one setting, to ``path``; raises as ``write_picture``."""
    write_picture(path, lambda form: drawn(axes, predictions, form))


def drawn(axes: Sequence[Axis], predictions: Sequence[Prediction], form: str) -> bytes:
    """The picture's bytes, always the same for a prediction. EnvironmentProblem without matplotlib."""

    def draw(figure: Any) -> None:
        if axes:
            _sweep(figure.subplots(), axes, predictions)
        else:
            _single(figure, predictions[0])

    return picture(draw, form, _SIZE)


def _sweep(plot: Any, axes: Sequence[Axis], predictions: Sequence[Prediction]) -> None:
    """The share over the first axis, a line for each combination of the others."""
    first, count = axes[0], len(axes[0].values)
    numeric = all(value.replace(".", "", 1).isdigit() for value in first.values)
    places = [float(value) for value in first.values] if numeric else list(range(count))
    others = len(predictions) // count
    names = [""]
    for axis in axes[1:]:
        names = [f"{name} {value}".strip() for name in names for value in axis.values]
    for number in range(others):
        shares = [predictions[place * others + number].share for place in range(count)]
        line = plot.plot(
            places, [100 * each.value for each in shares], marker="o", markersize=3, label=names[number]
        )
        low, high = [100 * each.low for each in shares], [100 * each.high for each in shares]
        plot.fill_between(places, low, high, alpha=0.2, color=line[0].get_color())
    if not numeric:
        plot.set_xticks(places, first.values)
    plot.set_xlabel(first.field)
    _percent(plot)
    if others > 1:
        plot.legend(loc="best", frameon=False)


def _single(figure: Any, prediction: Prediction) -> None:
    """The causes, and over time where something happens at a moment."""
    tally, eventful = prediction.tally, prediction.setting.eventful
    plots = figure.subplots(1, 2 if eventful else 1, squeeze=False)[0]
    causes = [(label, wilson(count, tally.sessions)) for label, count in tally.by_label.items() if count]
    causes = causes or [("none", tally.share)]
    causes.sort(key=lambda item: item[1].value)
    values = [100 * share.value for _, share in causes]
    errors = [
        [100 * (share.value - share.low) for _, share in causes],
        [100 * (share.high - share.value) for _, share in causes],
    ]
    plots[0].barh([label for label, _ in causes], values, xerr=errors, color="#4477aa", capsize=3)
    plots[0].set_xlabel("sessions lost, %")
    if eventful:
        bins = len(tally.born)
        times = [(place + 0.5) * prediction.setting.span / bins for place in range(bins)]
        plots[1].plot(times, 100 * tally.lost_born / tally.born.clip(1), color="#aa3377")
        plots[1].set_xlabel("opened, seconds from the window's start")
        _percent(plots[1])


def _percent(plot: Any) -> None:
    plot.set_ylabel("sessions lost, %")
    plot.set_ylim(bottom=0)
    plot.grid(alpha=0.3)
