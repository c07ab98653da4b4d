"""An exploration on one page of Markdown, as CI systems show it beside a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from devenv.core.render.visible import markdown, markdown_block, markdown_code
from devenv.verbs.explore.result import Exploration, ExploredViolation, Mode

_MARKS: Mapping[int, str] = {0: "✅", 1: "❌"}
_UNKNOWN = "❓"
_WORDS: Mapping[str, tuple[str, str]] = {
    "R": ("right answer", "right answers"),
    "W": ("wrong answer", "wrong answers"),
    "E": ("empty selection", "empty selections"),
    "X": ("expiry of the key", "expiries of the key"),
    "A": ("ageing of the key", "ageings of the key"),
    "L": ("lost reply", "lost replies"),
    "P": ("pod restart", "pod restarts"),
}
_ALWAYS = (
    "One challenge ({challenge}), each request on the next pod in turn.",
    "Commands on the challenge's keys are ordered. What a pod does inside itself between two of them is not.",
)
_LEARNED = (
    "Orders were searched in a model learned from real pods: a request depends on nothing but Redis' replies "
    "and its own random words, pods are interchangeable, and the model of Redis is faithful. Violations were "
    "run on real pods; that there is no other is the model's word.",
)
_BY_MODE: Mapping[str, tuple[str, ...]] = {
    Mode.LEARNED: _LEARNED,
    Mode.RANDOM: (*_LEARNED, "Orders were drawn by chance: what was not met may exist."),
    Mode.DIRECT: ("Every order was run on real pods and real Redis; nothing was modelled.",),
}


def summary(explorations: Sequence[Exploration]) -> str:
    """What was explored, the counts, each violation with its shortest order, and what was taken on trust."""
    lines = ["# devenv explore", ""]
    lines += [
        f"| explored | store | result | {_unit(explorations)} | requests to real pods | seconds |",
        "|---|---|---|--:|--:|--:|",
    ]
    for exploration in explorations:
        store = exploration.service or exploration.strategy
        lines.append(
            f"| {markdown_code(exploration.scenario)} | {markdown(store)} "
            f"| {_mark(exploration)} {_result(exploration)} "
            f"| {_number(exploration.traces)} | {exploration.requests} | {exploration.seconds:.1f} |"
        )
    for exploration in explorations:
        lines += ["", *_section(exploration)]
    return "\n".join(lines) + "\n"


def _unit(explorations: Sequence[Exploration]) -> str:
    return explorations[0].unit if explorations else "traces"


def _mark(exploration: Exploration) -> str:
    return _MARKS.get(exploration.exit_code, _UNKNOWN)


def _result(exploration: Exploration) -> str:
    if exploration.holds:
        return "holds"
    if exploration.exit_code == 1:
        return ", ".join(markdown_code(violation.kind) for violation in exploration.violations)
    return "inconclusive"


def _section(exploration: Exploration) -> list[str]:
    lines = [
        f"## {markdown_code(exploration.scenario)} with {markdown(exploration.store)}", "",
        f"**{_mark(exploration)} {markdown(exploration.verdict)}.** At once on one fresh challenge: "
        f"{_in_words(exploration.scenario)}. "
        f"Mode {exploration.mode}, {markdown(exploration.engine or 'Redis')}"
        + (f", run {markdown_code(exploration.run_id)}." if exploration.run_id else "."),
    ]  # fmt: skip
    for violation in exploration.violations:
        lines += ["", *_violation(violation, exploration)]
    lines += ["", "What this rests on:", ""]
    lines += [f"- **{markdown(text)}**" for text in _gaps(exploration)]
    return lines + [f"- {text}" for text in _premises(exploration)]


def rests_on(exploration: Exploration) -> tuple[str, ...]:
    """What is missing, and what was taken on trust, in sentences."""
    return (*_gaps(exploration), *_premises(exploration))


def _gaps(exploration: Exploration) -> list[str]:
    gaps = [f"Not everything was tried: {exploration.incomplete}."] if exploration.incomplete else []
    return gaps + [f"{note[:1].upper()}{note[1:]}." for note in exploration.notes]


def _premises(exploration: Exploration) -> list[str]:
    mode = exploration.mode.partition(",")[0]
    return [*_BY_MODE.get(mode, ()), *(text.format(challenge=exploration.challenge) for text in _ALWAYS)]


def _violation(violation: ExploredViolation, exploration: Exploration) -> list[str]:
    needs = "+".join(violation.requests)
    share = exploration.share(violation)
    sentence = violation.sentence[:1].upper() + violation.sentence[1:]
    lines = [
        f"### {markdown(violation.kind)}", "",
        f"{markdown(sentence.rstrip('.'))}. {share[:1].upper()}{share[1:]}; "
        f"needs {markdown_code(needs)}. The shortest order:", "",
        *markdown_block("\n".join(f"{who:>3} {steps}" for who, steps in violation.lines)), "",
    ]  # fmt: skip
    if not violation.confirmed:
        return [*lines, f"**Not confirmed on real pods: {markdown(violation.why or '')}.**"]
    return [
        *lines, f"On real pods {violation.replayed} of {violation.replays} times the same. Reproduce with:",
        "", *markdown_block(violation.reproduce or f'--schedule "{violation.schedule}"'),
    ]  # fmt: skip


def _number(count: int | None) -> str:
    return "not counted" if count is None else str(count)


def _in_words(scenario: str) -> str:
    """``R+R+X`` as "2 right answers, 1 expiry of the key"."""
    letters = scenario.split("+")
    counts = {letter: letters.count(letter) for letter in dict.fromkeys(letters)}
    return ", ".join(f"{count} {_WORDS[letter][count > 1]}" for letter, count in counts.items())
