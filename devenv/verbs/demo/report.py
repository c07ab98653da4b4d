"""The acts of the demo as a report."""

from __future__ import annotations

from collections.abc import Sequence

from devenv.core.balance.measured import PatternResult
from devenv.core.balance.patterns import IMAGE
from devenv.core.model.backends import Language
from devenv.core.model.vocabulary import CaptchaType, Outcome, Strategy
from devenv.core.render.document import Cell, Command, Document, Fact, Pips, Section, Table, Tone
from devenv.harness.client.cross_pod import Tally
from devenv.verbs.demo.acts import Act, Story, Verdict
from devenv.verbs.demo.race import Race
from devenv.verbs.demo.texts import Behind, Prose, prose
from devenv.verbs.explain.explanation import Group


def document(story: Story, language: Language, command: str) -> Document:
    """The report of ``story``; ``command`` is what repeats it."""
    texts = prose(language)
    holds = story.verdict is Verdict.HOLDS
    return Document(
        language=language,
        title=texts.title,
        subtitle=texts.subtitle.format(
            pods=len(story.pods),
            backend=story.backend,
            engine=story.redis_engine,
            version=story.redis_version,
        ),
        holds=holds,
        verdict=texts.holds if holds else texts.fails,
        sections=tuple(_section(act, number, texts) for number, act in enumerate(story.acts, start=1)),
        facts_title=texts.environment,
        facts=(
            Fact(texts.backend, story.backend),
            Fact(texts.pods, ", ".join(story.pods)),
            *([Fact(texts.balancer, story.balancer)] if story.balancer else []),
            Fact(texts.redis, f"{story.redis_engine} {story.redis_version}"),
            Fact(texts.trials, str(story.trials)),
            Fact(texts.seed, str(story.seed)),
            Fact(texts.seconds, f"{story.seconds:.1f} s"),
        ),
        commands_title=texts.repeat,
        commands=(Command(command, texts.again), *(Command(*pair) for pair in texts.by_hand)),
    )


def outcomes(kind: CaptchaType, tally: Tally, texts: Prose) -> str:
    """How one kind of trial ended, in words; what did not happen is left out."""
    parts = []
    if tally.success or not tally.trials:
        parts.append(texts.passed.format(n=tally.success, trials=tally.trials))
    if tally.not_found:
        parts.append(texts.not_found.format(n=tally.not_found))
    if tally.wrong:
        template = texts.other_word if kind is CaptchaType.HANDWRITING else texts.wrong
        parts.append(template.format(n=tally.wrong))
    if tally.error:
        parts.append(texts.error.format(n=tally.error))
    return ", ".join(parts)


def title(strategy: Strategy, race: bool, texts: Prose) -> str:
    """What an act is about."""
    if race:
        return texts.race_title.format(store=strategy)
    return texts.memory_title if strategy is Strategy.MEMORY else texts.redis_title


def race_line(race: Race, texts: Prose) -> tuple[str, str, str, str]:
    """How the race went, in the columns of ``texts.race_head``."""
    return (
        texts.times.format(n=race.repeat),
        texts.alike[race.identical],
        texts.empty_passed.format(n=race.empty_passed, trials=race.repeat),
        race.schedule,
    )


def diagnosis(group: Group, texts: Prose) -> tuple[str, str]:
    """What explain found and what to change, a sentence each, in this language where it has one."""
    return texts.diagnoses.get(group.cause, (group.first.sentence, group.first.change))


def explanation(act: Act, texts: Prose) -> tuple[str, ...]:
    """Why the act went as it did; nothing where it did not go as expected."""
    if act.surprises:
        return ()
    if act.race is not None:
        return texts.why_refused if act.good else texts.why_race
    if act.use_redis:
        return texts.why_redis
    behind = (texts.why_behind[what].format(balancer=act.balancer) for what in shown_behind(act.patterns))
    return (*texts.why_memory, *behind)


def shown_behind(patterns: Sequence[PatternResult]) -> list[Behind]:
    """What the sessions that were lost from pod memory through a balancer show."""
    if not patterns:
        return []
    lost = {result.name: result.lost / result.sessions for result in patterns if result.sessions}
    shown = [Behind.PINNED]
    if not any(lost.values()):
        return [*shown, Behind.STEADY]
    if any({lost.get(name), lost.get(name + IMAGE)} == {0.0, 1.0} for name in ("new", "kept")):
        shown.append(Behind.TURNS)
    if lost.get("kept") == lost.get(f"kept{IMAGE}") == 0.0:
        shown.append(Behind.CONNECTION)
    return [*shown, Behind.DRAWN] if all(0.0 < share < 1.0 for share in lost.values()) else shown


