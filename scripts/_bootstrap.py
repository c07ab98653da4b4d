"""Makes the virtual environment that the scripts run in, from the lock file; standard library only.

Also understood by Pythons that are too old for the product, so that they can say so.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OLDEST = (3, 11)
LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"
ENVIRONMENT_PROBLEM = 4
INTERRUPTED = 130
FAULT = 70
"""As ``devenv`` itself ends by a fault (EX_SOFTWARE of sysexits.h)."""

_STAMP = "devenv-stamp.json"
_BUILDING = "devenv-building"
_PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")
_PIP_FOR_OTHERS = (22, 3)
"""From this version on pip installs into another environment (``--python``)."""
_AT_ONCE = 4
"""How many pips install a lock's packages: each waits for the network and unpacks by itself."""
_COMPILE = () if sys.dont_write_bytecode else ("--no-compile",)
"""Python compiles what it imports and keeps it; to compile all that is installed costs twice that."""


class CannotRun(Exception):
    """This machine cannot run it as things are; the text says what to do."""


def run_module(module: str, arguments: list[str]) -> int:
    """Run ``python -m module arguments`` in ``.venv`` (made where needed); gives the exit code.

    Where the system can, the script becomes that process, so that signals and ``kill`` meet the real thing.
    """
    return guarded(lambda: _become([str(make(".venv", (LOCK,))), "-m", module, *arguments]))


def make(name: str, locks: tuple[str, ...], python: str | None = None, pins: tuple[str, ...] = ()) -> Path:
    """The Python of the environment ``ROOT/name``, which holds exactly what ``locks`` and then ``pins`` say.

    The stamp is written last: an environment whose making was interrupted is made anew. One without any mark
    of ours was made by hand: it is completed, nothing in it is deleted. ``python`` is the interpreter for a
    new environment, by default the running one. Raises CannotRun.
    """
    if python is None and sys.version_info < OLDEST:
        raise CannotRun(_too_old())
    folder = ROOT / name
    interpreter = _interpreter(folder)
    wanted = _wanted(locks, pins)
    stamp = _read_stamp(folder)
    alive = _answers(interpreter)
    if alive and stamp is not None and all(stamp.get(key) == value for key, value in wanted.items()):
        return interpreter
    started = time.monotonic()
    say(f"preparing {name} (once; later runs start at once)")
    if not alive or (folder / _BUILDING).exists() or _contradicts(stamp, wanted):
        _create(folder, python or sys.executable)
    (folder / _BUILDING).touch()
    for lock in locks:
        if stamp is None or stamp.get(lock) != wanted[lock] or not alive:
            _install_lock(interpreter, lock)
    if pins:
        _install(interpreter, [["--no-deps", *pins]], len(pins), " ".join(pins))
    _install(interpreter, [["--no-deps", "--no-build-isolation", "-e", str(ROOT)]], 1, "devenv itself")
    (folder / _STAMP).write_text(json.dumps(wanted), encoding="utf-8")
    (folder / _BUILDING).unlink()
    say(f"{name} is ready after {time.monotonic() - started:.0f} s")
    return interpreter


def tool(name: str, package: str, version: str) -> Path:
    """The program ``package`` of ``version``, in an environment ``name`` of its own. Raises CannotRun."""
    folder = ROOT / name
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    program = programs / (f"{package}.exe" if os.name == "nt" else package)
    if not _output([str(program), "--version"]).startswith(f"{package} {version}"):
        _create(folder, sys.executable)
        _install(programs / Path(sys.executable).name, [[f"{package}=={version}"]], 1, package)
    return program


def find_python(version: str) -> str:
    """An interpreter of ``version`` (like 3.12): on PATH, of pyenv, of uv, or by Windows' launcher.

    Raises CannotRun where there is none.
    """
    ours = ".".join(str(part) for part in sys.version_info[:2])
    candidates = [[sys.executable]] if version == ours else []
    candidates.append([f"python{version}"])
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    candidates += [
        [str(python / "bin" / "python")] for python in sorted(pyenv.glob(f"{version}.*"), reverse=True)
    ]
    candidates.append(["py", f"-{version}"])
    if shutil.which("uv"):
        python = _output(["uv", "python", "find", version])
        candidates += [[python]] if python else []
    for candidate in candidates:
        answer = _output([*candidate, "-c", "import sys; print(sys.executable, sys.version_info[:2])"])
        if answer.endswith(f"({version.replace('.', ', ')})"):
            return answer.rsplit(" (", 1)[0]
    raise CannotRun(f"Python {version} was not found (looked on PATH, in pyenv and in uv): install it first")


def say(text: str) -> None:
    """One line of progress, on standard error: standard output belongs to what is run."""
    print(text, file=sys.stderr, flush=True)


def guarded(work: Callable[[], int]) -> int:
    """The exit code of ``work``, with one line for its CannotRun, a file's error or Ctrl-C.

    Any other error is a fault of the script: its traceback, and 70.
    """
    try:
        return work()
    except CannotRun as problem:
        say(f"error: {problem}")
        return ENVIRONMENT_PROBLEM
    except OSError as error:  # a full disk, a folder that may not be written
        say(f"error: {error.filename or 'this machine'}: {error.strerror or error}")
        return ENVIRONMENT_PROBLEM
    except Exception:
        traceback.print_exc()
        return FAULT
    except KeyboardInterrupt:
        say("interrupted")
        return INTERRUPTED


def _become(command: list[str]) -> int:
    """Run ``command`` in our place. Windows has no exec: there its Ctrl-C reaches both, and we wait."""
    if os.name != "nt":
        sys.stdout.flush()
        os.execv(command[0], command)  # noqa: S606 - our own interpreter, no shell meant
    child = subprocess.Popen(command)
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue


