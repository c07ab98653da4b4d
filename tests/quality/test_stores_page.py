"""docs/stores.md against the tool: what it says of each store is what exploring real pods finds."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import redis

from devenv.core.model.pod_stores import stores
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import REDIS_STORES, Answer, CaptchaType, Strategy
from devenv.harness.client.client import CaptchaClient
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.explore.result import Exploration, Mode
from devenv.verbs.operate.toggle import toggle
from tests.integration.verbs.explore.conftest import exploring, started
from tests.support import ROOT

PAGE = ROOT.joinpath("docs", "stores.md").read_text(encoding="utf-8")
RESENDS = int(redis.__version__.split(".")[0]) >= 6
"""Since then redis-py sends a command again by itself when its reply is lost."""


@dataclass(frozen=True)
class Row:
    """One kind of violation with its shortest order."""

    at_once: str
    kind: str
    order: str


@dataclass
class Section:
    """What the page says of one store."""

    kinds: dict[str, list[str]] = field(default_factory=dict)
    rows: list[Row] = field(default_factory=list)
    commands: dict[Answer, list[str]] = field(default_factory=dict)


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def read(page: str) -> dict[Strategy, Section]:
    """The first table: what is found at once; then of each store its orders and commands."""
    sections: dict[Strategy, Section] = {store: Section() for store in REDIS_STORES}
    verdict, *others = re.split(r"^## `", page, flags=re.MULTILINE)
    table = [cells(line) for line in verdict.splitlines() if line.startswith("|")]
    head = next(row for row in table if row[0] == "at once")
    for row in table[table.index(head) + 2 : table.index(head) + 9]:
        for name, cell in zip(head[1:], row[1:], strict=True):
            kinds = [] if cell == "–" else cell.split(", ")
            sections[Strategy(name)].kinds[row[0].strip("`")] = kinds
    for text in others:
        section = sections[Strategy(text.partition("`")[0])]
        for line in text.splitlines():
            if line.startswith("| `"):
                at_once, kind, order = cells(line)
                section.rows.append(Row(at_once.strip("`"), kind, order.strip("`")))
            elif commands_since := re.match(r"At the gate: wrong `([A-Z ]+)`, right `([A-Z ]+)`\.$", line):
                section.commands = {
                    Answer.WRONG: commands_since[1].split(),
                    Answer.RIGHT: commands_since[2].split(),
                }
    return sections


SECTIONS = read(PAGE)


def test_the_page_speaks_of_every_store() -> None:
    for store, section in SECTIONS.items():
        assert [*section.kinds] == ["R+R", "W+W", "R+W+E", "R+W+E+X", "W+A", "R+W+L", "R+W+P"]
        assert section.commands, store
        kinds = {kind for row in section.kinds.values() for kind in row}
        assert {row.kind for row in section.rows} <= kinds
        assert bool(section.rows) == bool(kinds), store
    assert not any(SECTIONS[Strategy.ATOMIC].kinds.values())
    fault_free = [kinds for text, kinds in SECTIONS[Strategy.WATCH].kinds.items() if "L" not in text]
    assert not any(fault_free)


@dataclass(frozen=True)
class Stage:
    """A stack in a folder, and which store it has now."""

    folder: Path
    stack: EmbeddedStack
    store: Strategy

    def explored(self, text: str, **fields: Any) -> Exploration:
        return exploring(self.folder)(text, self.store, replays=1, **fields)


def test_the_verdict_follows_from_what_is_found() -> None:
    rows = [cells(line) for line in PAGE.splitlines() if line.startswith("| `")]
    for store, section in SECTIONS.items():
        [row] = [one_row for one_row in rows if one_row[0] == f"`{store}`"]
        values = {text: set(kinds) for text, kinds in section.kinds.items()}
        alone = values["R+W+E"] | values["R+R"] | values["W+W"]
        breaks = (
            alone,
            (values["R+W+E+X"] | values["W+A"]) - alone,
            values["R+W+L"] - alone,
            values["R+W+P"] - alone,
        )
        assert [item == "yes" for item in row[1:5]] == [not break_ for break_ in breaks], store
        wrong, right = (section.commands[answer] for answer in (Answer.WRONG, Answer.RIGHT))
        assert row[5] == f"{len(wrong)} / {len(right)}"


@pytest.fixture(scope="module")
def started_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, EmbeddedStack]]:
    folder = tmp_path_factory.mktemp("stores")
    stack = started(folder, REDIS_STORES[0])
    yield folder, stack
    stack.stop()


@pytest.fixture(scope="module", params=REDIS_STORES, ids=str)
def fixture(request: pytest.FixtureRequest, started_stack: tuple[Path, EmbeddedStack]) -> Stage:
    folder, stack = started_stack
    if stores(stack.status())["captcha-api-a"] is not request.param:
        toggle(stack, True, strategy=request.param, progress=lambda line: None, clock=time.monotonic)
    return Stage(folder, stack, request.param)


@pytest.fixture(scope="module")
def explored(fixture: Stage) -> dict[str, Exploration]:
    texts = [text for text in SECTIONS[fixture.store].kinds if RESENDS or "L" not in text]
    return {text: fixture.explored(text) for text in texts}


def test_it_finds_what_the_page_says(fixture: Stage, explored: dict[str, Exploration]) -> None:
    for text, result in explored.items():
        assert (
            sorted(violation.kind for violation in result.violations) == SECTIONS[fixture.store].kinds[text]
        ), text
        assert result.complete
        assert all(violation.confirmed for violation in result.violations)


def test_the_shortest_orders_are_those(fixture: Stage, explored: dict[str, Exploration]) -> None:
    values = {
        ("+".join(violation.requests), violation.kind): violation.schedule
        for one in explored.values()
        for violation in one.violations
    }
    for row in SECTIONS[fixture.store].rows:
        if RESENDS or "L" not in row.at_once:
            assert values.get((row.at_once, row.kind)) == row.order, row


def test_real_pods_go_the_same_ways(fixture: Stage) -> None:
    """The model is not taken at its word: every order on real pods, each request on its own or all on one."""
    learned = fixture.explored("R+W+X")
    for pods in (None, 1):
        direct = fixture.explored("R+W+X", mode=Mode.DIRECT, pods=pods, lanes=4)
        assert direct.complete, direct.incomplete
        assert (direct.traces, direct.outcomes) == (learned.traces, learned.outcomes)
        assert {violation.kind: violation.traces for violation in direct.violations} == {
            violation.kind: violation.traces for violation in learned.violations
        }


def test_a_verify_says_these_commands(fixture: Stage) -> None:
    status = fixture.stack.status()
    pod = status.pods[0].name

    async def asked(answer: Answer) -> str:
        async with CaptchaClient(status.endpoints, seed=1, clock=time.time) as client:
            await client.warm(pod)
            challenge = await client.create(CaptchaType.ABSTRACT, pod)
            await client.verify(challenge, await client.answers.to(challenge, answer), pod)
            return str(challenge.id)

    for answer, commands in SECTIONS[fixture.store].commands.items():
        since = max(
            (item["seq"] for item in commands_since(status, 0)), default=0
        )  # a lazy client has said nothing yet
        challenge_id = asyncio.run(asked(answer))
        steps = [
            item["command"] for item in commands_since(status, since) if challenge_id in (item["key"] or "")
        ]
        assert steps[1:] == commands, answer  # the first made the challenge


def commands_since(status: StackStatus, since: int) -> list[dict[str, Any]]:
    """The commands that passed the gate, but for those that a transaction only queued."""
    matches: list[dict[str, Any]] = []
    while True:
        page = httpx.get(f"{status.endpoints.control}/commands", params={"since": since}).json()
        if not page["commands"]:
            return [item for item in matches if item["fate"] != "queued"]
        matches += page["commands"]
        since = page["last"]