def pattern_table(act: Act, texts: Prose) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows of the sessions that were lost through a balancer: clients, lost, by its formula.

    Without the last column where no row has a formula, as with Redis.
    """
    exact = [None if act.use_redis else result.exact for result in act.patterns]
    rows = [
        (
            texts.behind_clients[result.pattern.name],
            texts.behind_lost.format(lost=result.lost, sessions=result.sessions),
            "–" if formula is None else f"{formula.value:.0%}",
        )
        for result, formula in zip(act.patterns, exact, strict=True)
    ]
    columns = 3 if any(exact) else 2
    return texts.behind_head[:columns], [row[:columns] for row in rows]


def _section(act: Act, number: int, texts: Prose) -> Section:
    race = act.race
    tables = [] if race is None else [_race(race, texts)]
    tables += [_results(act, texts)] if act.results else []
    tables += [_patterns(act, texts)] if act.patterns else []
    tables += [_keys(act, texts)] if act.keys else []
    tables += [] if race is None else [_evidence(group, texts) for group in race.findings]
    diagnosed = [] if race is None else [_diagnosed(group, texts) for group in race.findings]
    return Section(
        title=title(act.strategy, race is not None, texts),
        label=texts.act.format(number=number),
        note=texts.store_note[act.strategy],
        good=act.good,
        problems=act.surprises,
        tables=tuple(tables),
        picture=act.picture,
        picture_title=texts.picture if race is None else texts.race_picture,
        explanation_title=texts.why,
        explanation=(*explanation(act, texts), *diagnosed),
    )


def _race(race: Race, texts: Prose) -> Table:
    times, alike, passed, order = race_line(race, texts)
    tone: Tone = "bad" if race.empty_passed else "good"
    pips = Pips(race.repeat - race.empty_passed, race.empty_passed)
    return Table(
        texts.race_head, ((Cell(times, "quiet"), Cell(alike), Cell(passed, tone, pips), Cell(order, "code")),)
    )


def _evidence(group: Group, texts: Prose) -> Table:
    rows = tuple((Cell(f"+{line.at:.3f} s", "quiet"), Cell(line.text, "code")) for line in group.evidence)
    return Table(texts.evidence_head, rows, texts.evidence.format(cause=group.cause))


def _diagnosed(group: Group, texts: Prose) -> str:
    sentence, change = diagnosis(group, texts)
    return f"{group.cause}: {sentence.rstrip('.')}. {texts.change}: {change}."


def _results(act: Act, texts: Prose) -> Table:
    rows = []
    for kind, result in act.results.items():
        same = Cell("") if result.same_pod is None else _cell(kind, result.same_pod, texts)
        rows.append((Cell(texts.types[kind]), _cell(kind, result.cross_pod, texts), same))
    return Table((texts.captcha, texts.cross_pod, texts.same_pod), tuple(rows))


def _cell(kind: CaptchaType, tally: Tally, texts: Prose) -> Cell:
    passed = tally.to_json()[str(Outcome.SUCCESS)]
    tone = Cell("", "good" if passed == tally.trials else "bad").tone
    return Cell(outcomes(kind, tally, texts), tone, Pips(passed, tally.trials - passed))


def _patterns(act: Act, texts: Prose) -> Table:
    head, rows = pattern_table(act, texts)
    cells = tuple(
        (
            Cell(clients),
            Cell(lost, "bad" if result.lost else "good"),
            *(Cell(text, "quiet") for text in exact),
        )
        for result, (clients, lost, *exact) in zip(act.patterns, rows, strict=True)
    )
    return Table(head, cells, texts.behind_title.format(balancer=act.balancer))


def _keys(act: Act, texts: Prose) -> Table:
    rows = tuple(
        (
            Cell(key.key, "code"),
            Cell(
                texts.types.get(CaptchaType(key.kind), key.kind) if key.kind in set(CaptchaType) else key.kind
            ),
            Cell("–" if key.ttl is None else f"{key.ttl:.0f} s", "bad" if key.ttl is None else "plain"),
            Cell("–" if key.attempts is None else str(key.attempts)),
        )
        for key in act.keys
    )
    return Table(texts.keys_head, rows, texts.keys_title)
