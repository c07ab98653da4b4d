"""The checker's invariants, and its search for a linearization: one planted bug for each rule."""

from __future__ import annotations

from tools.mutants.mutant import Mutant


def _planted(module: str, rule: str, before: str, after: str, tests: str = "test_judge.py") -> Mutant:
    return Mutant(rule, f"devenv.core.checker.{module}", before, after, f"checker/{tests}")


MUTANTS: tuple[Mutant, ...] = (
    # The checker's invariants, and its search for a linearization.
    _planted("invariants", "double-success", "if len(successes) > 1:", "if len(successes) > 2:"),
    _planted(
        "invariants", "empty-bypass", "if success.answer is Answer.EMPTY:", "if success.answer is None:"
    ),
    _planted(
        "invariants",
        "wrong-answer-passed",
        "elif success.answer is Answer.WRONG:",
        "elif success.answer is Answer.RIGHT:",
    ),
    _planted(
        "invariants",
        "more-than-two-graded",
        "if limit and len(graded) > limit:",
        "if limit and len(graded) > limit + 1:",
    ),
    _planted("invariants", "lost-attempt", "if len(same) > 1:", "if len(same) > 2:"),
    _planted("invariants", "expiry-inside-verify", "if during and after:", "if during and not after:"),
    _planted(
        "invariants",
        "resurrected-key",
        "look.called > end.operation.returned:",
        "look.called > end.operation.returned + 1e9:",
    ),
    _planted(
        "invariants",
        "ttl-rounds-to-zero",
        "operation.f == AGE and operation.type",
        "operation.f == FLUSH and operation.type",
    ),
    _planted("invariants", "no-ttl", "if left == -1 and not known", "if left == -2 and not known"),
    _planted(
        "linearizability",
        "not-linearizable",
        "return Verdict.NOT_LINEARIZABLE",
        "return Verdict.LINEARIZABLE",
        "test_linearizability.py",
    ),
    _planted(
        "judge",
        "user",
        "(sentence := invariant.check(history)) is not None",
        "(sentence := invariant.check(history)) is None",
    ),
)
