"""A pass has one source: ``passes`` decides it, and no other code chooses the word."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from devenv.core.model.verdict import passes
from tests.support import ROOT

PASS_WORDS = ("holds", "HOLDS")
CALLS_IT = "passes("


def test_nothing_holds_that_was_not_checked() -> None:
    assert passes(checked=1, failures=0)
    assert not passes(checked=0, failures=0)
    assert not passes(checked=9, failures=1)
    assert not passes(checked=9, failures=0, gaps=1)


class _Choices(ast.NodeVisitor):
    """Every place of a module where the word of a pass is given as a value, and what it depends on."""

    def __init__(self) -> None:
        self.passes: list[tuple[int, list[str]]] = []
        self._conditions: list[str] = []

    def _under(self, condition: ast.expr, *nodes: ast.AST) -> None:
        self._conditions.append(ast.unparse(condition))
        for node in nodes:
            self.visit(node)
        self._conditions.pop()

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self.visit(node.test)
        self._under(node.test, node.body)
        self.visit(node.orelse)

    def visit_If(self, node: ast.If) -> None:
        self.visit(node.test)
        self._under(node.test, *node.body)
        for child in node.orelse:
            self.visit(child)

    def visit_Compare(self, node: ast.Compare) -> None:
        """A comparison asks for a verdict; it gives none."""

    def visit_match_case(self, node: ast.match_case) -> None:
        for child in node.body:
            self.visit(child)

    def visit_Dict(self, node: ast.Dict) -> None:
        for value in node.values:  # a key asks
            self.visit(value)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        for child in node.body:
            if not isinstance(child, ast.Assign):  # a member of an enumeration
                self.visit(child)

    def visit_Subscript(self, node: ast.Subscript) -> None:
        if not ast.unparse(node.value).endswith("Literal"):
            self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        if node.value in PASS_WORDS:
            self.passes.append((node.lineno, list(self._conditions)))

    def visit_Attribute(self, node: ast.Attribute) -> None:
        if node.attr == "HOLDS":
            self.passes.append((node.lineno, list(self._conditions)))
        self.generic_visit(node)


def choices(source: str) -> list[tuple[int, list[str]]]:
    visitor = _Choices()
    visitor.visit(ast.parse(source))
    return visitor.passes


def modules() -> Iterator[Path]:
    yield from sorted((ROOT / "devenv").rglob("*.py"))


ASKED_FOR = (".holds", ".passed")
"""Properties that say what ``passes`` said; see test_what_is_called_so_asks_the_one_source."""
NO_VERDICTS = {"devenv/harness/runs/check.py"}
"""There "holds" is the key of a rule in a file."""


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_the_word_of_a_pass_is_chosen_by_the_one_source(path: Path) -> None:
    if path.relative_to(ROOT).as_posix() in NO_VERDICTS:
        return
    for line, conditions in choices(path.read_text(encoding="utf-8")):
        asks = any(CALLS_IT in condition or condition.endswith(ASKED_FOR) for condition in conditions)
        assert asks, f"{path}:{line}: a verdict that holds is given without passes()"


def test_what_is_called_so_asks_the_one_source() -> None:
    """A property ``holds`` or ``passed`` calls ``passes`` or compares a verdict or an exit code."""
    count = 0
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.FunctionDef) or node.name not in ("holds", "passed"):
                continue
            if len(node.args.args) == 1 and node.returns and ast.unparse(node.returns) == "bool":
                returns = [ast.unparse(child) for child in ast.walk(node) if isinstance(child, ast.Return)]
                count += 1
                for text in returns:
                    known = (CALLS_IT, ".verdict == 'holds'", ".exploration.holds")
                    assert any(word in text for word in known), f"{path}: {node.name}: {text}"
    assert count >= 4


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return 'holds' if x else 'fails'\n",
        "def f(x):\n    return 'fails' if x else 'holds'\n",
        "def f(x):\n    return 'fails' if passes(x) else 'holds'\n",
        "def f(x):\n    if passes(x):\n        pass\n    return V.HOLDS\n",
        "def f(x):\n    return {'verdict': 'holds'}\n",
    ],
)
def test_the_search_above_meets_a_pass_from_elsewhere(source: str) -> None:
    [(_, conditions)] = choices(source)
    assert not any(CALLS_IT in condition for condition in conditions)


@pytest.mark.parametrize(
    "source",
    [
        "def f(x):\n    return 'holds' if passes(x) else 'fails'\n",
        "def f(x):\n    if passes(x):\n        return V.HOLDS\n    return 1\n",
    ],
)
def test_the_search_above_knows_the_one_source(source: str) -> None:
    [(_, conditions)] = choices(source)
    assert any(CALLS_IT in condition for condition in conditions)


def test_the_search_above_passes_over_questions() -> None:
    asks = "x = v == 'holds'\ny = {'holds': 1}\nclass V:\n    HOLDS = 'holds'\n"
    asks += "match v:\n    case V.HOLDS:\n        pass\n"
    assert choices(asks) == []
