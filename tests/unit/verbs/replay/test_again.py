"""The command that plays something again has what is not the default, and nothing else."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devenv.core.model.topology import RedisMode, StackSpec
from devenv.core.model.vocabulary import Strategy
from devenv.core.scenario import Pause, find
from devenv.harness.client.recording import Recording
from devenv.verbs.replay.again import command, play_options, stack_options
from devenv.verbs.replay.result import ReplayResult

QUICK = find("double-click")
PAUSING = replace(QUICK, steps=(*QUICK.steps, Pause(9, 0.5)))


@pytest.mark.parametrize(
    ("spec", "backend", "seed", "words"),
    [
        (StackSpec(), "embedded", 1, ""),
        (StackSpec(balancer="nginx:ip_hash,workers=2"), "embedded", 1, "--balancer nginx:ip_hash,workers=2"),
        (StackSpec(balancer="haproxy:roundrobin"), "compose", 7,
         "--seed 7 --backend compose --balancer haproxy:roundrobin"),
        (StackSpec(redis_mode=RedisMode.CLUSTER), "embedded", 0, "--seed 0 --redis cluster"),
        # a team's own file is no value of --balancer: the command plays on the stack that runs
        (StackSpec(balancer="nginx:own-file", balancer_config="events {}"), "embedded", 1, ""),
    ],
)  # fmt: skip
def test_what_of_the_stack_is_not_the_default(spec: StackSpec, backend: str, seed: int, words: str) -> None:
    assert " ".join(stack_options(spec, backend, seed)) == words


def test_the_pace_is_named_where_there_are_pauses() -> None:
    assert play_options(StackSpec(), "embedded", PAUSING, 1, 0.5) == ("--pace", "0.5")
    assert play_options(StackSpec(), "embedded", PAUSING, 1, 1.0) == ()
    assert play_options(StackSpec(), "embedded", QUICK, 1, 0.0) == ()


def test_words_with_blanks_are_quoted() -> None:
    assert command("devenv", "replay", "a b.yaml") == 'devenv replay "a b.yaml"'


def test_the_command_of_a_result() -> None:
    result = ReplayResult(QUICK, Strategy.WATCH, ((), ()), (0.1, 0.1), Recording(), options=("--seed", "3"))
    assert result.command == "devenv replay double-click --strategy watch --repeat 2 --seed 3"
    run = replace(result, run_id="R")
    assert run.command == "devenv replay R --strategy watch --repeat 2 --seed 3"
    as_it_was = replace(run, store_name="memory on a, guide on b", measured=False)
    assert as_it_was.command == "devenv replay R --repeat 2 --seed 3"
    assert as_it_was.command_for("small.yaml") == "devenv replay small.yaml --repeat 2 --seed 3"
