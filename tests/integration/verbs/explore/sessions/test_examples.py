"""The services of docs/examples/sessions as they lie there: each bug is found, each fix that only looks right
too, and the right fix is clean, with every order tried.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support import ROOT, command_environment, devenv_run

EXAMPLES = ROOT / "docs" / "examples" / "sessions"


class Example(NamedTuple):
    """A service, what is explored, and what each way to start it comes to."""

    folder: str
    expression: str
    fixes: dict[str, tuple[int, dict[str, int]]]
    """By fix: the orders of commands, and in how many each kind of violation was seen."""
    needs: tuple[str, ...] = ()


EXAMPLE_SERVICES = (
    Example(
        "lost-update",
        "theme+language",
        {"as-is": (6, {"lost-update": 4}), "xx": (6, {"lost-update": 4}), "merge": (6, {})},
    ),
    Example(
        "session-came-back",
        "a+logout",
        {"as-is": (6, {"session-came-back": 2}), "merge": (6, {})},
        ("node", "npm"),
    ),
    Example("read-brings-back", "ask+logout", {"as-is": (3, {"session-came-back": 1}), "expire": (3, {})}),
    Example("lock-given-up", "a+b", {"as-is": (40, {"lost-update": 32}), "wait": (8, {})}, ("php",)),
    Example(
        "unlock-before-delete",
        "a+logout",
        {
            "as-is": (19, {"session-came-back": 3}),
            "early": (30, {"session-came-back": 9}),
            "inside": (8, {}),
        },
    ),
    Example("half-a-session", "a+logout", {"as-is": (4, {"session-came-back": 1}), "tombstone": (4, {})}),
    Example(
        "one-time-code",
        "phone+tablet",
        {"as-is": (16, {"not-serial": 12}), "deleted": (18, {"not-serial": 12}), "getdel": (4, {})},
        ("node",),
    ),
    Example(
        "cart",
        "2 add",
        {"as-is": (6, {"lost-update": 4}), "watch-wrong": (20, {"lost-update": 12}), "watch": (20, {})},
    ),
    Example("rate-limit", "2 work", {"as-is": (6, {"lost-update": 4}), "incr": (4, {})}),
    Example("idempotency-key", "2 pay", {"as-is": (20, {"not-serial": 18}), "claim": (12, {})}),
    Example("refresh-token", "2 refresh", {"as-is": (46, {"not-serial": 40}), "getdel": (6, {})}, ("node",)),
)


def needed(tools: tuple[str, ...]) -> None:
    """Skip the test where a tool is missing, or fail it with DEVENV_REQUIRE_TOOLS=1."""
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if "php" in tools and not missing:
        modules = subprocess.run(["php", "-m"], capture_output=True, text=True, check=True).stdout
        missing = [] if "redis" in modules.split() else ["php-redis"]
    if missing and os.environ.get("DEVENV_REQUIRE_TOOLS"):
        pytest.fail(f"not installed: {', '.join(missing)}")
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)}")


@pytest.mark.parametrize("example", EXAMPLE_SERVICES, ids=lambda example: example.folder)
def test_the_bug_is_found_and_the_fix_is_clean(example: Example, tmp_path: Path) -> None:
    needed(example.needs)
    folder = tmp_path / example.folder
    shutil.copytree(EXAMPLES / example.folder, folder)
    shutil.copyfile(EXAMPLES / "redis.mjs", tmp_path / "redis.mjs")
    if "npm" in example.needs:
        command = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
        subprocess.run(command, cwd=folder, check=True)
    words = ("explore", example.expression, "--compare", ",".join(example.fixes), "--json")
    run = devenv_run(folder, command_environment(), *words)
    assert run.returncode == 1, run.stderr
    results = {result["fix"]: result for result in json.loads(run.stdout)["compared"]}
    assert all(result["complete"] for result in results.values())
    assert {
        fix: (result["orders"], {item["kind"]: item["seen_in"]["orders"] for item in result["violations"]})
        for fix, result in results.items()
    } == example.fixes


def test_every_example_is_tried_and_stands_in_the_table() -> None:
    folders = {path.parent.name for path in EXAMPLES.glob("*/devenv.toml")}
    assert folders == {example.folder for example in EXAMPLE_SERVICES}
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for example in EXAMPLE_SERVICES:
        [row] = [line for line in table.splitlines() if line.startswith(f"| [{example.folder}]")]
        assert f"`{example.expression}`" in row
        for fix, (orders, kinds) in example.fixes.items():
            assert f"{fix} {sum(kinds.values())} of {orders}" in row
