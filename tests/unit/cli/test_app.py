"""The root command knows the verbs from a table, and imports a verb's module only when the verb is called."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer

from devenv.cli.app import panel
from devenv.cli.verbs import VERBS, Verb

HEAVY = (
    "asyncio", "docker", "fastapi", "httpx", "jsonschema", "pydantic", "redis", "rich", "starlette",
    "uvicorn", "yaml",
)  # fmt: skip
ALLOWED = {
    "devenv", "devenv.__main__", "devenv.cli", "devenv.cli.app", "devenv.cli.running", "devenv.cli.signed",
    "devenv.cli.verbs",
    "devenv.core", "devenv.core.model", "devenv.core.model.errors",
}  # fmt: skip


def imported_by(*words: str) -> set[str]:
    """The modules that a process has imported when ``devenv`` with these words ends."""
    program = (
        "import sys; from devenv.cli import main; code = main(sys.argv[1:]); "
        "sys.stderr.write('\\n'.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return set(done.stderr.split("\n"))


@pytest.mark.parametrize("words", [("--help",), ("--version",)])
def test_the_root_imports_no_verb_and_no_heavy_library(words: tuple[str, ...]) -> None:
    modules = imported_by(*words)
    assert {name for name in modules if name.partition(".")[0] == "devenv"} <= ALLOWED
    assert {name.partition(".")[0] for name in modules} & set(HEAVY) == set()


@pytest.mark.parametrize("verb", VERBS, ids=lambda verb: verb.name)
def test_a_verb_s_line_is_the_first_paragraph_of_its_own_help(verb: Verb) -> None:
    target = getattr(import_module(f"devenv.cli.commands.{verb.module}"), verb.attribute)
    text = target.info.help if isinstance(target, typer.Typer) else target.__doc__
    assert verb.help == str(text).strip().partition("\n\n")[0].replace("\n", " ")


def test_completion_names_the_verbs_without_importing_them() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "devenv"],
        env={**os.environ, "_DEVENV_COMPLETE": "complete_bash", "COMP_WORDS": "devenv s", "COMP_CWORD": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert sorted(done.stdout.split()) == ["scale", "scenarios", "seed", "shrink", "simulate", "status"]
    assert "devenv.cli.commands.stack_verbs" not in done.stderr


def test_a_panel_wraps_texts_and_keeps_its_width() -> None:
    lines = panel("Title", [("name", "one two three four"), ("other", "")], 24)
    assert lines == [
        "╭─ Title ──────────────╮",
        "│ name   one two three │",
        "│        four          │",
        "│ other                │",
        "╰──────────────────────╯",
    ]


NEVER = ("docker", "fastapi", "jsonschema", "mcp", "numpy", "PIL", "pydantic", "starlette", "uvicorn", "yaml")
LOOKING = ("asyncio", "httpx", "pygments", "redis")
"""What no verb that only looks has use for."""


@pytest.mark.parametrize(
    ("modules", "unneeded"),
    [
        ("cli.commands.check_verb", (*NEVER, *LOOKING, "psutil")),
        ("cli.commands.stack_verbs", (*NEVER, *LOOKING, "psutil")),
        ("cli.commands.gate_verbs", (*NEVER, *LOOKING)),
        ("verbs.operate.status verbs.operate.select", (*NEVER, *LOOKING)),
        ("verbs.operate.toggle", (*NEVER, "redis")),
    ],
)
def test_a_verb_that_looks_imports_what_it_needs(modules: str, unneeded: tuple[str, ...]) -> None:
    program = "import sys; from importlib import import_module\n"
    program += "".join(f"import_module('devenv.{name}')\n" for name in modules.split())
    done = subprocess.run(
        [sys.executable, "-c", f"{program}print(*sys.modules)"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert {name.partition(".")[0] for name in done.stdout.split()} & set(unneeded) == set()


def test_a_verb_that_reads_a_file_imports_nothing_more_when_it_runs(tmp_path: Path) -> None:
    history = tmp_path / "history.jsonl"
    created = {"process": 0, "f": "create", "key": "abstract:1", "value": {"ttl": 60}}
    lines = [{**created, "type": "invoke", "time": 1}, {**created, "type": "ok", "time": 2}]
    history.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    modules = imported_by("check", str(history))
    assert {name.partition(".")[0] for name in modules} & {*NEVER, *LOOKING, "psutil"} == set()


def test_the_completion_of_an_argument_imports_no_use_case() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "devenv"],
        env={
            **os.environ, "_DEVENV_COMPLETE": "complete_bash", "COMP_WORDS": "devenv route rou",
            "COMP_CWORD": "2",
        },
        capture_output=True,
        encoding="utf-8",
        check=False,
    )  # fmt: skip
    assert done.stdout.split() == ["round-robin"]
    modules = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert modules & {*NEVER, *LOOKING, "psutil"} == set()
