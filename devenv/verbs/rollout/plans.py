"""The plans that are shipped, and the reader's own."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from devenv.core.model.errors import UsageProblem
from devenv.core.rollout.plan import Plan, parse_plan
from devenv.core.rollout.plan_check import check_plan
from devenv.stack.files import read_text


def shipped_plans() -> dict[str, str]:
    """The text of each shipped plan, by its name."""
    folder = files("devenv").joinpath("rollouts")
    plans = {item.name: item for item in folder.iterdir() if item.name.endswith(".yaml")}
    return {name.removesuffix(".yaml"): plans[name].read_text(encoding="utf-8") for name in sorted(plans)}


def load_plan(word: str) -> tuple[Plan, str]:
    """The plan that ``word`` names, a shipped one or a file, with its text.

    Raises UsageProblem for a plan that there is not, cannot be read, or loses sessions needlessly.
    """
    shipped = shipped_plans()
    if word in shipped:
        text, name = shipped[word], f"{word}.yaml"
    elif Path(word).suffix in (".yaml", ".yml") or Path(word).exists():
        text, name = read_text(Path(word), hint=None), word
    else:
        raise UsageProblem(
            f"there is no plan {word!r}", hint=f"shipped plans: {', '.join(shipped)}; or a file, plan.yaml"
        )
    plan = parse_plan(text, name)
    check_plan(plan)
    return plan, text
