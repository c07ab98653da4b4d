"""One planted bug."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug."""

    rule: str
    """What the rule finds, as its violation, cause or advice is called; or its function."""
    module: str
    before: str
    """A text that is in the module exactly once."""
    after: str
    """What stands in its place in the mutant."""
    tests: str
    """The test modules of which one must fail, as a pattern below tests/unit/core/ (``test_losses*.py``)."""

    @property
    def name(self) -> str:
        """For a person, and for the command line."""
        return f"{self.module.removeprefix('devenv.core.')}:{self.rule}"
