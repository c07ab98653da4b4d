"""Every cause, kind of violation, scenario and finding has its Korean text; and the page's table says nothing
that the server does not say."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest

from devenv.core.checker.invariants import Kind
from devenv.core.diagnosis.faults import READ_AGAIN
from devenv.core.diagnosis.findings import CHANGES, changes_of
from devenv.core.model.presets import PRESETS
from devenv.core.render.page_files import linked
from devenv.core.scenario import catalogue
from tests.support import ROOT

MODULES = ROOT / "devenv" / "dashboard" / "static" / "js"
HANGUL = re.compile(r"[가-힣]")
_ASK = """
const module = devenvModules["js/korean_texts.js"];
let text = "";
for await (const chunk of process.stdin) text += chunk;
console.log(JSON.stringify(JSON.parse(text).map((one) => module.translated(one) ?? null)));
"""


def translated(texts: Iterable[str]) -> dict[str, str | None]:
    """Each text as the page's module gives it in Korean; None where it has none."""
    node = shutil.which("node")
    if node is None:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), "node is not installed"
        pytest.skip("node is not installed")
    asked = list(texts)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "ask.mjs")
        script.write_text(linked("js/korean_texts.js").first + _ASK, encoding="utf-8")
        command = [node, str(script)]
        done = subprocess.run(
            command, input=json.dumps(asked), capture_output=True, encoding="utf-8", check=False, timeout=300
        )
    assert done.returncode == 0, done.stderr
    return dict(zip(asked, json.loads(done.stdout), strict=True))


def without_korean(texts: Mapping[str, str | None]) -> list[str]:
    return [text for text, words in texts.items() if words is None or not HANGUL.search(words)]


def test_every_cause_has_its_korean_text() -> None:
    causes = [f"cause:{cause}" for cause in CHANGES]
    kinds = [f"cause:{kind}" for kind in Kind]
    words = translated([*causes, *kinds, *CHANGES.values()])
    assert without_korean(words) == []
    assert [name for name in (*causes, *kinds) if name.partition(":")[2] not in (words[name] or "")] == []


SWITCHES: tuple[tuple[dict[str, str], dict[str, str]], ...] = (
    ({}, {}),
    ({"STORE": "redis"}, {"STORE": "memory"}),
    ({"REDIS_URL": "redis://r"}, {}),
)
"""None; a variable with two values; one that is not set for memory."""


def advice_of_services() -> set[str]:
    """Every text of advice for a service of one's own that has no value in it."""
    by_switch = [set(changes_of(on, off).values()) for on, off in SWITCHES]
    fixed = by_switch[0] | (by_switch[1] & by_switch[2])
    return fixed | {READ_AGAIN} | {text for profile in PRESETS.values() for text in profile.changes.values()}


def test_advice_for_ones_own_service_has_its_korean_text() -> None:
    texts = advice_of_services() | {text for on, off in SWITCHES for text in changes_of(on, off).values()}
    words = translated(texts)
    assert without_korean(words) == []
    named = [text for text in texts if "STORE" in text]
    assert len(named) == 7
    assert [text for text in named if "STORE" not in (words[text] or "")] == []
    for name in ("REDIS_PREFIX", "REDIS_PORT,", "REDIS_TIMEOUT_MS", "SESSION_STRATEGY", "USE_REDIS"):
        assert [text for text in texts if name in text] == [], f"{name} means nothing to such a service"


def test_every_scenario_of_the_catalogue_has_its_korean_text() -> None:
    scenarios = catalogue()
    titles = [scenario.title for scenario in scenarios]
    about = [f"about:{scenario.id}" for scenario in scenarios if scenario.about]
    notes = [note for scenario in scenarios for note in scenario.stores.values()]
    shown = [note.not_applicable or note.shows or "" for note in notes]
    assert len(scenarios) > 40
    assert len(shown) > 100
    assert without_korean(translated([*titles, *about, *shown])) == []
    assert set(table("NOTES", "korean_scenarios.js")) == set(shown)


