from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from devenv.core.balance.exact import ExactShare
from devenv.core.balance.measured import PatternResult
from devenv.core.diagnosis.findings import Diagnosis
from devenv.core.model.ids import ChallengeId
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.document import Cell, Command, Document, Fact, Pips, Section, Table
from devenv.core.render.html import render
from devenv.core.render.sequence import SequenceMessage
from devenv.harness.client.cross_pod import Tally, TypeResult
from devenv.harness.client.recording import Recording
from devenv.verbs.demo.acts import Act, Story, Verdict, surprises
from devenv.verbs.demo.patterns import PATTERNS
from devenv.verbs.demo.race import Race
from devenv.verbs.demo.report import document, explanation, pattern_table, shown_behind
from devenv.verbs.demo.texts import Behind, prose
from devenv.verbs.explain.explanation import Group, Line

EVIL = "<script>alert(1)</script>\"'&"
PASSED, LOST, WRONG = Tally(2, success=2), Tally(2, not_found=2), Tally(2, wrong=2)
A, GRID, HAND = CaptchaType.ABSTRACT, CaptchaType.IMAGEGRID, CaptchaType.HANDWRITING
BUG = {A: TypeResult(LOST, PASSED), GRID: TypeResult(LOST, PASSED), HAND: TypeResult(WRONG, PASSED)}
FIX = {kind: TypeResult(PASSED, PASSED) for kind in CaptchaType}


def evil_document() -> Document:
    table = Table((EVIL,), ((Cell(EVIL, "good", Pips(1, 1)),), (Cell(EVIL, "code", Pips(10, 90)),)), EVIL)
    section = Section(
        EVIL, EVIL, EVIL, False, (table, table), (SequenceMessage(0.0, EVIL, EVIL, EVIL, "note"),),
        EVIL, EVIL, (EVIL,), (EVIL,),
    )  # fmt: skip
    return Document(
        "en", EVIL, EVIL, False, EVIL, (section,), EVIL, (Fact(EVIL, EVIL),), EVIL, (Command(EVIL, EVIL),)
    )


