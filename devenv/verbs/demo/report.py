"""The demo's story as a report."""

from __future__ import annotations

from devenv.core.model.backends import Language
from devenv.core.model.vocabulary import CaptchaType, Outcome, Strategy
from devenv.core.render.document import Cell, Command, Document, Fact, Pips, Section, Table, Tone
from devenv.harness.client.cross_pod import Tally
from devenv.verbs.demo.race import Race
from devenv.verbs.demo.story import Act, Story, Verdict
from devenv.verbs.demo.texts import Prose, prose
from devenv.verbs.explain.explanation import Group


def document(story: Story, language: Language, command: str) -> Document:
    """The report of ``story``; ``command`` is what repeats it."""
    words = prose(language)
    holds = story.verdict is Verdict.HOLDS
    return Document(
        language=language,
        title=words.title,
        subtitle=words.subtitle.format(
            pods=len(story.pods),
            backend=story.backend,
            engine=story.redis_engine,
            version=story.redis_version,
        ),
        holds=holds,
        verdict=words.holds if holds else words.fails,
        sections=tuple(_section(act, number, words) for number, act in enumerate(story.acts, start=1)),
        facts_title=words.environment,
        facts=(
            Fact(words.backend, story.backend),
            Fact(words.pods, ", ".join(story.pods)),
            Fact(words.redis, f"{story.redis_engine} {story.redis_version}"),
            Fact(words.trials, str(story.trials)),
            Fact(words.seed, str(story.seed)),
            Fact(words.seconds, f"{story.seconds:.1f} s"),
        ),
        commands_title=words.repeat,
        commands=(Command(command, words.again), *(Command(*pair) for pair in words.by_hand)),
    )


def outcomes(kind: CaptchaType, tally: Tally, words: Prose) -> str:
    """How one kind of trial ended, in words; what did not happen is left out."""
    said = []
    if tally.success or not tally.trials:
        said.append(words.passed.format(n=tally.success, trials=tally.trials))
    if tally.not_found:
        said.append(words.not_found.format(n=tally.not_found))
    if tally.wrong:
        template = words.other_word if kind is CaptchaType.HANDWRITING else words.wrong
        said.append(template.format(n=tally.wrong))
    if tally.error:
        said.append(words.error.format(n=tally.error))
    return ", ".join(said)


def title(strategy: Strategy, race: bool, words: Prose) -> str:
    """What an act is about."""
    if race:
        return words.race_title.format(store=strategy)
    return words.memory_title if strategy is Strategy.MEMORY else words.redis_title


def race_line(race: Race, words: Prose) -> tuple[str, str, str, str]:
    """How the race went, in the columns of ``words.race_head``."""
    return (
        words.times.format(n=race.repeat),
        words.alike[race.identical],
        words.empty_passed.format(n=race.empty_passed, trials=race.repeat),
        race.schedule,
    )


def diagnosis(group: Group, words: Prose) -> tuple[str, str]:
    """What explain found and what to change, a sentence each; of this language where there is one."""
    return words.diagnoses.get(group.cause, (group.first.sentence, group.first.change))


def explanation(act: Act, words: Prose) -> tuple[str, ...]:
    """Why it came out like this; nothing where it did not come out as it must."""
    if act.surprises:
        return ()
    if act.race is not None:
        return words.why_refused if act.good else words.why_race
    return words.why_redis if act.use_redis else words.why_memory


def _section(act: Act, number: int, words: Prose) -> Section:
    race = act.race
    tables = [] if race is None else [_race(race, words)]
    tables += [_results(act, words)] if act.results else []
    tables += [_keys(act, words)] if act.keys else []
    tables += [] if race is None else [_evidence(group, words) for group in race.findings]
    found = [] if race is None else [_found(group, words) for group in race.findings]
    return Section(
        title=title(act.strategy, race is not None, words),
        label=words.act.format(number=number),
        note=words.store_note[act.strategy],
        good=act.good,
        problems=act.surprises,
        tables=tuple(tables),
        picture=act.picture,
        picture_title=words.picture if race is None else words.race_picture,
        explanation_title=words.why,
        explanation=(*explanation(act, words), *found),
    )


def _race(race: Race, words: Prose) -> Table:
    times, alike, passed, order = race_line(race, words)
    tone: Tone = "bad" if race.empty_passed else "good"
    pips = Pips(race.repeat - race.empty_passed, race.empty_passed)
    return Table(
        words.race_head, ((Cell(times, "quiet"), Cell(alike), Cell(passed, tone, pips), Cell(order, "code")),)
    )


def _evidence(group: Group, words: Prose) -> Table:
    rows = tuple((Cell(f"+{line.at:.3f} s", "quiet"), Cell(line.text, "code")) for line in group.evidence)
    return Table(words.evidence_head, rows, words.evidence.format(cause=group.cause))


def _found(group: Group, words: Prose) -> str:
    sentence, change = diagnosis(group, words)
    return f"{group.cause}: {sentence.rstrip('.')}. {words.change}: {change}."


def _results(act: Act, words: Prose) -> Table:
    rows = []
    for kind, result in act.results.items():
        same = Cell("") if result.same_pod is None else _cell(kind, result.same_pod, words)
        rows.append((Cell(words.types[kind]), _cell(kind, result.cross_pod, words), same))
    return Table((words.captcha, words.cross_pod, words.same_pod), tuple(rows))


def _cell(kind: CaptchaType, tally: Tally, words: Prose) -> Cell:
    passed = tally.to_json()[str(Outcome.SUCCESS)]
    tone = Cell("", "good" if passed == tally.trials else "bad").tone
    return Cell(outcomes(kind, tally, words), tone, Pips(passed, tally.trials - passed))


def _keys(act: Act, words: Prose) -> Table:
    rows = tuple(
        (
            Cell(key.key, "code"),
            Cell(
                words.types.get(CaptchaType(key.kind), key.kind) if key.kind in set(CaptchaType) else key.kind
            ),
            Cell("–" if key.ttl is None else f"{key.ttl:.0f} s", "bad" if key.ttl is None else "plain"),
            Cell("–" if key.attempts is None else str(key.attempts)),
        )
        for key in act.keys
    )
    return Table(words.keys_head, rows, words.keys_title)
