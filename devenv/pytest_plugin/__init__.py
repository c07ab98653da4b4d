"""A pytest plugin: the fixture ``devenv`` is a running stack to replay and explore on.

Loaded by pytest itself (entry point ``pytest11``); ``-p no:devenv`` leaves it out. Nothing is started, nor
the rest of the product imported, before a test asks for the fixture.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from devenv.pytest_plugin.options import add_options, read_options

if TYPE_CHECKING:
    from devenv.pytest_plugin.stack import Devenv

_OPTIONS = pytest.StashKey[Mapping[str, Any]]()
_STACK = pytest.StashKey["Devenv"]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """A wrong option ends the run before it begins."""
    config.stash[_OPTIONS] = read_options(config)


@pytest.fixture(scope="session")
def devenv(pytestconfig: pytest.Config) -> Iterator[Devenv]:
    """A running stack of captcha pods on free ports, ended with the session; see docs/ci.md."""
    from devenv.core.model.errors import DevenvError
    from devenv.pytest_plugin.boundary import explained
    from devenv.pytest_plugin.stack import running_devenv

    options = pytestconfig.stash[_OPTIONS]
    with ExitStack() as opened:
        try:
            with explained():
                stack = opened.enter_context(running_devenv(pytestconfig.rootpath, options))
        except DevenvError as error:
            hint = f"\nhint: {error.hint}" if error.hint else ""
            pytest.fail(f"devenv: {error.message}{hint}", pytrace=False)
        pytestconfig.stash[_STACK] = stack
        yield stack


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """A test begins: what is logged from now on is its own."""
    stack = item.config.stash.get(_STACK, None)
    if stack is not None and "devenv" in getattr(item, "fixturenames", ()):
        stack.begin_test()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """A test has ended: what it toggled is taken back."""
    if (stack := _stack_of(item)) is not None:
        stack.end_test()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A failing test is shown with what it replayed and explored, and with the stack's logs."""
    report = yield
    if report.failed and (stack := _stack_of(item)) is not None:
        try:
            report.sections += stack.sections(report.longreprtext)
        except Exception as error:  # an error here would end pytest, and hide why the test failed
            report.sections.append(("devenv", f"what the stack wrote is not known: {error!r}"))
    return report


def _stack_of(item: pytest.Item) -> Devenv | None:
    """The stack, where this test has it; another fixture of that name is none of our business."""
    stack = item.config.stash.get(_STACK, None)
    return stack if stack is not None and getattr(item, "funcargs", {}).get("devenv") is stack else None
