"""The stack behind the fixture: started once, used by every test that asks for it, ended with the session."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from devenv.core.model.errors import DevenvError, UsageProblem
from devenv.core.model.topology import Endpoints, StackStatus
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.core.render.visible import one_line
from devenv.harness.config.settings import Settings, load
from devenv.pytest_plugin.boundary import explained
from devenv.pytest_plugin.results import ExploreOutcome, ReplayOutcome
from devenv.pytest_plugin.workbench import Toggle, Workbench
from devenv.stack.protocol import Stack
from devenv.verbs.explore.result import ExploreOptions, Mode, parse_budget
from devenv.verbs.operate.select import fresh_stack

MOST_LOG_LINES = 20
"""Of each part, in the report of a failing test: the last ones."""

_logger = logging.getLogger("devenv")


class Devenv:
    """A running stack of pods behind a proxy, with the means to play and explore on it.

    Every method leaves the stack as it was. None may be called inside a running event loop.
    """

    def __init__(self, stack: Stack, settings: Settings, strategy: Strategy, root: Path) -> None:
        self._workbench = Workbench(stack, settings, _logger.info)
        self._root = root
        self._toggles: list[Toggle] = []
        self._marks: Counter[str] = Counter()
        self._reports: list[str] = []
        self.strategy = strategy
        self.endpoints: Endpoints = stack.endpoints()

    # -- where it is -------------------------------------------------------------------------------------

    @property
    def base_url(self) -> str:
        """The service, through the proxy; a request with ``X-Devenv-Pod: b`` goes to that pod."""
        return self.endpoints.traffic

    @property
    def redis_url(self) -> str:
        """Redis itself, past the gate."""
        return f"redis://{self.endpoints.redis_host}:{self.endpoints.redis_port}/0"

    @property
    def pods(self) -> tuple[str, ...]:
        """The pods' names."""
        return tuple(pod.name for pod in self.status().pods)

    def status(self) -> StackStatus:
        """How it stands: the pods with their settings, Redis."""
        return self._workbench.stack.status()

    # -- what can be done --------------------------------------------------------------------------------

    def replay(
        self, target: str | Path, *, strategy: Strategy | str | None = None, repeat: int | None = None
    ) -> ReplayOutcome:
        """Play a scenario of the catalogue, a file (relative to the current or the root folder), or a run.

        ``strategy`` None: the store that the pods have. Raises UsageProblem where ``target`` names nothing.
        """
        with explained():
            store = _one_of(Strategy, strategy) if strategy is not None else None
            outcome = ReplayOutcome(self._workbench.replay(self._word(target), store, repeat))
        self._reports.append(outcome.report)
        return outcome

    def explore(
        self,
        expression: str,
        *,
        strategy: Strategy | str | None = None,
        mode: Mode | str = Mode.LEARNED,
        budget: int | str | None = None,
        events: Sequence[str] = (),
        pods: int | None = None,
        captcha: CaptchaType | str = CaptchaType.ABSTRACT,
    ) -> ExploreOutcome:
        """Try every order in which the requests' Redis commands can run, as ``devenv explore``.

        ``budget`` is a number of traces, or a time ("30s", "5m"). ``strategy`` None: the store that the pods
        have. Raises UsageProblem for a wrong expression. Ctrl-C ends the tests, as anywhere in them.
        """
        with explained():
            traces, seconds = parse_budget(str(budget) if budget is not None else "")
            options = ExploreOptions(
                expression, _one_of(Strategy, strategy or self.strategy), _one_of(Mode, mode), tuple(events),
                budget_traces=traces, budget_seconds=seconds, pods=pods, kind=_one_of(CaptchaType, captcha),
            )  # fmt: skip
            outcome = ExploreOutcome(self._workbench.explore(options))
        self._reports.append(outcome.report)
        if outcome.exploration.interrupted:  # the explorer keeps it to itself, for what it found until then
            raise KeyboardInterrupt
        return outcome

    def toggle(
        self,
        use_redis: bool,
        *pods: str,
        strategy: Strategy | str | None = None,
        rolling: bool = False,
    ) -> Toggle:
        """Restart ``pods`` (none named: all) with USE_REDIS set.

        Taken back at the end of its ``with`` block; without one, at the end of the test.
        """
        with explained():
            store = _one_of(Strategy, strategy) if strategy is not None else None
            done = self._workbench.toggle(use_redis, pods, store, rolling=rolling)
        self._toggles.append(done)
        return done

    # -- between tests: called by the plugin's hooks -----------------------------------------------------

    def begin_test(self) -> None:
        """What was logged and done until now belongs to other tests."""
        self._reports.clear()
        self._marks = Counter(part for part, _ in self._log())

    def end_test(self) -> None:
        """Take back the toggles that have no block of their own."""
        loose = [toggle for toggle in self._toggles if not toggle.entered]
        self._toggles.clear()
        with explained():
            for toggle in reversed(loose):
                toggle.undo()

    def sections(self, printed: str) -> list[tuple[str, str]]:
        """For a failing test: what it replayed and explored, and what the stack's parts wrote meanwhile.

        A report whose first line is part of ``printed``, the test's own output, is left out.
        """
        lines: dict[str, list[str]] = {}
        for part, line in self._log():
            lines.setdefault(part, []).append(line)
        reports = [report for report in self._reports if report.partition("\n")[0] not in printed]
        sections = [("devenv: replays and explorations", "\n\n".join(reports))] if reports else []
        for part, written in lines.items():
            # A log that begins anew is shorter than it was.
            new = written[self._marks[part] :] if len(written) >= self._marks[part] else written
            if new:
                sections.append((f"devenv: {part} wrote", "\n".join(map(one_line, new[-MOST_LOG_LINES:]))))
        return sections

    def _log(self) -> Iterator[tuple[str, str]]:
        """Every line of every part, with the part's name."""
        try:
            for line in self._workbench.stack.logs(None, tail=None, follow=False):
                part, _, text = line.partition(" | ")
                yield part.strip(), text
        except DevenvError:
            return

    def _word(self, target: str | Path) -> str:
        inside = self._root / target
        return str(inside) if not Path(target).is_file() and inside.is_file() else str(target)


@contextmanager
def running_devenv(root: Path, given: Mapping[str, Any]) -> Iterator[Devenv]:
    """A stack for the time of the block, as ``given`` and the settings of the folder ``root`` say.

    Raises UsageProblem for a bad setting, EnvironmentProblem where this machine cannot run it.
    """
    settings = load(root, os.environ)
    strategy = given.get("strategy") or _present(settings)
    settings = replace(settings, **{name: item for name, item in given.items() if name != "strategy"})
    settings = replace(settings, state_dir=root / settings.state_dir)
    spec = replace(settings.stack_spec(), use_redis=strategy is not Strategy.MEMORY, strategy=strategy)
    with fresh_stack(
        settings.backend or "embedded", settings.state_dir, spec, _logger.info, cold=settings.cold
    ) as stack:
        yield Devenv(stack, settings, strategy, root)


def _present(settings: Settings) -> Strategy:
    """What USE_REDIS and SESSION_STRATEGY say; the fix where they are not set."""
    return Strategy.MEMORY if settings.use_redis is False else settings.strategy


_Word = TypeVar("_Word", bound=StrEnum)


def _one_of(choices: type[_Word], word: str) -> _Word:
    if word not in set(choices):
        raise UsageProblem(f"{word!r} is none of {', '.join(choices)}")
    return choices(word)
