"""``devenv check``: a history file, the rules, the verdict."""

from __future__ import annotations

import gc
import inspect
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from devenv.core.checker.expressions import BadExpression, Scope, invariant, read_expression
from devenv.core.checker.history import History, HistoryOperation, Pairing, parse_history, read_events
from devenv.core.checker.judge import Counts, Judging, Report, Rules, UserInvariant, judge
from devenv.core.checker.linearizability import DEFAULT_STEPS, Budget
from devenv.core.model.errors import Inconclusive, UsageProblem
from devenv.harness.runs.folders import HISTORY, RESULTS, Run, resolve_run
from devenv.harness.runs.partition import Partition
from devenv.stack.files import cannot_be_read, read_text, text_lines, universal_lines

if TYPE_CHECKING:
    from devenv.core.model.yaml_lines import Document

PREFIX = "invariant_"
SHOWN_PER_KIND = 5
_READ_SHARE = 0.7
"""Of the work on a long history, what reading its lines is; the rest is judging."""
_REPORTED = 20_000


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
    progress: Callable[[float], None] = lambda share: None,
) -> Checked:
    """Judge a history: ``word`` is a file, a folder with a history.jsonl, or a recorded run (latest).

    ``invariants`` are files of the reader's own rules: Python, which is run, or YAML, which is not.
    ``steps`` bounds the search for each challenge, ``seconds`` by ``clock`` that for all. ``progress`` gets
    the share that is done of a long history. Rules of the reader's own need the whole history in memory;
    without them it is read line by line. Raises UsageProblem for files that cannot be read, Inconclusive for
    a replay that has no operation of a kind that can be judged.
    """
    path = _history_file(word, state_dir)
    _check_has_operations(path)
    rules_of_files = [rule for file in invariants for rule in read_invariants(file)]
    rules = rules or Rules()
    if rules_of_files:
        history = parse_history(_read(path), str(path))
        return Checked(path, judge(history, rules, _budget(steps, seconds, clock), rules_of_files))
    with _no_garbage_collection():
        return Checked(path, _by_lines(path, rules, _budget(steps, seconds, clock), progress))


def _by_lines(path: Path, rules: Rules, budget: Budget, progress: Callable[[float], None]) -> Report:
    counts, partition, pairing = Counts(), Partition(), Pairing(str(path))
    try:
        for line in read_events(_lines(path, progress), str(path)):
            _count(pairing.take(line), counts, partition)
        for operation in pairing.end():
            _count(operation, counts, partition)
        counts.ignored = pairing.ignored
        judging = Judging(rules, budget, pairing.seen)
        judged = 0
        for challenge, operations in partition.groups():
            judging.challenge(challenge, operations)
            judged += len(operations)
            if judged // _REPORTED != (judged - len(operations)) // _REPORTED:
                progress(_READ_SHARE + (1 - _READ_SHARE) * min(1.0, judged / counts.operations))
        return judging.report(counts)
    finally:
        partition.close()


@contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """Objects here go by their reference counts, in no cycle: looking for cycles is an eighth of the work."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _check_has_operations(path: Path) -> None:
    """A replay of requests alone, as a service with ``[session]`` has them, leaves an empty history."""
    results = path.with_name(RESULTS)
    if path.name != HISTORY or not path.is_file() or path.stat().st_size or not results.is_file():
        return
    verdict = Run(path.parent).read_json(RESULTS).get("verdict")
    raise Inconclusive(
        f"{path.parent.name} has no operation on a session of [profile.kinds], so there is nothing to check; "
        f"its own verdict: {verdict}",
        hint=f"devenv explain {path.parent.name}; sessions of [session] are judged by devenv explore",
    )


def _count(operation: HistoryOperation | None, counts: Counts, partition: Partition) -> None:
    if operation is not None:
        counts.add(operation)
        partition.add(operation)


def _budget(steps: int, seconds: float | None, clock: Callable[[], float]) -> Budget:
    """What the search may take from now on."""
    return Budget(steps) if seconds is None else Budget(steps, clock() + seconds, clock)


def _lines(path: Path, progress: Callable[[float], None]) -> Iterator[str]:
    """The lines of a history file, as ``read_text(…).split`` gives them. Raises as ``read_text``."""
    try:
        with path.open("rb") as file:
            size = max(1, os.fstat(file.fileno()).st_size)
            yield from text_lines(
                file, str(path), lambda done: progress(_READ_SHARE * min(1.0, done / size)), universal_lines
            )
    except OSError as error:
        raise cannot_be_read(path, error, _hint(path)) from error


def _history_file(word: str, state_dir: Path) -> Path:
    path = Path(word)
    if path.is_dir():
        path = path / HISTORY
    elif not path.exists() and path.suffix == "" and path.name == word:
        path = resolve_run(state_dir, word).folder / HISTORY
    return path


def _read(path: Path) -> str:
    return read_text(path, hint=_hint(path))


def _hint(path: Path) -> str | None:
    return "`replay` and `demo` record one; `explore` does not" if path.name == HISTORY else None


# --- the reader's own rules -------------------------------------------------------------------------------


def read_invariants(path: Path) -> tuple[UserInvariant, ...]:
    """The rules of a ``.py`` or ``.yaml`` file, in their order. Raises UsageProblem that names the line."""
    text = _read(path)
    invariants = _from_python(path, text) if path.suffix == ".py" else _from_yaml(path, text)
    if not invariants:
        raise UsageProblem(
            f"{path}: no invariant in it",
            hint=f"in Python, functions {PREFIX}NAME(history); in YAML, NAME: EXPRESSION",
        )
    return invariants


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
            line = _line_of(error, path)
            raise UsageProblem(f"{path}{line}: {PREFIX}{name}: {type(error).__name__}: {error}") from error
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
