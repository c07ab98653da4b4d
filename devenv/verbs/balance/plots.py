"""The picture of measured balancers: the share of lost sessions per pattern, with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from devenv.core.balance.measured import Balance
from devenv.verbs.simulate.pictures import picture, write_picture

_WIDTH, _ROW = 9.0, 0.28
"""Inches: of the picture, and of each bar's row."""


def write_plot(path: Path, balances: Sequence[Balance]) -> None:
    """Draw the shares to ``path``; raises as ``write_picture``."""
    write_picture(path, lambda form: drawn(balances, form))


def drawn(balances: Sequence[Balance], form: str) -> bytes:
    """The picture's bytes. EnvironmentProblem without matplotlib."""
    rows = sum(len(balance.patterns) + 2 for balance in balances)
    return picture(lambda figure: _draw(figure, balances), form, (_WIDTH, max(2.0, _ROW * rows)))


def _draw(figure: Any, balances: Sequence[Balance]) -> None:
    heights = [len(balance.patterns) + 1 for balance in balances]
    plots = figure.subplots(
        len(balances), 1, squeeze=False, sharex=True, gridspec_kw={"height_ratios": heights}
    )
    for (plot,), balance in zip(plots, balances, strict=True):
        results = [each for each in balance.patterns if each.sessions][::-1]
        values = [100 * each.share.value for each in results]
        errors = [
            [100 * (each.share.value - each.share.low) for each in results],
            [100 * (each.share.high - each.share.value) for each in results],
        ]
        colours = ["#aa3377" if each.lost else "#228833" for each in results]
        plot.barh([each.name for each in results], values, xerr=errors, color=colours, capsize=2)
        plot.set_title(balance.title, fontsize=9, loc="left")
        plot.set_xlim(0, 100)
        plot.grid(axis="x", alpha=0.3)
        plot.tick_params(labelsize=8)
    plots[-1][0].set_xlabel("sessions lost, %")