class Balanced(HTMLParser):
    """Collects tags and attributes, and fails where an end tag has no start."""

    VOID = ("meta", "path", "line", "rect", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(page: str) -> Balanced:
    parser = Balanced()
    parser.feed(page)
    parser.close()
    assert parser.open == []
    return parser


def test_whatever_the_texts_nothing_of_them_becomes_markup() -> None:
    tags = [tag for tag, _ in parsed(render(evil_document())).seen]
    assert "script" not in tags


def test_nothing_is_fetched() -> None:
    page = render(evil_document())
    for tag, attributes in parsed(page).seen:
        assert tag not in ("link", "img", "iframe", "object", "script")
        assert not {"src", "href", "srcset", "action"} & attributes.keys()
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    assert "url(" not in style[1]
    assert "@import" not in style[1]


def raced(strategy: Strategy, passed: int, surprises: tuple[str, ...] = ()) -> Act:
    group = Group(
        Diagnosis("empty-bypass", ChallengeId("cid"), "an empty selection passed on b", ()),
        5, ("cid",), (), (Line(0.25, "redis #27 b: GET → {\"attempts\": 1}", None),), (),
    )  # fmt: skip
    race = Race(
        "empty-bypass", 5, True, passed, "v1 guess:GET solve:DEL", (group,) if passed else (),
        (SequenceMessage(1.0, "b", "gate", "GET 3f2a44"),), surprises,
    )  # fmt: skip
    return Act(True, strategy, {} if passed else FIX, race.picture, (), surprises, race)


RACES = (raced(Strategy.GUIDE, 5), raced(Strategy.ATOMIC, 0))


def story(
    memory: dict[CaptchaType, TypeResult],
    redis: dict[CaptchaType, TypeResult],
    races: tuple[Act, ...] = RACES,
) -> Story:
    message = tuple(
        Act(strategy is not Strategy.MEMORY, strategy, results, (), (), tuple(
            surprises(strategy is not Strategy.MEMORY, results)))
        for strategy, results in ((Strategy.MEMORY, memory), (Strategy.GUIDE, redis))
    )  # fmt: skip
    acts = (*message, *races)
    return Story("embedded", ("a", "b"), 2, 1, acts, "redis", "7.0.15", 1.0, 5.0, Recording())


def test_the_story_holds_where_every_outcome_is_the_expected_one() -> None:
    assert story(BUG, FIX).verdict is Verdict.HOLDS


@pytest.mark.parametrize(
    ("memory", "redis", "sentence"),
    [
        (FIX, FIX, "abstract cross-pod: expected 2 not_found, saw 2 success"),
        (BUG, BUG, "handwriting cross-pod: expected 2 success, saw 2 wrong"),
        ({**BUG, HAND: TypeResult(LOST, PASSED)}, FIX, "handwriting cross-pod: expected 2 wrong"),
        (
            {**BUG, A: TypeResult(LOST, Tally(2, success=1, error=1))},
            FIX,
            "abstract same-pod: expected 2 success, saw 1 success, 1 error",
        ),
    ],
)
def test_any_other_outcome_fails_the_story_and_is_named(
    memory: dict[CaptchaType, TypeResult], redis: dict[CaptchaType, TypeResult], sentence: str
) -> None:
    result = story(memory, redis)
    assert result.verdict is Verdict.FAILS
    assert any(sentence in surprise for act in result.acts for surprise in act.surprises)
    page = render(document(result, "en", "devenv demo"))
    assert "It did not go as expected" in page
    assert sentence.split(":")[0] in page


@pytest.mark.parametrize(
    ("language", "words"), [("en", "verified on another pod"), ("ko", "다른 파드에서 검증")]
)
def test_the_report_of_a_story_in_both_languages(language: str, words: str) -> None:
    page = render(document(story(BUG, FIX), language, "devenv demo --trials 2"))  # type: ignore[arg-type]
    assert f'<html lang="{language}">' in page
    assert words in page
    assert "devenv demo --trials 2" in page
    assert page.count("Challenge not found") >= 2


def test_a_race_that_went_otherwise_fails_the_story() -> None:
    message = "verify alice on b: empty: outcome is error, not success"
    result = story(BUG, FIX, (raced(Strategy.GUIDE, 5, (message,)), RACES[1]))
    assert result.verdict is Verdict.FAILS
    assert message in render(document(result, "en", "devenv demo"))


@pytest.mark.parametrize(
    ("language", "sentence"),
    [("en", "an empty selection passed on b"), ("ko", "아무것도 고르지 않은 답이 통과했습니다.")],
)
def test_the_races_in_the_report(language: str, sentence: str) -> None:
    page = render(document(story(BUG, FIX), language, "devenv demo"))  # type: ignore[arg-type]
    sections = re.findall(r'<section class="act ?(\w*)">(.*?)</section>', page, re.DOTALL)
    assert [tone for tone, _ in sections] == ["bad", "good", "bad", "good"]
    race, answer = sections[2][1], sections[3][1]
    assert sentence in race
    assert "v1 guess:GET solve:DEL" in race
    assert "redis #27 b: GET → {&quot;attempts&quot;: 1}" in race
    assert race.count('<i class="bad">') == 5
    assert sentence not in answer
    assert '<i class="bad">' not in answer


def test_every_act_has_every_key() -> None:
    acts = story(BUG, FIX).to_json()["acts"]
    assert len({tuple(act) for act in acts}) == 1
    assert [act["race"] and act["race"]["empty_passed"] for act in acts] == [None, None, 5, 0]
    assert set(acts[2]["race"]) == {
        "scenario", "repeat", "identical", "empty_passed", "schedule", "findings"
    }  # fmt: skip
    assert acts[2]["results"] == {}


def test_many_trials_become_a_bar() -> None:
    assert render(evil_document()).count('class="bar"') == 2


def through_a_balancer(*lost: int) -> tuple[PatternResult, ...]:
    """Of 40 sessions each: new, new+image, kept, kept+image, users."""
    formula = ExactShare(1.0, "a formula")
    return tuple(
        PatternResult(pattern, 40, count, exact=formula if pattern.sequential else None)
        for pattern, count in zip(PATTERNS, lost, strict=True)
    )


@pytest.mark.parametrize(
    ("lost", "shown"),
    [
        ((40, 0, 40, 0, 18), [Behind.TURNS]),
        ((40, 0, 0, 0, 7), [Behind.TURNS, Behind.CONNECTION]),
        ((19, 22, 0, 0, 7), [Behind.CONNECTION]),
        ((0, 0, 0, 0, 0), [Behind.STEADY]),
        ((19, 18, 22, 20, 17), [Behind.DRAWN]),
        ((40, 40, 40, 40, 25), []),  # three pods in turn
    ],
)
def test_what_is_said_of_sessions_lost_through_a_balancer(lost: tuple[int, ...], shown: list[Behind]) -> None:
    patterns = through_a_balancer(*lost)
    assert shown_behind(patterns) == [Behind.PINNED, *shown]
    act = Act(False, Strategy.MEMORY, BUG, (), (), (), patterns=patterns, balancer="nginx:x")
    for language in ("en", "ko"):
        texts = prose(language)
        sentences = explanation(act, texts)[len(texts.why_memory) :]
        assert len(sentences) == 1 + len(shown)
        assert "nginx:x" in sentences[0]
        assert not any("{" in sentence for sentence in sentences)
    assert shown_behind(()) == []


def test_the_column_of_formulas_is_there_only_with_a_formula() -> None:
    texts, patterns = prose("en"), through_a_balancer(40, 0, 40, 0, 18)
    head, rows = pattern_table(Act(False, Strategy.MEMORY, BUG, (), (), (), patterns=patterns), texts)
    assert head == ("clients", "lost", "by its formula")
    assert [row[2] for row in rows] == ["100%"] * 4 + ["–"]
    assert [row[1] for row in rows[:2]] == ["40 of 40", "0 of 40"]
    head, rows = pattern_table(Act(True, Strategy.GUIDE, FIX, (), (), (), patterns=patterns), texts)
    assert head == ("clients", "lost")
    assert {len(row) for row in rows} == {2}
