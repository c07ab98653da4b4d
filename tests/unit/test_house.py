"""The sizes of the house: rooms of about 3,000 lines at most, modules of 500, and what each room is for."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import ROOT

WINGS = ("cli", "core", "harness", "stack", "verbs", "wire")
PACKAGES = sorted(path.parent for path in (ROOT / "devenv").rglob("__init__.py"))
MOST_LINES_OF_A_ROOM = 3000
MOST_LINES_OF_A_MODULE = 500
MOST_LINES_OF_A_FUNCTION = 60
MOST_PARAMETERS = 10


def lines(path: Path) -> int:
    return path.read_text(encoding="utf-8").count("\n")


def test_no_file_beside_the_product_is_too_long_either() -> None:
    folders = ("benchmarks", "mock_ml", "scripts", "tests", "tools")
    files = [file for folder in folders for file in (ROOT / folder).rglob("*.py")]
    long = {file.relative_to(ROOT).as_posix(): lines(file) for file in files}
    assert {name: count for name, count in long.items() if count > MOST_LINES_OF_A_MODULE} == {}


def test_the_wings_are_there_and_nothing_else() -> None:
    packages = [path.name for path in PACKAGES if path.parent == ROOT / "devenv"]
    assert sorted(packages) == sorted([*WINGS, "captcha_api", "dashboard", "pytest_plugin"])


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_room_is_small_enough_to_be_read(package: Path) -> None:
    modules = sorted(package.glob("*.py"))
    assert sum(map(lines, modules)) <= MOST_LINES_OF_A_ROOM
    assert {path.name: lines(path) for path in modules if lines(path) > MOST_LINES_OF_A_MODULE} == {}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_room_says_what_it_is_for(package: Path) -> None:
    text = (package / "__init__.py").read_text(encoding="utf-8")
    assert ast.get_docstring(ast.parse(text))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def own_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of its body. Functions within it (the routes of an API) count by themselves."""
    nested = [node for node in function.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    size = (function.end_lineno or 0) - function.body[0].lineno + 1
    return size - sum((node.end_lineno or 0) - node.lineno + 1 for node in nested)


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_function_is_short_and_takes_few_parameters(package: Path) -> None:
    long = [
        f"{path.name}:{node.lineno}: {node.name}: {own_lines(node)} lines, {count} parameters"
        for path in sorted(package.glob("*.py"))
        for node in functions(path)
        for count in [sum(arg.arg != "self" for arg in (*node.args.args, *node.args.kwonlyargs))]
        if own_lines(node) > MOST_LINES_OF_A_FUNCTION or count > MOST_PARAMETERS
    ]
    assert long == []


def fields(node: ast.ClassDef) -> Iterator[tuple[str, bool]]:
    """The fields of a dataclass or NamedTuple, and whether each has text under it; none of other classes."""
    decorators = {ast.unparse(decorator).partition("(")[0] for decorator in node.decorator_list}
    bases = {ast.unparse(base) for base in node.bases}
    if decorators & {"dataclass", "dataclasses.dataclass"} or bases & {"NamedTuple", "TypedDict"}:
        for statement, following in zip(node.body, [*node.body[1:], None], strict=True):
            if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
                text = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
                yield statement.target.id, text


@pytest.mark.parametrize("folder", ["devenv", "mock_ml", "tools"])
def test_fields_are_described_under_the_field_and_not_in_the_text_of_the_class(folder: str) -> None:
    wrong = [
        f"{file.relative_to(ROOT).as_posix()}:{node.lineno}: {node.name}.{name}"
        for file in sorted(ROOT.joinpath(folder).rglob("*.py"))
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.ClassDef)
        for name, described in fields(node)
        if not described and f"``{name}``" in (ast.get_docstring(node) or "")
    ]
    assert wrong == []
