"""Every error that the page's own inputs can lead to has its Korean text, and so has what to do about it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.support import ROOT
from tests.unit.dashboard.test_korean_texts import table, translated, without_korean

REACHED = (
    "dashboard",
    "core/model/pod_numbers.py",
    "core/model/schedule.py",
    "core/routing/codec.py",
    "core/scenario/catalog.py",
    "core/search/expression.py",
    "core/simulation/balancers.py",
    "harness/redis/keys.py",
    "harness/runs/folders.py",
    "harness/runs/trace.py",
    "stack/balancers/process.py",
    "stack/balancers/programs.py",
    "stack/control_calls.py",
    "stack/embedded/backend.py",
    "stack/embedded/child.py",
    "stack/embedded/redis_servers.py",
    "stack/ports.py",
    "verbs/explain/source.py",
    "verbs/operate/gate.py",
    "verbs/operate/pods.py",
    "verbs/operate/scale.py",
    "verbs/operate/toggle.py",
    "verbs/replay/branch.py",
    "verbs/replay/concurrent.py",
    "verbs/replay/target.py",
    "verbs/simulate/fields.py",
    "verbs/simulate/sweep.py",
    "wire/control/policy.py",
    "wire/edge/chooser.py",
    "wire/gate/control.py",
    "wire/gate/rules.py",
)
"""Where the errors are written that a field, a button or an address of the page can lead to."""
ERRORS = ("Problem", "Inconclusive", "HTTPException", "NoGate", "ExpectationFailed")
WITHOUT_WORDS = re.compile(r"[^a-zé]*(V1:GET V2:GET …)?[^a-zé]*")
"""Values alone: a problem in a problem (``X: X``), or an example."""


def shape(node: ast.expr | None) -> str:
    """A text of the source with X for each value, and what it has only at times; empty for a value."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_part(part) for part in node.values)
    if isinstance(node, ast.IfExp | ast.BoolOp):
        return shape(node.body if isinstance(node, ast.IfExp) else node.values[-1])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = shape(node.left), shape(node.right)
        return f"{left or 'X'}{right or 'X'}" if left or right else ""
    return ""


def _part(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    return "'X'" if part.conversion == ord("r") else "X"


def errors_of(text: str) -> Iterator[str]:
    """The messages and hints of the errors that a module's source makes."""
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call):
            continue
        name = getattr(node.func, "id", getattr(node.func, "attr", ""))
        if not name.endswith(ERRORS):
            continue
        hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
        yield from filter(None, map(shape, [*node.args[-1:], *hints]))


def sources() -> Iterator[str]:
    for place in REACHED:
        path = ROOT / "devenv" / place
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield file.read_text(encoding="utf-8")


def test_every_error_of_the_page_has_its_korean_text() -> None:
    errors = {error for source in sources() for error in errors_of(source)}
    wanted = {error for error in errors if WITHOUT_WORDS.fullmatch(error) is None}
    assert len(wanted) > 150
    assert without_korean(translated(sorted(wanted))) == []


def test_no_error_is_translated_by_the_pattern_of_another() -> None:
    """Each template, filled with values, is translated by itself: none is hidden by a wider one."""
    errors = table("ERRORS", "korean_errors.js")
    filled = {template: template.replace("{", "<").replace("}", ">") for template in errors}
    words = translated(filled.values())
    wrong = {
        template: words[text]
        for template, text in filled.items()
        if words[text] != errors[template].replace("{", "<").replace("}", ">")
    }
    assert wrong == {}


def test_the_source_of_errors_is_read() -> None:
    text = 'raise UsageProblem(f"{a} is {b!r}", hint="one of " + ", ".join(c))\nraise ValueError("no")\n'
    assert list(errors_of(text)) == ["X is 'X'", "one of X"]
