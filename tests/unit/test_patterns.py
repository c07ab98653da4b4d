"""No regular expression of the product costs more than its text is long: their trees are looked through.

Three forms cost the square of the length, or more. Each is looked for in every pattern:

- *repeat in a repeat*: ``(a+)+``, where one text can be divided between the two in many ways;
- *two repeats*: ``a*b?a*c``, ``.*,.*;``, where a text can be divided between two of them in many ways;
- *start*: ``a+b`` used to search, where each letter of a long run of ``a`` begins an attempt that reads to
  its end. A look behind which forbids what the repeat takes is a way out, and so is a number of times.

(Weideman, van der Merwe, Berglund, Watson: Analyzing Matching Time Behavior of Backtracking Regular
Expression Matchers by Using Ambiguity of NFA, CIAA 2016: exponential and polynomial ambiguity; here over
the repeats of the tree, not the states of an automaton, which finds more than there is.) ``ALLOWED`` lists
what is found and is linear all the same.
"""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import devenv

codes, parser, compiler = (
    importlib.import_module(f"re._{name}") for name in ("constants", "parser", "compiler")
)
"""Of the standard library; not public, and as it is from Python 3.11 on."""
ROOT = Path(devenv.__file__).parents[1]
MODULES = [
    path
    for path in sorted((ROOT / "devenv").rglob("*.py"))
    if "import re\n" in path.read_text(encoding="utf-8")
]
FEW = 256
"""A repeat of at most so many times is a constant factor."""
MOST_WAYS = 400
"""Ways through a pattern that are looked at."""
BALANCER = "what a balancer that was started here wrote, line by line"
BUILD = "devenv's own scripts, when the page is put together"
ALPHABET = frozenset([*map(chr, range(128)), "é", "가", "\u2028"])
SEARCHES = frozenset(("search", "finditer", "findall", "sub", "subn", "split"))
ALLOWED: dict[tuple[str, str], str] = {
    ("core/balancers/caddy.py", '"level":"error"'): BALANCER,
    ("core/balancers/envoy.py", r"\[(?:critical|error)"): BALANCER,
    ("core/balancers/traefik.py", '"error":"'): BALANCER,
    ("core/model/outside.py", r"(?=.{4,253}\Z)"): "the look ahead refuses what is longer than 253 characters",
    ("core/render/linker.py", "import(?P<names>"): BUILD,
    ("core/render/linker.py", r"^[ \t]*/\*\*"): BUILD,
    ("core/render/linker.py", r"\s+as\s+"): BUILD,
    ("dashboard/pages.py", r"/\*.*?\*/"): BUILD,
    ("dashboard/pages.py", r"\s*[{};,>]\s*"): BUILD,
    ("harness/config/toml_lines.py", r'"""(?:[^"\\]++'):
        "quotes need no end: what is begun is taken, but for the blanks and the point behind a part of a key",
    ("verbs/recordings/formats/log_text.py", r"(?P<named>\S+ \S+) "):
        "after the time only a quoted text can follow, which ends at the next quotation mark",
    ("verbs/recordings/formats/log_text.py", "(?:^|[ ])(?P<client>"): "at most 4,096 characters an attempt",
    ("verbs/recordings/formats/log_text.py", r'"((?:[^"\\]++'):
        "an attempt fails only before a line's end after a backslash, and it is given one line",
    ("verbs/recordings/formats/shell_words.py", r"([A-Za-z_]\w*+)=([^\s;&]*+)"):
        "it is given what another pattern matched, in which each name is followed by its value",
    ("verbs/recordings/formats/shell_words.py", r"(?:\$(?:[A-Za-z_]"):
        "the two differ in their second character",
    ("verbs/recordings/opened_text.py", "(?P<head>[?&]code=)"):
        "at most six pairs, of 500 characters each, an attempt",
    ("verbs/recordings/secret_names.py", "[a-z]+|"): "what it takes up to the last letter always matches",
    ("verbs/recordings/secret_shapes.py", "[A-Z]?[a-z]+|"):
        "it gives back one capital letter at most, and then matches",
    ("verbs/recordings/secret_shapes.py", r"(?:(?:v?\d{1,10}|"):
        "a part has some hundred characters at most and ends with a sign, which no part has inside",
}  # fmt: skip
"""By module and the pattern's beginning: why the cost is linear all the same, or of no matter."""

