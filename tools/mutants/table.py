"""All planted bugs."""

from __future__ import annotations

from tools.mutants import checker, diagnosis, doctor
from tools.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (*checker.MUTANTS, *diagnosis.MUTANTS, *doctor.MUTANTS)
