"""The table of planted bugs fits the code and has every rule. `python -m tools.mutants` runs them."""

from __future__ import annotations

import pytest

from devenv.core.checker.invariants import Kind
from devenv.core.diagnosis.findings import CHANGES
from devenv.core.doctor_rules.advice import CAUSES
from tools.mutants.__main__ import main, modules_of, planted
from tools.mutants.mutant import Mutant
from tools.mutants.table import MUTANTS


def rules(wing: str) -> set[str]:
    """The rules of one wing of the core that have a mutant, without what tells several of a rule apart."""
    ours = (mutant for mutant in MUTANTS if mutant.module.startswith(f"devenv.core.{wing}."))
    return {mutant.rule.partition(",")[0] for mutant in ours}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_the_bug_is_planted_in_the_code_as_it_is(mutant: Mutant) -> None:
    source = planted(mutant)
    compile(source, mutant.module, "exec")
    assert modules_of(mutant)


def test_names_are_unique_and_an_unknown_one_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)
    assert main(["nothing"]) == 2
    assert capsys.readouterr().err == "no mutant is called nothing\n"


@pytest.mark.parametrize(
    ("wing", "kinds"),
    [("checker", {str(kind) for kind in Kind}), ("diagnosis", {*CHANGES}), ("doctor_rules", {*CAUSES})],
)
def test_every_rule_has_a_mutant(wing: str, kinds: set[str]) -> None:
    assert rules(wing) == kinds