Chars = frozenset[str]


@dataclass(frozen=True, slots=True)
class Item:
    """A part of a pattern that stands for some characters, in order."""

    chars: Chars
    """Those of which it takes some."""
    least: int = 1
    """The fewest that it takes."""
    many: bool = False
    """Whether it takes more than ``FEW``."""
    gives_back: bool = True
    """Whether it takes fewer where the rest does not match; no possessive repeat does."""
    fails: bool = False
    """Whether it can forbid a match though it takes nothing: a look ahead, an end."""


def single(operator: Any, argument: Any, flags: int) -> Chars:
    """The characters of one place."""
    if operator is codes.ANY:
        return ALPHABET if flags & re.DOTALL else ALPHABET - {"\n"}
    if operator is codes.LITERAL:
        letter = chr(argument)
        both = {letter.lower(), letter.upper()} if flags & re.IGNORECASE else {letter}
        return frozenset(both) & ALPHABET or frozenset("가")
    if operator is codes.NOT_LITERAL:
        return ALPHABET - {chr(argument)}
    tree = parser.SubPattern(parser.State(), [(operator, argument)])
    compiled = compiler.compile(tree, flags & (re.IGNORECASE | re.ASCII))
    return frozenset(letter for letter in ALPHABET if compiled.match(letter))


@dataclass(frozen=True, slots=True)
class Way:
    """One way through a pattern, its alternatives chosen."""

    items: tuple[Item, ...] = ()
    guard: Chars = frozenset()
    """What must not stand before its beginning."""
    anchored: bool = False
    """Whether it begins at a fixed place."""


def ways(tree: Any, flags: int, forms: set[str]) -> list[Way]:
    """The ways through a tree; puts the forms found inside repeats into ``forms``."""
    matches = [Way()]
    for operator, argument in tree:
        following = _ways_of(operator, argument, flags, forms)
        matches = [_joined(before, after) for before in matches for after in following][:MOST_WAYS]
    return matches


def _joined(before: Way, after: Way) -> Way:
    if before.items and any(item.least for item in before.items):
        return Way(before.items + after.items, before.guard, before.anchored)
    return Way(before.items + after.items, before.guard | after.guard, before.anchored or after.anchored)


def _ways_of(operator: Any, argument: Any, flags: int, forms: set[str]) -> list[Way]:
    if operator in (codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT):
        least, most, inside = argument
        return _repeat(operator is not codes.POSSESSIVE_REPEAT, least, most, inside, flags, forms)
    if operator is codes.SUBPATTERN:
        _, added, removed, inside = argument
        return ways(inside, (flags | added) & ~removed, forms)
    if operator is codes.ATOMIC_GROUP:
        return [_kept(way) for way in ways(argument, flags, forms)]
    if operator is codes.BRANCH:
        return [way for branch in argument[1] for way in ways(branch, flags, forms)]
    if operator in (codes.ASSERT, codes.ASSERT_NOT):
        direction, inside = argument
        content = ways(inside, flags, forms)
        if direction > 0:
            return [Way((Item(ALPHABET, 0, fails=True),))]
        if operator is codes.ASSERT_NOT and all(len(way.items) == 1 for way in content):
            return [Way(guard=frozenset().union(*(way.items[0].chars for way in content)))]
        if operator is codes.ASSERT and all(
            way.items for way in content
        ):  # what stands before is none of the rest
            return [Way(guard=ALPHABET.difference(*(way.items[-1].chars for way in content)))]
        return [Way((Item(ALPHABET, 0, fails=True),))]
    if operator is codes.AT:
        if argument is codes.AT_BEGINNING_STRING or argument is codes.AT_BEGINNING:
            return [Way(anchored=not flags & re.MULTILINE, guard=ALPHABET - {"\n"})]
        return [Way((Item(ALPHABET, 0, fails=True),))]
    if operator in (codes.GROUPREF, codes.GROUPREF_EXISTS):
        return [Way((Item(ALPHABET, 0, fails=True),))]
    return [Way((Item(single(operator, argument, flags)),))]