def shape(node: ast.expr) -> str | None:
    """A text or an f-string of the source, with X for each value; None of anything else."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "X" for part in node.values)
    return None


def finding_sentences(text: str) -> set[str]:
    """The sentences that a module of diagnosis gives its findings."""
    sentences: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        given: list[ast.expr] = []
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "sentence":
            given = [node.value]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") == "finding":
            given = node.args[2:3]
        sentences |= {words for words in map(shape, given) if words is not None}
    return sentences


_GATE = "nothing that it sent to Redis since its start came through the gate, as what"
_DOCTOR = " sent did: `devenv doctor` tries where its settings lead"
COMPOSED = {
    "X: XX": "Redis took GET of a and did not answer: the user waited 1.2 s (redis-py 8: tries again)",
    "XX: X; X": "a gave no answer to verify: HTTP 502; the trace does not say why",
    "X and memory was used insteadX": "a sent no command about the session to Redis"
    " and memory was used instead",
    "X, X": "neither a nor b sent a command about the session to Redis, though Redis had answered a before",
    "X sent X X: X never arrivedX": "a sent GET captcha:1: its reply never arrived (redis-py 8: tries again)",
    "X, and X": f"a answered 500, and {_GATE} b{_DOCTOR}",
    "USE_REDIS=true, yet X X and X": "USE_REDIS=true, yet a was refused by Redis "
    "and looked into its own memory",
    "X X and X": "a was refused by Redis and kept the session in its own memory",
    "X and the trace does not say why": "a answered 500 and the trace does not say why",
    "X after Redis had answered X with X": "a answered 500 after Redis had answered GET with -LOADING",
}
"""Sentences that are joined from parts: one as users read it, by its shape."""
OTHER_PARTS = [f"a gave no answer to verify: its user gave up after 9.8 s; {_GATE} b{_DOCTOR}"]
"""Other readings of the same shapes."""


def test_every_sentence_of_a_finding_has_its_korean_text() -> None:
    sentences: set[str] = set()
    for path in (ROOT / "devenv" / "core" / "diagnosis").glob("*.py"):
        if path.name != "remarks.py":
            sentences |= finding_sentences(path.read_text(encoding="utf-8"))
    assert len(sentences) > 40
    assert without_korean(translated(COMPOSED.get(sentence, sentence) for sentence in sentences)) == []
    assert without_korean(translated(OTHER_PARTS)) == []


REMARKS = ("remarks.py", "choices.py", "affinity.py")
SHORTEST_REMARK = 60
"""Characters: what is shorter is a part of one."""


def sentences_of(text: str) -> set[str]:
    """The long texts of a module's source, but for those that describe it."""
    tree = ast.parse(text)
    message = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.JoinedStr | ast.Constant)]
    words = [shape(node) for node in nodes if id(node) not in message | inside]
    return {sentence for sentence in words if sentence and len(sentence) >= SHORTEST_REMARK}


def test_every_remark_has_its_korean_text() -> None:
    folder = ROOT / "devenv" / "core" / "diagnosis"
    sentences = {one for name in REMARKS for one in sentences_of((folder / name).read_text(encoding="utf-8"))}
    assert len(sentences) > 10
    assert without_korean(translated(sentences)) == []
    again = (
        "a1 was found because a and b came on one kept connection (c): p chooses a pod for each connection. A"
    )
    again += (
        " client that opens another one may meet another pod, and gets 'not found' there. Change: sessions"
    )
    again += " in Redis; keep-alive is no fix. The same in 3 further cases."
    assert (translated([again])[again] or "").endswith("해결책이 아닙니다. 같은 경우 더: 3.")


