from __future__ import annotations

import ast
import graphlib
from enum import IntEnum
from pathlib import Path
from typing import Any

import pytest

import devenv.wire.proxy
from devenv.wire.proxy.states import (
    CLIENT_TRANSITIONS,
    EXCHANGE_TRANSITIONS,
    TUNNEL_TRANSITIONS,
    UPSTREAM_TRANSITIONS,
    ClientState,
    ExchangeState,
    IllegalTransition,
    TunnelState,
    UpstreamState,
)

TABLES: list[tuple[type[IntEnum], Any]] = [
    (ExchangeState, EXCHANGE_TRANSITIONS),
    (ClientState, CLIENT_TRANSITIONS),
    (UpstreamState, UPSTREAM_TRANSITIONS),
    (TunnelState, TUNNEL_TRANSITIONS),
]


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_every_state_has_a_row_is_reached_and_comes_to_the_one_that_ends(
    states: type[IntEnum], table: Any
) -> None:
    assert set(table) == set(states)
    first, last = min(states), max(states)
    assert [state for state in states if not table[state]] == [last]
    reached = {first}
    while more := {after for before in reached for after in table[before]} - reached:
        reached |= more
    assert reached == set(states)
    assert all(last in reachable(state, table) for state in states if state is not last)


def reachable(state: IntEnum, table: Any) -> set[IntEnum]:
    values: set[IntEnum] = set(table[state])
    while more := {after for before in values for after in table[before]} - values:
        values |= more
    return values


@pytest.mark.parametrize(("states", "table"), TABLES)
def test_what_the_table_does_not_have_raises_and_names_both_states(states: type[IntEnum], table: Any) -> None:
    for before in states:
        for after in states:
            if after in table[before]:
                assert table[before][after] is after
            else:
                with pytest.raises(IllegalTransition, match=f"{before.name} .* {after.name}"):
                    table[before][after]


# -- the room


MODULES = sorted(Path(devenv.wire.proxy.__path__[0]).glob("*.py"))


def imported(path: Path) -> set[str]:
    """The proxy's own modules that a module imports anywhere, also below an ``if``."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("devenv.wire.proxy."):
            names.add(str(node.module).rpartition(".")[2])
    return names


def test_the_modules_import_each_other_in_no_circle_not_even_for_types() -> None:
    graph = {path.stem: imported(path) for path in MODULES}
    assert len(graph) > 15
    tuple(graphlib.TopologicalSorter(graph).static_order())
    assert not [path.name for path in MODULES if "TYPE_CHECKING" in path.read_text(encoding="utf-8")]


SHELLS = {"__init__", "connector", "control", "failures", "pod_ports", "server", "sockets"}
"""The modules that know the event loop, sockets or the control API's framework."""


@pytest.mark.parametrize(
    "path", [path for path in MODULES if path.stem not in SHELLS], ids=lambda path: path.stem
)
def test_the_machines_have_no_clock_loop_socket_or_thread_of_their_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    outside = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    outside |= {one.name for node in ast.walk(tree) if isinstance(node, ast.Import) for one in node.names}
    assert not outside & {"asyncio", "fastapi", "os", "select", "socket", "ssl", "threading", "time"}
