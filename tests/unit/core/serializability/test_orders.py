"""Every order of choices is run once, and orders are counted by their commands."""

from __future__ import annotations

from math import comb

import pytest

from devenv.core.serializability.orders import (
    GIVES_UP,
    START,
    Choice,
    OrderFrontier,
    OrderStep,
    Path,
    commands_of,
    rank,
    shown,
    together,
)


def walk(prefix: tuple[Choice, ...], commands: tuple[int, ...]) -> Path:
    """Requests that send so many commands each, whatever happens."""
    left = [count + 1 for count in commands]  # and a start
    steps: list[OrderStep] = []
    while any(left):
        ready = [position for position, count in enumerate(left) if count]
        ready.sort(key=lambda position: left[position] <= commands[position])
        possible = tuple(map(Choice, ready))
        choice = prefix[len(steps)] if len(steps) < len(prefix) else possible[0]
        label = START if left[choice.request] > commands[choice.request] else "GET"
        left[choice.request] -= 1
        steps.append(OrderStep(choice, label, possible))
    return tuple(steps)


def every(commands: tuple[int, ...]) -> list[Path]:
    frontier, paths = OrderFrontier(), []
    while (prefix := frontier.take()) is not None:
        paths.append(walk(prefix, commands))
        frontier.done(prefix, paths[-1])
    return paths


@pytest.mark.parametrize("commands", [(2, 2), (1, 2), (3, 3), (3, 1), (0, 2)])
def test_every_order_of_starts_and_commands_is_run_once(commands: tuple[int, int]) -> None:
    paths = every(commands)
    one, other = commands
    assert len({tuple(step.choice for step in path) for path in paths}) == len(paths)
    assert len(paths) == comb(one + other + 2, one + 1)
    assert len({*map(commands_of, paths)}) == comb(one + other, one)
    assert len({commands_of(path) for path in paths if together(path, 2)}) == comb(one + other, one)


def test_orders_with_all_under_way_come_first() -> None:
    paths = every((2, 2))
    assert all(together(path, 2) for path in paths[:6])


def test_an_order_is_shown_without_starts_unless_one_comes_late() -> None:
    first, last = every((1, 1))[0], every((1, 1))[-1]
    assert shown(first, ("a", "b")) == [("a", "GET"), ("b", "GET")]
    assert any(label == START for path in every((1, 1)) for _, label in shown(path, ("a", "b")))
    assert rank(first) < rank(last)  # type: ignore[operator]


def test_a_request_that_never_gives_up_is_not_asked_to_again() -> None:
    frontier = OrderFrontier()
    frontier.take()
    give_up = Choice(1, gives_up=True)
    path = (OrderStep(Choice(0), "SET", (Choice(0), give_up)), OrderStep(give_up, GIVES_UP, (give_up,)))
    frontier.done((), path)
    assert frontier.waiting == [(give_up,)]
    frontier.endless.add(1)
    assert frontier.take() is None


def test_a_step_survives_json() -> None:
    step = OrderStep(Choice(1), "SET", (Choice(0), Choice(1, True)), "sess:x", "OK")
    assert OrderStep.from_json(step.to_json()) == step
