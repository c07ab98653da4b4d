"""The demo's story as a report."""

from __future__ import annotations

from devenv.core.vocabulary import CaptchaType, Outcome
from devenv.lab.cross_pod import Tally
from devenv.lab.demo import Act, Story, Verdict
from devenv.lab.prose import Prose, prose
from devenv.lab.report.document import Cell, Command, Document, Fact, Pips, Section, Table
from devenv.lab.settings import Language


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


def _section(act: Act, number: int, words: Prose) -> Section:
    return Section(
        title=words.redis_title if act.use_redis else words.memory_title,
        label=words.act.format(number=number),
        note=words.store_note[act.strategy],
        good=act.use_redis,
        problems=act.surprises,
        tables=(_results(act, words), _keys(act, words)) if act.keys else (_results(act, words),),
        picture=act.picture,
        picture_title=words.picture,
        explanation_title=words.why,
        explanation=explanation(act, words),
    )


def explanation(act: Act, words: Prose) -> tuple[str, ...]:
    """Why it came out like this; nothing where it did not come out as it must."""
    if act.surprises:
        return ()
    return words.why_redis if act.use_redis else words.why_memory


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
