"""Results as text for a failing test: what happened, why, and the command that does it again."""

from __future__ import annotations

from devenv.core.model.vocabulary import CaptchaType
from devenv.core.render.visible import one_line
from devenv.verbs.explore.result import Exploration, ExploredViolation, Mode
from devenv.verbs.replay.judged_by import judged_by, nothing_judged
from devenv.verbs.replay.usecase import Replayed

MOST_VIOLATIONS = 10


def replay_report(done: Replayed) -> str:
    """A replay: what did not hold, the causes that the trace shows, what to change."""
    result = done.result
    times = f", {result.repeat} times" if result.repeat > 1 else ""
    lines = [f"replay of {result.scenario.id} with the {result.store} store{times}: {result.verdict}"]
    failures = [] if result.verdict == "holds" else [f"  {failure}" for failure in result.failures]
    lines += failures[:MOST_VIOLATIONS]
    if len(failures) > MOST_VIOLATIONS:
        lines.append(f"  … and {len(failures) - MOST_VIOLATIONS} more")
    lines += [f"  {nothing_judged(result)}"] if result.verdict == "not checked" else judged_by(result)
    if failures:
        for group in done.explanation.groups:
            lines += [f"{group.cause}: {group.first.sentence}", f"  change: {group.first.change}"]
        lines.append(f"with pictures: devenv explain {done.run.id}")
    return "\n".join(map(one_line, [*lines, f"Reproduce with: {result.command}"]))


def exploration_report(exploration: Exploration) -> str:
    """An exploration: each violation with its sentence, its shortest order and its command."""
    what = f"{exploration.scenario} with {exploration.store} ({exploration.mode})"
    lines = [f"exploring {what}: {exploration.verdict}"]
    if exploration.incomplete:
        lines.append(f"not complete: {exploration.incomplete}")
    for violation in exploration.violations:
        lines += ["", *violation_lines(violation)]
    if not exploration.violations:
        lines.append(f"Reproduce with: {exploration_command(exploration)}")
    return "\n".join(map(one_line, lines))


def exploration_command(exploration: Exploration) -> str:
    """What explores the same again."""
    kind = (
        ""
        if exploration.challenge not in set(CaptchaType) - {CaptchaType.ABSTRACT}
        else f" --type {exploration.challenge}"
    )
    mode = "" if exploration.mode == Mode.LEARNED else f" --mode {exploration.mode}"
    return f"devenv explore {exploration.scenario} --strategy {exploration.strategy}{kind}{mode}"


def violation_lines(violation: ExploredViolation) -> list[str]:
    """One violation."""
    lines = [f"{violation.kind} (needs {'+'.join(violation.requests)}): {violation.sentence}"]
    lines += [f"  {who:>3} {steps}" for who, steps in violation.lines]
    if not violation.confirmed:
        return [*lines, f"NOT confirmed on real pods: {violation.why}"]
    lines.append(f"on real pods {violation.replayed} of {violation.replays} times the same")
    return [*lines, f"Reproduce with: {violation.reproduce}"]
