"""``python -m tools.mutants [NAME...]``: plants each bug in turn; fails where no test notices it.

Without names all are planted. Exit code 1 where a mutant lives: its test says nothing about the rule.
"""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from tools.endings import ended
from tools.mutants.mutant import Mutant
from tools.mutants.table import MUTANTS

ROOT = Path(__file__).resolve().parents[2]
UNIT_TESTS = ROOT / "tests" / "unit" / "core"
PYTEST = ("-x", "-q", "-n", "0", "-p", "no:randomly", "-p", "no:cacheprovider", "--assert=plain")
"""Plain assertions: devenv is a pytest plugin, and pytest would else load its modules itself."""
NOT_COLLECTED = 2
"""Exit codes of pytest from here on mean that no test ran."""


def main(names: Sequence[str]) -> int:
    """Run the mutants of these names; gives the exit code."""
    unknown = sorted(set(names) - {mutant.name for mutant in MUTANTS})
    if unknown:
        print(f"no mutant is called {', '.join(unknown)}", file=sys.stderr)  # noqa: T201
        return 2
    chosen = [mutant for mutant in MUTANTS if not names or mutant.name in names]
    _import_what_tests_share()
    alive = [mutant for mutant in chosen if not _killed(mutant)]
    print(f"{len(chosen) - len(alive)} of {len(chosen)} mutants were noticed")  # noqa: T201
    return 1 if alive else 0


def planted(mutant: Mutant) -> str:
    """The module's text with the bug in it. Raises ValueError where the table no longer fits the code."""
    spec = importlib.machinery.PathFinder.find_spec(mutant.module, [str(_folder(mutant.module))])
    assert spec is not None and spec.origin is not None, mutant.module
    source = Path(spec.origin).read_text(encoding="utf-8")
    if (count := source.count(mutant.before)) != 1:
        raise ValueError(f"{mutant.name}: {mutant.before!r} is in {spec.origin} {count} times, not once")
    return source.replace(mutant.before, mutant.after)


def modules_of(mutant: Mutant) -> list[Path]:
    """The modules of tests of which one must fail."""
    return sorted(UNIT_TESTS.glob(mutant.tests))


def _folder(module: str) -> Path:
    return ROOT.joinpath(*module.split(".")[:-1])


def _killed(mutant: Mutant) -> bool:
    """Whether the mutant's tests fail, in a process of their own that has the mutant's module."""
    print(f"{mutant.name:60}", end="", flush=True)  # noqa: T201
    child = os.fork()
    if child == 0:
        os._exit(_run_tests(mutant))
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code >= NOT_COLLECTED:
        raise SystemExit(f"pytest ended with {code}: no test ran of {mutant.tests}")
    print("noticed" if code == 1 else f"LIVES: {mutant.tests} passes")  # noqa: T201
    return code == 1


def _run_tests(mutant: Mutant) -> int:
    import pytest

    sys.meta_path.insert(0, _Planter(mutant))
    os.chdir(ROOT)
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, contextlib.redirect_stdout(nowhere):
        return int(pytest.main([*PYTEST, *map(str, modules_of(mutant))]))


class _Planter(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Gives the mutant's module its text with the bug."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._mutant.module:
            return None
        origin = str(_folder(fullname) / f"{fullname.rpartition('.')[2]}.py")
        return importlib.util.spec_from_file_location(fullname, origin, loader=self)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(planted(self._mutant), str(module.__file__), "exec"), module.__dict__)  # noqa: S102


def _import_what_tests_share() -> None:
    """Once here, and not in each child: third-party packages alone, none of which imports devenv."""
    for name in ("_pytest", "hypothesis", "httpx", "psutil", "redis", "xdist", "yaml"):
        importlib.import_module(name)


if __name__ == "__main__":
    sys.exit(ended(lambda: main(sys.argv[1:])))
