"""``devenv check``: a history file, the rules, the verdict."""

from __future__ import annotations

import inspect
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from devenv.core.checker.expressions import BadExpression, Scope, invariant, read_expression
from devenv.core.checker.history import History, parse_history
from devenv.core.checker.judge import Report, Rules, UserInvariant, judge
from devenv.core.checker.linearizability import DEFAULT_STEPS, Budget
from devenv.core.model.errors import UsageProblem
from devenv.harness.runs.store import HISTORY, resolve_run
from devenv.stack.files import read_text

if TYPE_CHECKING:
    from devenv.core.model.yaml_lines import Document

PREFIX = "invariant_"
SHOWN_PER_KIND = 5


@dataclass(frozen=True, slots=True)
class Checked:
    """A judged file."""

    path: Path
    report: Report

    def to_json(self) -> dict[str, Any]:
        """The report with the file's name."""
        return {"file": str(self.path), **self.report.to_json()}


def check(
    word: str,
    state_dir: Path,
    *,
    invariants: Sequence[Path] = (),
    rules: Rules | None = None,
    steps: int = DEFAULT_STEPS,
    seconds: float | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Checked:
    """Judge a history: ``word`` is a file, a folder with a history.jsonl, or a recorded run (latest).

    ``invariants`` are files of the reader's own rules: Python, which is run, or YAML, which is not.
    ``steps`` bounds the search for each challenge, ``seconds`` by ``clock`` that for all. Raises UsageProblem
    for files that cannot be read.
    """
    path = _history_file(word, state_dir)
    own = [rule for file in invariants for rule in read_invariants(file)]
    history = parse_history(_read(path), str(path))
    budget = Budget(steps) if seconds is None else Budget(steps, clock() + seconds, clock)
    return Checked(path, judge(history, rules, budget, own))


def _history_file(word: str, state_dir: Path) -> Path:
    path = Path(word)
    if path.is_dir():
        path = path / HISTORY
    elif not path.exists() and path.suffix == "" and path.name == word:
        path = resolve_run(state_dir, word).folder / HISTORY
    return path


def _read(path: Path) -> str:
    hint = "`replay` and `demo` record one; `explore` does not" if path.name == HISTORY else None
    return read_text(path, hint=hint)


# --- the reader's own rules -------------------------------------------------------------------------------


def read_invariants(path: Path) -> tuple[UserInvariant, ...]:
    """The rules of a ``.py`` or ``.yaml`` file, in their order. Raises UsageProblem that names the line."""
    text = _read(path)
    found = _from_python(path, text) if path.suffix == ".py" else _from_yaml(path, text)
    if not found:
        raise UsageProblem(
            f"{path}: no invariant in it",
            hint=f"in Python, functions {PREFIX}NAME(history); in YAML, NAME: EXPRESSION",
        )
    return found


def _from_python(path: Path, text: str) -> tuple[UserInvariant, ...]:
    """Functions ``invariant_NAME(history) -> str | None``; the file is run as the program that it is."""
    module = ModuleType(path.stem)
    module.__file__ = str(path)
    try:
        with redirect_stdout(sys.stderr):  # what it prints is no part of our result
            exec(compile(text, str(path), "exec"), module.__dict__)  # noqa: S102 - its writer asked for it
    except (Exception, SystemExit) as error:  # a rule that ends the program has not judged anything
        raise UsageProblem(f"{path}{_line_of(error, path)}: {type(error).__name__}: {error}") from error
    functions = {
        name.removeprefix(PREFIX): item
        for name, item in vars(module).items()
        if name.startswith(PREFIX) and inspect.isfunction(item)
    }
    return tuple(UserInvariant(name, _guarded(path, name, item)) for name, item in functions.items())


def _guarded(path: Path, name: str, function: Callable[[History], object]) -> Callable[[History], str | None]:
    """A rule that crashes, or says something that is no sentence, is a fault of the rule's."""

    def check(history: History) -> str | None:
        try:
            with redirect_stdout(sys.stderr):
                violation = function(history)
        except (Exception, SystemExit) as error:
            at = _line_of(error, path)
            raise UsageProblem(f"{path}{at}: {PREFIX}{name}: {type(error).__name__}: {error}") from error
        if violation is not None and (not isinstance(violation, str) or not violation.strip()):
            what = "an empty text" if isinstance(violation, str) else type(violation).__name__
            raise UsageProblem(
                f"{path}: {PREFIX}{name} returned {what}",
                hint="None where it holds, a sentence where it does not",
            )
        return violation

    return check


def _line_of(error: BaseException, path: Path) -> str:
    """``:7``, where the file's own line is known."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}" if error.lineno else ""
    line = None
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f":{line}" if line else ""


def _from_yaml(path: Path, text: str) -> tuple[UserInvariant, ...]:
    if not text.strip():
        return ()
    from devenv.core.model.yaml_lines import read_document  # with PyYAML

    document = read_document(text, str(path))
    if not isinstance(document.data, dict):
        raise document.problem((), "a mapping of names to expressions is wanted")
    return tuple(_rule(document, name, rule) for name, rule in document.data.items())


def _rule(document: Document, name: str, rule: object) -> UserInvariant:
    """``NAME: EXPRESSION``, or with ``holds`` the expression and ``for`` what it is asked of."""
    where: tuple[str | int, ...] = (name,)
    scope = Scope.HISTORY
    if isinstance(rule, Mapping):
        for key in rule:
            if key not in ("for", "holds"):
                raise document.problem((name, key), "a rule has 'holds' and perhaps 'for'", key=True)
        if "for" in rule:
            scopes = [str(item) for item in Scope]
            if rule["for"] not in scopes:
                raise document.problem((name, "for"), f"must be one of {', '.join(scopes)}")
            scope = Scope(rule["for"])
        where, rule = (name, "holds"), rule.get("holds")
    if not isinstance(rule, str):
        raise document.problem(where, "an expression is wanted, as text")
    try:
        return invariant(name, read_expression(rule), scope)
    except BadExpression as error:
        raise document.problem(where, str(error), hint="docs/check.md describes the language") from error
