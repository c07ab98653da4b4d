"""scripts/_bootstrap.py: when it makes an environment, when it completes one, when it leaves it alone."""

from __future__ import annotations

import errno
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from tests.support import ROOT

SCRIPT = ROOT / "scripts" / "_bootstrap.py"


@pytest.fixture
def bootstrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("bootstrap_under_test", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in (module.LOCK, module.DEV_LOCK, "pyproject.toml"):
        (tmp_path / name).write_text(f"a==1 # {name}\n", encoding="utf-8")
    monkeypatch.setattr(module, "ROOT", tmp_path)
    return module


@pytest.fixture
def steps(bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, with venv and pip recorded in place of run: this is about which of them run when."""
    done: list[str] = []

    def create(folder: Path, python: str) -> None:
        done.append("create")
        folder.mkdir(exist_ok=True)
        (folder / "alive").touch()

    monkeypatch.setattr(bootstrap, "_create", create)
    monkeypatch.setattr(bootstrap, "_install", lambda interpreter, parts, total, name: done.append(name))
    monkeypatch.setattr(
        bootstrap, "_answers", lambda interpreter: (interpreter.parents[1] / "alive").exists()
    )
    return done


def made(steps: list[str], make: Callable[[], object]) -> list[str]:
    steps.clear()
    make()
    return list(steps)


def test_made_once_then_left_alone(bootstrap: ModuleType, steps: list[str]) -> None:
    def demo() -> object:
        return bootstrap.make(".venv", (bootstrap.LOCK,))

    assert made(steps, demo) == ["create", bootstrap.LOCK, "devenv itself"]
    assert made(steps, demo) == []


def test_the_tests_environment_serves_the_demo_and_the_demos_is_completed(
    bootstrap: ModuleType, steps: list[str]
) -> None:
    both = (bootstrap.LOCK, bootstrap.DEV_LOCK)
    made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,)))
    assert made(steps, lambda: bootstrap.make(".venv", both)) == [bootstrap.DEV_LOCK, "devenv itself"]
    assert made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,))) == []


def test_another_lock_makes_it_anew(bootstrap: ModuleType, steps: list[str], tmp_path: Path) -> None:
    made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,)))
    (tmp_path / bootstrap.LOCK).write_text("a==2\n", encoding="utf-8")
    again = made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,)))
    assert again == ["create", bootstrap.LOCK, "devenv itself"]


def test_another_pyproject_only_installs_the_project_again(
    bootstrap: ModuleType, steps: list[str], tmp_path: Path
) -> None:
    made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,)))
    (tmp_path / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    assert made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,))) == ["devenv itself"]


def test_an_interrupted_making_is_begun_anew(
    bootstrap: ModuleType, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_words: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(bootstrap, "_install", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bootstrap.make(".venv", (bootstrap.LOCK,))
    assert made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,)))[0] == "create"


def test_an_environment_made_by_hand_is_completed_and_not_cleared(
    bootstrap: ModuleType, steps: list[str], tmp_path: Path
) -> None:
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "alive").touch()
    assert "create" not in made(steps, lambda: bootstrap.make(".venv", (bootstrap.LOCK,)))


def test_pins_come_last(bootstrap: ModuleType, steps: list[str], tmp_path: Path) -> None:
    done = made(steps, lambda: bootstrap.make(".venv-x", (bootstrap.LOCK,), None, ("redis==5.0.0",)))
    assert done == ["create", bootstrap.LOCK, "redis==5.0.0", "devenv itself"]
    stamp = json.loads((tmp_path / ".venv-x" / "devenv-stamp.json").read_text(encoding="utf-8"))
    assert stamp["pins"] == "redis==5.0.0"


def test_an_old_python_is_told_what_is_needed(
    bootstrap: ModuleType,
    steps: list[str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    old = SimpleNamespace(version_info=(3, 9, 2), stderr=sys.stderr, executable=sys.executable)
    monkeypatch.setattr(bootstrap, "sys", old)
    assert bootstrap.guarded(lambda: bootstrap.make(".venv", (bootstrap.LOCK,))) == 4
    output = capsys.readouterr().err
    assert "this is Python 3.9.2" in output
    assert "3.11 or newer" in output
    assert steps == []


def test_find_python_knows_the_running_one_and_says_where_it_looked(bootstrap: ModuleType) -> None:
    one_service = ".".join(str(part) for part in sys.version_info[:2])
    assert Path(bootstrap.find_python(one_service)).exists()
    with pytest.raises(bootstrap.CannotRun, match=r"Python 9\.9 was not found"):
        bootstrap.find_python("9.9")


@pytest.mark.parametrize(
    ("error", "code", "shown"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device", ".venv/a"),
            4,
            "error: .venv/a: No space left on device",
        ),
        (PermissionError(errno.EACCES, "Permission denied"), 4, "error: this machine: Permission denied"),
        (KeyboardInterrupt(), 130, "interrupted"),
        (ZeroDivisionError("a fault"), 70, "ZeroDivisionError: a fault"),
    ],
)
def test_a_script_ends_as_devenv_does(
    bootstrap: ModuleType, error: BaseException, code: int, shown: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert bootstrap.guarded(work) == code
    assert capsys.readouterr().err.splitlines()[-1] == shown


@pytest.mark.parametrize("script", [path.name for path in SCRIPT.parent.glob("[!_]*.py")])
def test_every_script_ends_so(script: str) -> None:
    text = (SCRIPT.parent / script).read_text(encoding="utf-8")
    assert re.search(r'if __name__ == "__main__":\n    sys\.exit\((?:guarded|run_module)\(.*\)\)\n\Z', text)


def test_the_parts_of_a_lock_hold_each_of_its_requirements_once(
    bootstrap: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Several pips install it side by side."""
    lock = ROOT.joinpath(bootstrap.LOCK).read_text(encoding="utf-8")
    (tmp_path / bootstrap.LOCK).write_text(lock, encoding="utf-8")
    parts: list[str] = []

    def install(_interpreter: Path, given: list[list[str]], total: int, _name: str) -> None:
        parts.extend(Path(part[-1]).read_text(encoding="utf-8") for part in given)
        assert all({"--require-hashes", "--no-deps"} < set(part) for part in given)
        assert all(("--no-compile" in part) != sys.dont_write_bytecode for part in given)
        assert total == sum(not line.startswith(" ") for part in parts for line in part.splitlines())

    monkeypatch.setattr(bootstrap, "_install", install)
    bootstrap._install_lock(tmp_path, bootstrap.LOCK)
    assert len(parts) > 1
    assert sorted("".join(parts).splitlines()) == sorted(lock.splitlines())


def test_what_a_pip_says_is_shown_where_it_fails(bootstrap: ModuleType) -> None:
    """The other pips have ended by then."""
    with pytest.raises(bootstrap.CannotRun) as problem:
        bootstrap._install(
            Path(sys.executable), [["--no-index", "--help"], ["--no-such-option"]], 2, "a lock"
        )
    assert "pip could not install a lock" in str(problem.value)
    assert "no such option: --no-such-option" in str(problem.value)