def _too_old() -> str:
    have = ".".join(str(part) for part in sys.version_info[:3])
    newer = [
        name
        for name in ("python3.13", "python3.12", "python3.11")
        if _output([name, "--version"]).startswith("Python 3")  # pyenv has names on PATH that do not run
    ]
    way = f"run it with {newer[0]}" if newer else "install Python 3.11 or newer from https://www.python.org"
    return f"this is Python {have}, and 3.11 or newer is needed: {way}"


def _wanted(locks: tuple[str, ...], pins: tuple[str, ...]) -> dict[str, str]:
    wanted = {name: _hash(ROOT / name) for name in (*locks, "pyproject.toml")}
    wanted["root"] = str(ROOT)
    if pins:
        wanted["pins"] = " ".join(pins)
    return wanted


def _contradicts(stamp: dict[str, str] | None, wanted: dict[str, str]) -> bool:
    """Whether what is installed may be wrong, not only too little."""
    return stamp is not None and any(
        stamp[key] != value for key, value in wanted.items() if key in stamp and key != "pyproject.toml"
    )


def _read_stamp(folder: Path) -> dict[str, str] | None:
    try:
        stamp = json.loads((folder / _STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return stamp if isinstance(stamp, dict) else None


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def _answers(interpreter: Path) -> bool:
    return _output([str(interpreter), "-m", "pip", "--version"]).startswith("pip ")


def _output(command: list[str]) -> str:
    """What ``command`` prints, or "" where it cannot be run or fails."""
    try:
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace").strip() if done.returncode == 0 else ""


def _create(folder: Path, python: str) -> None:
    if _create_by_own_pip(folder, python):
        return
    done = _run([python, "-m", "venv", "--clear", str(folder)])
    if done.returncode != 0:
        output = done.stdout.decode("utf-8", "replace").strip()
        hint = "\non Debian and Ubuntu: sudo apt install python3-venv" if "ensurepip" in output else ""
        raise CannotRun(f"{python} could not make {folder}:\n{output}{hint}")


def _create_by_own_pip(folder: Path, python: str) -> bool:
    """Make an environment, and put the pip that comes with Python into it by the pip that runs already.

    Python's own way runs that pip from its archive and compiles all of it: several times slower. Gives
    whether it could be done.
    """
    archives = _output([python, "-c", "import ensurepip; print(ensurepip.__path__[0])"]) + "/_bundled"
    if not _has_pip_for_others() or not Path(archives).is_dir():
        return False
    pip = ("install", "--no-compile", "--no-index", "--no-deps", "--find-links", archives, "pip")
    return (
        _run([python, "-m", "venv", "--clear", "--without-pip", str(folder)]).returncode == 0
        and _run([*_pip_for(_interpreter(folder)), *pip]).returncode == 0
    )


def _pip_for(interpreter: Path) -> list[str]:
    """How a command begins that changes what ``interpreter`` has: by a pip that is compiled already."""
    if _has_pip_for_others():
        return [sys.executable, *_PIP, "--python", str(interpreter)]
    return [str(interpreter), *_PIP]


@cache
def _has_pip_for_others() -> bool:
    version = re.match(r"pip (\d+)\.(\d+)", _output([sys.executable, "-m", "pip", "--version"]))
    return version is not None and tuple(map(int, version.groups())) >= _PIP_FOR_OTHERS


def _interpreter(folder: Path) -> Path:
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def _run(command: list[str]) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)


def _install_lock(interpreter: Path, lock: str) -> None:
    """Install what the lock names, by several pips at once: it names all, so none looks for others."""
    requirements = _requirements((ROOT / lock).read_text("utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for number in range(min(_AT_ONCE, len(requirements))):
            part = Path(folder) / f"{number}.txt"
            part.write_text("".join(requirements[number::_AT_ONCE]), "utf-8")
            parts.append([*_COMPILE, "--require-hashes", "--no-deps", "-r", str(part)])
        _install(interpreter, parts, len(requirements), lock)


def _requirements(lock: str) -> list[str]:
    """The requirements of a lock file, each with the lines of its hashes."""
    return re.findall(r"(?m)^[^\s#].*\n(?:[ \t]+\S.*\n)*", lock if lock.endswith("\n") else lock + "\n")


def _install(interpreter: Path, parts: list[list[str]], total: int, name: str) -> None:
    """Run a pip for each part, side by side, showing how far they are; what they say where one fails."""
    terminal = sys.stderr.isatty()
    if not terminal:
        say(f"  installing {name}")
    children = [
        subprocess.Popen(
            [*_pip_for(interpreter), "install", *part],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=str(ROOT),
        )
        for part in parts
    ]
    words: list[list[str]] = [[] for _ in children]
    seen: list[str] = []

    def read(child: subprocess.Popen[bytes], lines: list[str]) -> None:
        assert child.stdout is not None
        for line in child.stdout:
            lines.append(line.decode("utf-8", "replace").rstrip())
            if lines[-1].startswith(("Collecting ", "Requirement already", "Obtaining ", "Ignoring ")):
                seen.append(lines[-1])
                if terminal:
                    text = f"\r  installing {name}: {min(len(seen), total)} of {total} "
                    print(text, end="", file=sys.stderr, flush=True)

    readers = [
        threading.Thread(target=read, args=pair, daemon=True) for pair in zip(children, words, strict=True)
    ]
    try:
        for reader in readers:
            reader.start()
        codes = [child.wait() for child in children]
    except BaseException:
        for child in children:
            child.kill()
            child.wait()
        raise
    for reader in readers:
        reader.join()
    if terminal:
        print(file=sys.stderr)
    for code, lines in zip(codes, words, strict=True):
        if code != 0:
            raise CannotRun(
                "\n".join([f"pip could not install {name}:", *lines[-15:], "is there a network?"])
            )
