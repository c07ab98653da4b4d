"""A replay on one page of Markdown, as CI systems show it beside a job."""

from __future__ import annotations

from devenv.core.render.visible import markdown, markdown_block, markdown_code
from devenv.verbs.explain.explanation import Explanation
from devenv.verbs.replay.judged_by import judged_by, nothing_judged
from devenv.verbs.replay.result import ReplayResult

MOST_VIOLATIONS = 10


def summary(result: ReplayResult, explanation: Explanation) -> str:
    """What was played and how it went; where it fails the expectations, the causes and what to change."""
    scenario = result.scenario
    ways = (
        "" if result.repeat == 1 else ", every time the same" if result.identical else ", in different ways"
    )
    mark = {
        "holds": "✅ holds",
        "fails": "❌ fails",
        "not checked": "❓ not checked",
        "inconclusive": "❓ inconclusive",
    }[result.verdict]
    lines = [
        "# devenv replay", "",
        "| scenario | store | result | played |", "|---|---|---|--:|",
        f"| {markdown_code(scenario.id)} | {markdown(result.store)} | {mark} | {result.repeat} |", "",
        f"{markdown(scenario.title)}. Played {result.repeat} time{'s' * (result.repeat != 1)}{ways}.",
    ]  # fmt: skip
    note = scenario.note(result.strategy) if result.measured else None
    if result.verdict == "not checked":
        lines += ["", markdown(f"Not checked: {nothing_judged(result)}.")]
    elif sentences := judged_by(result):
        lines += ["", markdown(" ".join(sentences))]
    if note is not None and (shows := note.shows) is not None:
        lines += [
            "",
            f"{'The bug, as expected' if result.bug else 'Expected'} of this store: {markdown(shows)}",
        ]
    if result.verdict in ("fails", "inconclusive"):
        failures = [f"- {markdown(str(failure))}" for failure in result.failures]
        head = "What did not hold:" if result.verdict == "fails" else "Why it is inconclusive:"
        lines += ["", head, "", *failures[:MOST_VIOLATIONS]]
        if len(failures) > MOST_VIOLATIONS:
            lines.append(f"- … and {len(failures) - MOST_VIOLATIONS} more")
        for group in explanation.groups:
            lines += ["", f"**{markdown(group.cause)}**: {markdown(group.first.sentence)}"]
            lines.append(f"Change: {markdown(group.first.change)}")
    return "\n".join([*lines, "", "Reproduce with:", "", *markdown_block(result.command)]) + "\n"