def _kept(way: Way) -> Way:
    return replace(way, items=tuple(replace(item, gives_back=False) for item in way.items))


def _repeat(gives_back: bool, least: int, most: Any, inside: Any, flags: int, forms: set[str]) -> list[Way]:
    bodies = ways(inside, flags, forms)
    many = most is codes.MAXREPEAT or most > FEW
    chars: Chars = frozenset().union(*(item.chars for way in bodies for item in way.items))
    if all(len(way.items) == 1 and not way.items[0].many for way in bodies):
        if many and len(bodies) > 1 and _overlap(bodies):
            forms.add("repeat in a repeat")
        return [Way((Item(chars, min(least, 1), many, gives_back),))]
    if not many:
        several = [_joined(first, second) for first in bodies for second in bodies] if most > 1 else []
        return [*([] if least else [Way()]), *bodies, *several][:MOST_WAYS]
    if not gives_back:
        bodies = [_kept(way) for way in bodies]
    end = Way((Item(ALPHABET, 0, fails=True),))
    if _overlap(bodies) or any(
        two_repeats(_joined(_joined(first, second), end).items) for first in bodies for second in bodies
    ):
        forms.add("repeat in a repeat")
    return [Way((Item(chars, min(least, 1), True, gives_back),))]


def _overlap(bodies: Sequence[Way]) -> bool:
    """Whether two alternatives can begin alike."""
    firsts = [_first(way.items) for way in bodies]
    return any(a & b for place, a in enumerate(firsts) for b in firsts[:place])


def _first(items: Sequence[Item]) -> Chars:
    chars: Chars = frozenset()
    for item in items:
        chars |= item.chars
        if item.least:
            break
    return chars


def two_repeats(items: Sequence[Item]) -> bool:
    """Whether a text can be divided between two repeats, and what follows can fail."""
    for place, first in enumerate(items):
        if not (first.many and first.gives_back):
            continue
        for other in range(place + 1, len(items)):
            common = first.chars & items[other].chars
            if (
                items[other].many
                and common
                and all(not item.least or item.chars & common for item in items[place + 1 : other])
                and _can_fail(items[other + 1 :])
            ):
                return True
    return False


def _can_fail(items: Sequence[Item]) -> bool:
    return any(item.least or item.fails for item in items)


def begins_everywhere(way: Way) -> bool:
    """Whether attempts that begin at each letter of a run read to its end, in vain."""
    if way.anchored:
        return False
    for place, item in enumerate(way.items):
        before = way.items[:place]
        if item.many and all(not other.least or other.chars & item.chars for other in before):
            inside_the_run = (_first(way.items) & item.chars) if before else item.chars
            if _can_fail(way.items[place + 1 :]) and not inside_the_run <= way.guard:
                return True
    return False


@cache
def forms_of(pattern: str, flags: int, searched: bool) -> frozenset[str]:
    """The forms that a pattern has."""
    forms: set[str] = set()
    tree = parser.parse(pattern, flags)
    all_ways = ways(tree, tree.state.flags, forms)
    end = (Item(ALPHABET, 0, fails=True),)
    forms |= {"two repeats" for way in all_ways if two_repeats(way.items if searched else way.items + end)}
    if searched:
        forms |= {"start" for way in all_ways if begins_everywhere(way)}
    return frozenset(forms)


