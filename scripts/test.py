"""Everything that a change must pass: ``python3 scripts/test.py``. Needs Python 3.11 or newer, nothing else.

    scripts/test.py                                 ruff, mypy, import rules, dependencies, then all tests
    scripts/test.py tests/unit -k sequence          only pytest, with these arguments
    scripts/test.py --redis-py 5.0.8 [ARGS]         pytest with another redis-py, in a .venv of its own
    scripts/test.py --python 3.12 [ARGS]            pytest with another Python, in a .venv of its own

Makes ``.venv`` from the lock files where it is missing.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from _bootstrap import DEV_LOCK, LOCK, ROOT, find_python, guarded, make, say

# Programs of the environment, as it installs them beside its Python.
CHECKS = (
    ("ruff", "check", "."),
    ("ruff", "format", "--check", "."),
    ("mypy",),
    ("lint-imports",),
    ("deptry", "."),
)
# Each worker runs stacks of its own: half a dozen processes.
WORKERS, MOST_WORKERS = "auto", "4"


def main() -> int:
    """Make the environment, then run the checks and the tests; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--redis-py", metavar="VERSION", help="run pytest with this version of redis-py")
    parser.add_argument("--python", metavar="VERSION", help="run pytest with this Python, like 3.12")
    given, pytest_arguments = parser.parse_known_args()
    name, python = ".venv", None
    pins: tuple[str, ...] = ()
    if given.python:
        python = find_python(given.python)
        name += f"-py{given.python}"
    if given.redis_py:
        pins = (f"redis=={given.redis_py}",)
        name += f"-redis{given.redis_py}"
    programs = make(name, (LOCK, DEV_LOCK), python, pins).parent
    if given.python or given.redis_py or pytest_arguments:
        return run(programs, "pytest", *pytest_arguments)
    failed = [" ".join(check) for check in CHECKS if run(programs, *check) != 0]
    if run(programs, "pytest", "-n", WORKERS, "--maxprocesses", MOST_WORKERS) != 0:
        failed.append("pytest")
    say(f"failed: {', '.join(failed)}" if failed else "everything passed")
    return 1 if failed else 0


def run(folder: Path, program: str, *arguments: str) -> int:
    """Run one of the environment's programs in the project's folder; gives its exit code."""
    say(f"$ {program} {' '.join(arguments)}".rstrip())
    child = subprocess.Popen([str(folder / program), *arguments], cwd=str(ROOT))
    try:
        return child.wait()
    except KeyboardInterrupt:
        child.wait()  # it was interrupted too and is tidying up
        raise


if __name__ == "__main__":
    sys.exit(guarded(main))