def test_values_stay_as_they_are() -> None:
    sentence = "the session is in the memory of captcha-api-a, and captcha-api-b was asked for it"
    lost = "Redis went away from pod-a, which answered 'not found' instead of 'try again' (redis-py 8: ends)"
    verdict = "pod-memory × 2: 3 challenges, 3 answers: 2 not found"
    explored = "3 kinds of violation in 20 traces"
    words = translated([sentence, lost, verdict, explored, "no pod is called c", "something else"])
    assert words[verdict] == "pod-memory × 2: 챌린지 3개, 답 3개: 찾지 못함 2"
    assert words[sentence] == "세션은 captcha-api-a의 메모리에 있는데 captcha-api-b에 요청이 갔습니다"
    lost_words = (
        "pod-a에서 Redis가 사라졌습니다. '다시 시도' 대신 'not found'라고 응답했습니다 (redis-py 8: ends)"
    )
    assert words[lost] == lost_words
    assert words[explored] == "순서 20개에서 위반 3종"
    assert words["no pod is called c"] == "c라는 파드가 없습니다"
    assert words["something else"] is None


def test_violations_of_a_search_are_korean() -> None:
    answers = "V1 (right): success, attempt 1; V2 (empty): no answer, its pod was restarted"
    left = 'at the end the session\'s key is there without a TTL, holding {"attempts": 1}; ' + answers
    words = translated([answers, left, "V3 was answered HTTP 500"])
    assert words[answers] == "V1 (정답): 통과, 시도 1; V2 (빈 답): 응답 없음, 파드가 재시작됨"
    assert words[left] == (
        f'끝난 뒤에도 세션 키가 TTL 없이 남아 있고 내용은 {{"attempts": 1}}입니다. {words[answers]}'
    )
    assert words["V3 was answered HTTP 500"] == "V3의 응답: HTTP 500"


ROOMS = (
    "core/balance",
    "core/search",
    "core/checker",
    "core/diagnosis",
    "core/scenario",
    "dashboard",
    "harness/redis",
    "stack",
    "verbs/explain",
    "verbs/explore",
    "verbs/operate",
    "verbs/replay",
)
"""Where the texts are written that the page translates."""


def texts_of_the_server() -> str:
    """All texts in the source, with X for each value."""
    texts: list[str] = []
    files = (path for room in ROOMS for path in (ROOT / "devenv" / room).rglob("*.py"))
    for path in files:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        nodes = (node for node in ast.walk(tree) if isinstance(node, ast.expr))
        texts += [words for words in map(shape, nodes) if words is not None]
    return "\n".join(texts)


def table(name: str, module: str = "korean_texts.js") -> dict[str, str]:
    """One of the module's tables of English and Korean texts."""
    source = (MODULES / module).read_text(encoding="utf-8")
    text = source.split(f"const {name} = {{\n")[1].split("\n};")[0]
    entries = re.findall(r'^  (?:(\w+)|("(?:[^"\\]|\\.)*")):\s*("(?:[^"\\]|\\.)*")', text, re.MULTILINE)
    return {plain or json.loads(quoted): json.loads(words) for plain, quoted, words in entries}


def test_the_table_says_what_the_server_says() -> None:
    sentences = table("SENTENCES")
    known = texts_of_the_server()
    ends = re.compile(r"\{\w+\}|[:;,] | ?and |after| the proxy")
    pieces = {
        sentence: [piece.strip() for piece in ends.split(sentence) if len(piece) > 3]
        for sentence in sentences
    }
    gone = {sentence: [piece for piece in parts if piece not in known] for sentence, parts in pieces.items()}
    assert {sentence: parts for sentence, parts in gone.items() if parts} == {}
    assert set(table("CHANGES", "korean_changes.js")) == set(CHANGES.values())
    assert set(table("CHANGES_OF_SERVICES", "korean_changes.js")) == advice_of_services()
    assert set(table("CAUSES")) == {*CHANGES, *Kind}


def test_a_translation_names_the_values_of_its_sentence() -> None:
    places = re.compile(r"\{(\w+)\}")
    different = {
        sentence: words
        for sentence, words in table("SENTENCES").items()
        if set(places.findall(words)) - set(places.findall(sentence))
        or set(places.findall(sentence)) - set(places.findall(words))
    }
    assert different == {}


def test_the_source_of_sentences_is_read() -> None:
    text = 'sentence = f"{a} lost {b}"\nx = finding("c", None, "gone", y)\nother = "no"\n'
    assert finding_sentences(text) == {"X lost X", "gone"}