def patterns_in(module: Path) -> Iterator[tuple[str, str, int, bool]]:
    """The name or line, text, flags and whether it searches, of each pattern of a module."""
    source = module.read_text(encoding="utf-8")
    tree = ast.parse(source)
    uses: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            uses.setdefault(node.value.id, set()).add(node.attr)
    loaded = importlib.import_module(".".join(module.relative_to(ROOT).with_suffix("").parts))
    known = set()
    for name, value in vars(loaded).items():
        for pattern in _compiled(value):
            known.add(
                pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
            )
            only = uses.get(name, set()) if isinstance(value, re.Pattern) else set()
            searched = not only or bool(only & SEARCHES)
            if isinstance(pattern.pattern, bytes):
                yield name, pattern.pattern.decode("latin-1"), pattern.flags & ~re.UNICODE, searched
            else:
                yield name, pattern.pattern, pattern.flags, searched
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) in CALLS:
            try:
                text = ast.literal_eval(node.args[0])
            except ValueError:
                text = None
            if isinstance(text, bytes):
                text = text.decode("latin-1")
            if text is not None and text not in known:
                yield f"line {node.lineno}", text, 0, node.func.attr not in ("match", "fullmatch")  # type: ignore[attr-defined]


CALLS = frozenset(f"re.{name}" for name in (*SEARCHES, "compile", "match", "fullmatch"))


def _compiled(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | frozenset):
        for inner in value:
            yield from _compiled(inner)
    elif isinstance(value, dict):
        yield from _compiled([*value.keys(), *value.values()])
    elif isinstance(value, type) and value.__module__.startswith("devenv"):
        yield from (inner for inner in vars(value).values() if isinstance(inner, re.Pattern))


def test_a_pattern_costs_what_its_text_is_long() -> None:
    slow, allowed = [], set()
    for module in MODULES:
        place = module.relative_to(ROOT / "devenv").as_posix()
        for name, text, flags, searched in patterns_in(module):
            if not (forms := forms_of(text, flags, searched)):
                continue
            if reason := next((key for key in ALLOWED if key[0] == place and text.startswith(key[1])), None):
                allowed.add(reason)
            else:
                slow.append(f"{place}, {name}: {', '.join(sorted(forms))}: {text}")
    assert slow == []
    assert allowed == set(ALLOWED), "an entry that is not needed"


@pytest.mark.parametrize(
    ("pattern", "forms"),
    [
        ("(?:a+)+b", {"repeat in a repeat", "start"}),
        (r"(?:ab|\wc)*!", {"repeat in a repeat", "start"}),
        (r"\A(?:a*b?)*c", {"repeat in a repeat"}),
        (r"\A\s*x?\s*y", {"two repeats"}),
        (r"\A.*,.*;", {"two repeats"}),
        (r"\A\w*?[a-z]{1,9}\d*\w*!", {"two repeats"}),
        ("a+b", {"start"}),
        ("<[^>]*>", {"start"}),
        (r"(?m)^\s*x", {"start"}),
        (r"\s+$", {"start"}),
        ("[a-z]++:", {"start"}),
    ],
)
def test_a_form_is_found(pattern: str, forms: set[str]) -> None:
    assert forms_of(pattern, 0, searched=True) == forms


@pytest.mark.parametrize(
    "pattern",
    [
        "a+", "a+b?", "a{1,80}b", r"(?<!\w)\w+:", "<[^<>]*>", r"\A(?:a+b)+c", r"\A\s*(?:x\s*)?y",
        r"(?m)^[ \t]*x",
        r"\A(?:[^=&]++=[^&]*+&)*+x", r"\A(?>a+)a*b", '\\A"(?:[^"\\\\]|\\\\.)*"',
    ],
)  # fmt: skip
def test_a_linear_pattern_is_none(pattern: str) -> None:
    assert forms_of(pattern, 0, searched=True) == set()
