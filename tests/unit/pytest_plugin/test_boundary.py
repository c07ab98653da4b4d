"""What a test sees of an error in devenv."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest

from devenv.core.model.errors import DevenvError, EnvironmentProblem, InternalFault, UsageProblem
from devenv.pytest_plugin import _STACK, pytest_runtest_makereport
from devenv.pytest_plugin.boundary import explained

if TYPE_CHECKING:
    from devenv.pytest_plugin.stack import Devenv


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (UsageProblem("no such scenario", hint="devenv scenarios"), UsageProblem, "no such scenario"),
        (
            OSError(errno.ENOSPC, "No space left on device", "runs/1/trace.jsonl"),
            EnvironmentProblem,
            "runs/1/trace.jsonl: No space left on device",
        ),
        (KeyError("a"), InternalFault, "a fault of devenv: KeyError: 'a'"),
        (AssertionError("ours"), InternalFault, "a fault of devenv: AssertionError: ours"),
    ],
)
def test_every_error_of_devenv_says_whose_it_is(
    error: Exception, kind: type[DevenvError], message: str
) -> None:
    with pytest.raises(kind) as raised, explained():
        raise error
    assert str(raised.value) == message
    assert raised.value is error or raised.value.__cause__ is error
    notes = getattr(raised.value, "__notes__", [])
    assert notes == (["hint: devenv scenarios"] if error is raised.value else [])


def test_where_the_log_cannot_be_read_the_report_of_the_test_stays() -> None:
    def sections(_printed: str) -> list[tuple[str, str]]:
        raise OSError(errno.EIO, "Input/output error", "logs/proxy.log")

    stack, stash, report = SimpleNamespace(sections=sections), pytest.Stash(), SimpleNamespace(
        failed=True, longreprtext="assert False", sections=[]
    )  # fmt: skip
    stash[_STACK] = cast("Devenv", stack)
    item: Any = SimpleNamespace(config=SimpleNamespace(stash=stash), funcargs={"devenv": stack})
    making: Any = pytest_runtest_makereport(item)
    next(making)
    with pytest.raises(StopIteration) as ended:
        making.send(report)
    assert ended.value.value is report
    [(title, text)] = report.sections
    assert title == "devenv"
    assert "what the stack wrote is not known" in text
    assert "Input/output error" in text
