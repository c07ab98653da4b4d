"""The table of adjacent stages in docs/rollout.md: ``python -m tools.stage_pairs`` prints it.

With ``--write`` it goes into the page. Each pair of stages of a migration strategy is explored anew.
"""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Sequence
from pathlib import Path

from devenv.core.model.migration import STAGES, MigrationStrategy
from devenv.core.model.vocabulary import Answer
from devenv.core.rollout.pair_exploration import explore_pair
from devenv.core.rollout.stages import rollout_stage
from devenv.stack.files import write_atomically
from tools.endings import ended

PAGE = Path(__file__).parents[1] / "docs" / "rollout.md"
HEAD = "| strategy | pods | `R+R` | `R+W` |\n|---|---|---|---|\n"
ANSWERS = ((Answer.RIGHT, Answer.RIGHT), (Answer.RIGHT, Answer.WRONG))
"""Of the two columns."""


def table() -> str:
    """The table: a row for each pair of adjacent stages, with the rules that an order of it breaks."""
    rows = []
    for strategy in MigrationStrategy:
        for first, second in itertools.pairwise(STAGES[strategy]):
            stages = (rollout_stage(strategy, first), rollout_stage(strategy, second))
            kinds = [
                {kind for order in explore_pair(stages, pair) for kind in order.kinds} for pair in ANSWERS
            ]
            cells = " | ".join(", ".join(sorted(each)) or "–" for each in kinds)
            rows.append(f"| {strategy} | `{first}` beside `{second}` | {cells} |\n")
    return HEAD + "".join(rows)


def with_table(page: str) -> str:
    """``page`` with its table replaced by ``table()``. Raises ValueError where it has none."""
    before, head, rest = page.partition(HEAD)
    if not head:
        raise ValueError("the page has no table of stages")
    lines = rest.splitlines(keepends=True)
    after = "".join(itertools.dropwhile(lambda line: line.startswith("|"), lines))
    return before + table() + after


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table, or with ``--write`` put it into the page."""
    parser = argparse.ArgumentParser(prog="python -m tools.stage_pairs", description=__doc__)
    parser.add_argument("--write", action="store_true", help="write it into docs/rollout.md")
    if parser.parse_args(arguments).write:
        write_atomically(PAGE, with_table(PAGE.read_text(encoding="utf-8")))
    else:
        print(table(), end="")  # noqa: T201


if __name__ == "__main__":
    sys.exit(ended(main))
