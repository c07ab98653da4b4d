"""Every text of the page goes through the table of words, and the table has all of them in Korean, and no
more."""

from __future__ import annotations

import json
import re

from tests.support import ROOT

MODULES = ROOT / "devenv" / "dashboard" / "static" / "js"
_CALL = re.compile(
    r"""\bt\(\s*(?:[\w.]+ === [^?()]+ \? )?("(?:[^"\\]|\\.)*"|'[^']*')(?: : ("(?:[^"\\]|\\.)*"))?"""
)
_ENTRY = re.compile(r"""^  (?:(\w+)|("(?:[^"\\]|\\.)*")|'([^']*)'):\s*["']""", re.MULTILINE)
_PLACES = re.compile(r"\{(\w+)\}")
BY_NAME = {
    "main.js": (
        "Live", "Keys", "Try it", "Scenarios", "Explore", "Simulate", "Runs", "connected",
        "connection lost, trying again",
    ),
    "filters.js": ("all", "requests", "commands", "stack", "problems"),
    "send.js": ("Images", "Image grid", "Handwriting", "solve", "guess", "empty"),
    "controls.js": ("pause", "resume", "kill", "stop", "start"),
    "picture.js": ("running", "paused", "stopped"),
    "lanes.js": ("client", "proxy", "gate"),
    "rows.js": ("under way", "error", "passed", "wrong", "created"),
    "explore.js": ("learning", "searching", "shrinking", "interrupted"),
}  # fmt: skip
"""The words that a module asks for by a variable."""
NOT_WORDS = {"devenv", "English", "USE_REDIS", "Redis", "mock", "Challenge not found"}


def sources() -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in MODULES.glob("*.js")}


def asked() -> set[str]:
    words = {word for names in BY_NAME.values() for word in names}
    for text in sources().values():
        for match in _CALL.finditer(text):
            words |= {json.loads(one) if one[0] == '"' else one[1:-1] for one in match.groups() if one}
    return words


def korean() -> dict[str, str]:
    table: dict[str, str] = {}
    text = sources()["korean.js"]
    for match in _ENTRY.finditer(text):
        plain, quoted, single = match.groups()
        value = text[match.end() - 1 :]
        table[plain or single or json.loads(quoted)] = value[1 : value.index(value[0], 1)]
    return table


def test_every_word_is_in_the_table_and_no_other() -> None:
    assert len(korean()) > 150
    assert asked() - set(korean()) == set()
    assert set(korean()) - asked() == set()


def test_a_translation_names_the_same_values() -> None:
    different = {
        words: text
        for words, text in korean().items()
        if sorted(_PLACES.findall(words)) != sorted(_PLACES.findall(text))
    }
    assert different == {}
    assert [words for words, text in korean().items() if not re.search(r"[가-힣]", text)] == []


def templates(text: str) -> list[str]:
    """What the page's templates say themselves, with ``${}`` for each expression in them."""
    done: list[str] = []
    open_ones: list[list[str]] = []
    """Of each template that is open, its text and how many braces are open in its expression."""
    braces: list[int] = []
    place = 0
    while place < len(text):
        inside = bool(open_ones) and (not braces or len(braces) < len(open_ones))
        if inside:
            if text.startswith("${", place):
                open_ones[-1].append("${}")
                braces.append(0)
                place += 1
            elif text[place] == "`":
                done.append("".join(open_ones.pop()))
            else:
                open_ones[-1].append(text[place])
        elif text[place] == "`":
            open_ones.append([text[max(0, place - 4) : place][-4:].strip() + ":"])
        elif braces and text[place] == "{":
            braces[-1] += 1
        elif braces and text[place] == "}":
            if braces[-1] == 0:
                braces.pop()
            else:
                braces[-1] -= 1
        place += 1
    return [one.split(":", 1)[1] for one in done if one.startswith(("html:", "svg:", "svg", "(svg", "{svg"))]


def test_templates_are_read_with_those_inside_them() -> None:
    text = "x = html`<p>one ${list.map((a) => { return html`<b>${a} two</b>`; })} three</p>`; y = `no`;"
    assert templates(text) == ["<b>${} two</b>", "<p>one ${} three</p>"]


def test_no_template_has_words_of_its_own() -> None:
    matches = []
    for name, text in sources().items():
        for template in templates(text):
            written = re.sub(r"<(code|kbd)[^>]*>.*?</\1>", "", template)
            for part in re.findall(r">([^<>]*)(?=<|$)", written):
                words = part.replace("${}", " ").strip(" ·:←→✕/–,()\n")
                if re.search(r"[A-Za-z]{2,}", words) and words not in NOT_WORDS:
                    matches.append(f"{name}: {words}")
            named = re.findall(r'(?:aria-label|placeholder|title|alt)="([^"$]+)"', written)
            matches += [f"{name}: {value}" for value in named]
    assert matches == []
