"""What ``simulate`` prints for a person."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.cli.screen import Screen, Text, grid
from devenv.core.render.sparkline import sparkline
from devenv.core.simulation.exact import WHOLE
from devenv.core.simulation.intervals import Share, wilson
from devenv.core.simulation.run import Prediction
from devenv.core.simulation.setting import Setting
from devenv.verbs.simulate.calibrate import Calibration
from devenv.verbs.simulate.comparison import Compared
from devenv.verbs.simulate.sweep import Axis
from devenv.verbs.simulate.target import Change

_TRIED = 12
"""This many changes are shown."""


def interval(share: Share) -> str:
    """``1.20 % (1.10 % to 1.31 %)``; an exact share stands alone."""
    value = f"{100 * share.value:.3g} %"
    if share.low == share.high:
        return value
    return f"{value} ({100 * share.low:.3g} % to {100 * share.high:.3g} %)"


def title(setting: Setting) -> str:
    """The setting in a line."""
    stores = f"{setting.redis_pods} of {setting.pods} pods on Redis" if setting.redis_pods else "in memory"
    workers = f" × {setting.workers} workers" if setting.workers > 1 else ""
    return (
        f"{setting.pods} pod{'s' * (setting.pods > 1)}{workers}, {setting.policy}, {stores}, "
        f"TTL {setting.ttl:g} s, thinking {setting.thinking.text}"
    )


def show_prediction(screen: Screen, prediction: Prediction) -> None:
    """One setting: the share, its causes, what else happens to look-ups."""
    tally = prediction.tally
    screen.show(Text(title(prediction.setting), "bold"), "")
    screen.show(Text(f"Sessions lost: {interval(prediction.share)}", "bold red" if tally.lost else "green"))
    for figure in prediction.exact:
        value = interval(Share(figure.value, figure.value, figure.value))
        if figure.unit == "sessions":
            value = f"{figure.value:.4g} sessions"
        name = "exact" if figure.name == WHOLE else f"{figure.name}, exact"
        screen.show(Text(f"  {name}: {value} = {figure.formula}", "cyan"))
    screen.show("")
    table = grid("cause", "sessions lost, simulated")
    for label, count in sorted(tally.by_label.items(), key=lambda item: -item[1]):
        if count:
            table.add_row(label, interval(wilson(count, tally.sessions)))
    table.add_row("all", interval(tally.share))
    screen.show(table, "")
    _rest(screen, prediction)
    if prediction.setting.eventful:
        rates = tally.lost_born / tally.born.clip(1)
        screen.show(Text(f"lost, by the time of birth in {prediction.setting.span:g} s: {sparkline(rates)}"))
    how = f"{prediction.engine} engine" + (f" ({prediction.reason})" if prediction.reason else "")
    screen.show(Text(f"{tally.sessions:,} sessions simulated, {how}; intervals of 95 %", "dim"))


def _time(seconds: float) -> str:
    return f"{seconds:.3g} s" if seconds >= 1 else f"{1000 * seconds:.3g} ms"


def _rest(screen: Screen, prediction: Prediction) -> None:
    tally = prediction.tally
    table = grid("look-ups", "")
    table.add_row("wrong refusals", interval(wilson(tally.wrong_refusals, tally.lookups)))
    if tally.double_clicks:
        share = wilson(tally.double_successes, tally.double_clicks)
        table.add_row("double clicks that succeed twice", interval(share))
    if prediction.setting.outages:
        table.add_row("answers of 503", f"{tally.unavailable / tally.sessions:.3g} per session")
    times = [tally.latency(quantile) for quantile in (0.5, 0.99)]
    if times[0] is not None and times[1] is not None:
        table.add_row("answered within", f"{_time(times[0])} (half), {_time(times[1])} (99 %)")
    if sum(tally.by_type[:, 0] > 0) > 1:
        for kind, numbers in tally.to_json()["types"].items():
            table.add_row(f"sessions of {kind} lost", interval(wilson(numbers["lost"], numbers["sessions"])))
    screen.show(table, "")


def show_sweep(screen: Screen, axes: Sequence[Axis], predictions: Sequence[Prediction]) -> None:
    """A row for each setting, and a line of blocks for each run of the first axis."""
    table = grid(*(axis.field for axis in axes), "sessions lost", "", "most by")
    rows = _values(axes)
    for values, prediction in zip(rows, predictions, strict=True):
        top = max(prediction.tally.by_label.items(), key=lambda item: item[1])
        exact = "exact" if prediction.share.low == prediction.share.high else ""
        table.add_row(*values, interval(prediction.share), exact, top[0] if top[1] else "")
    screen.show(table, "")
    length = len(axes[0].values)
    others = len(predictions) // length
    lines = grid(f"lost over {axes[0].field} {axes[0].values[0]} … {axes[0].values[-1]}", "")
    for number in range(others):
        series = [predictions[place * others + number].share.value for place in range(length)]
        name = " ".join(rows[number][1:]) or "sessions lost"
        lines.add_row(name, f"{sparkline(series)}  {100 * min(series):.3g} % to {100 * max(series):.3g} %")
    screen.show(lines, "")


def show_comparison(screen: Screen, done: Compared) -> None:
    """Both shares, their difference, and whether it may be chance."""
    changed = ", ".join(f"{name}={value}" for name, value in done.changes.items())
    screen.show(Text(title(done.first.setting), "bold"), Text(f"compared with {changed}", "bold"), "")
    table = grid("", "sessions lost", "most by")
    for name, prediction in (("as given", done.first), (changed, done.second)):
        top = max(prediction.tally.by_label.items(), key=lambda item: item[1])
        table.add_row(name, interval(prediction.share), top[0] if top[1] else "")
    screen.show(table, "")
    low, high = 100 * done.difference.low, 100 * done.difference.high
    value = f"{100 * done.difference.value:+.3g} points"
    within = f" ({low:+.3g} to {high:+.3g})" if low != high else ", exact"
    if done.differ:
        screen.show(Text(f"{changed}: {value}{within}", "bold"))
    else:
        screen.show(Text(f"{changed}: no difference that was seen: {value}{within}", "bold yellow"))
    if low != high:
        how = "on the same sessions" if done.paired else "from two independent runs"
        screen.show(Text(f"difference {how}; intervals of 95 %", "dim"))


def _values(axes: Sequence[Axis]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [()]
    for axis in axes:
        rows = [(*row, value) for row in rows for value in axis.values]
    return rows


def show_target(
    screen: Screen, limit: float, change: Change | None, tried: Sequence[Change], *, held: bool
) -> None:
    """Whether the target holds; else what was tried and the smallest change that reaches it."""
    if held:
        screen.show(Text(f"✓ no more than {100 * limit:g} % lost", "bold green"), "")
        return
    table = grid("change", "sessions lost")
    shown = list(tried)[-_TRIED:]
    for each in shown:
        table.add_row(each.text, interval(each.prediction.share))
    screen.show(Text(f"✗ more than {100 * limit:g} % lost"), table, "")
    if change is None:
        screen.show(Text("no change of one or two fields gets there", "bold yellow"), "")
    else:
        share = interval(change.prediction.share)
        screen.show(Text(f"smallest change that gets there: {change.text}: {share} lost", "bold green"), "")


def show_calibration(screen: Screen, done: Calibration) -> None:
    """Prediction and measurement side by side."""
    played = done.played
    screen.show(Text(title(done.prediction.setting), "bold"), "")
    table = grid("", "sessions lost", "")
    table.add_row("predicted", interval(done.prediction.share), f"{done.prediction.engine} engine")
    table.add_row("measured", interval(done.measured), f"{played.lost} of {played.sessions} on {done.where}")
    screen.show(table, "")
    difference = 100 * (done.measured.value - done.prediction.share.value)
    match done.holds:
        case True:
            text = Text(
                f"✓ the measurement's interval (99.9 %) holds the prediction: {difference:+.2f} points"
            )
        case False:
            text = Text(f"✗ the measurement contradicts the prediction: {difference:+.2f} points", "bold red")
        case _:
            text = Text(f"? {done.reason}", "bold yellow")
    screen.show(text)
    if done.too_late:
        screen.note(f"the machine was slow: a session was opened {played.late:.1f} s later than planned")
