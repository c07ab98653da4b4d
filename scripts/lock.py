"""Makes the lock files from pyproject.toml, after a change of its dependencies: ``python3 scripts/lock.py``.

What is locked stays as it is where it still fits; ``--upgrade`` takes the newest of everything.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from _bootstrap import DEV_LOCK, LOCK, OLDEST, ROOT, guarded, say, tool

UV = "0.13.9"
PRODUCT = ("build", "docker", "tls")
EXTRAS = {LOCK: PRODUCT, DEV_LOCK: (*PRODUCT, "plots", "dask", "balancers", "dev")}


def main() -> int:
    """Resolve for every Python and system that is supported; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--upgrade", action="store_true", help="the newest of everything that still fits")
    given = parser.parse_args()
    uv = tool(".venv-lock", "uv", UV)
    oldest = ".".join(str(part) for part in OLDEST)
    for lock, extras in EXTRAS.items():
        command = [str(uv), "pip", "compile", "--quiet", "--universal", "--generate-hashes"]
        command += ["--no-header", "--no-annotate", "--python-version", oldest]
        command += [word for extra in extras for word in ("--extra", extra)]
        command += ["--upgrade"] if given.upgrade else []
        done = subprocess.run([*command, "pyproject.toml", "-o", lock], cwd=str(ROOT), check=False)
        if done.returncode != 0:
            return done.returncode
        say(f"{lock} is up to date")
    return 0


if __name__ == "__main__":
    sys.exit(guarded(main))
