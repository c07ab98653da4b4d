"""Rollouts on real pods, with short sessions: to the end, stopped, killed, promoted, aborted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import Ports, StackSpec
from devenv.core.rollout.plan import parse_plan
from devenv.harness.runs.journal import FileJournal, JournaledStack
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.operate.select import SUPERVISOR, fresh_stack
from devenv.verbs.rollout.journal import Phase
from devenv.verbs.rollout.usecase import Rolled, abort_cost, abort_here, begin, resume, spec_for
from devenv.wire.control.client import ControlClient
from tests.integration.verbs.rollout.controllers import (
    HEAD,
    KILLED,
    ROUGH,
    SURE,
    Here,
    killed_at_every_step,
)
from tests.support import HANG_GUARD_S


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("rollout")


@pytest.fixture(scope="module")
def stack(folder: Path) -> Iterator[JournaledStack]:
    """Two pods; every rollout brings them to its own start."""
    embedded = EmbeddedStack(folder / ".devenv", SUPERVISOR, True)
    embedded.start(StackSpec(pods=2, ports=Ports.free()), lambda line: None)
    yield JournaledStack(embedded, FileJournal(folder / "events.jsonl"))
    embedded.stop()


@pytest.fixture
def roll(stack: JournaledStack, folder: Path) -> Callable[..., Rolled]:
    def run(steps: str, head: str = HEAD) -> Rolled:
        text, state_dir = head + steps, folder / ".devenv"
        (state_dir / "rollout.json").unlink(missing_ok=True)
        return begin(
            stack, state_dir, parse_plan(text, "mine.yaml"), text, seed=1, progress=lambda line: None
        )

    return run


def measured(rolled: Rolled) -> list[float]:
    return [result["test"]["lost"] / result["test"]["sessions"] for result in rolled.state.results]


BIRTHS = f"""\
strategy: births
start: off
steps:
  - {{ name: ready, stages: ready, {ROUGH} }}
  - {{ name: canary, stages: {{ b: births }}, change: runtime, {ROUGH} }}
  - {{ name: all, stages: births, change: runtime, dwell: 1s, {SURE} }}
  - {{ name: canary back, stages: {{ a: ready }}, change: runtime, {ROUGH} }}
  - {{ name: back, stages: ready, change: runtime, {ROUGH} }}
"""


def test_births_loses_less_with_each_pod_and_nothing_at_the_end_also_backwards(
    roll: Callable[..., Rolled],
) -> None:
    rolled = roll(BIRTHS)
    assert rolled.exit_code == 0, rolled.to_json()
    assert [result["predicted_loss"] for result in rolled.state.results] == [0.5, 0.25, 0, 0.25, 0.5]
    ready, canary, everywhere, canary_back, back = measured(rolled)
    assert everywhere == 0
    assert 0 < canary < 0.6
    assert 0 < canary_back < 0.6
    assert ready > 0.1
    assert back > 0.1
    between = [(item["born"], item["used"]) for item in rolled.state.results[1]["lost_between"]]
    assert {born for born, _ in between} == {"ready"}, "what is born in Redis is found by every pod"


CHOOSER = "nginx:random,max_fails=0"
"""With nginx's own max_fails it keeps pods out for 10 s that had just been restarted."""


def test_a_balancer_of_the_stack_chooses_the_pods(tmp_path: Path) -> None:
    """The pods are changed past it, and the sessions come through it."""
    step = f"{{ name: complete, stages: complete, change: runtime, {SURE} }}"
    steps = f"strategy: births\nstart: births\nsteps:\n  - {step}\n"
    plan = parse_plan(HEAD + steps, "mine.yaml")
    with fresh_stack("embedded", tmp_path, spec_for(plan, 1, CHOOSER), lambda line: None) as stack:
        rolled = begin(stack, tmp_path, plan, HEAD + steps, seed=1, progress=lambda line: None)
        with ControlClient(stack.endpoints().control) as control:
            exchanges = control.exchanges(0, 1000)
    assert rolled.exit_code == 0, rolled.to_json()
    assert measured(rolled) == [0]
    creates = [each for each in exchanges if each["path"] == "/api/abstract-captcha"]
    assert {each["policy"] for each in creates} == {CHOOSER}
    assert {each["pod"] for each in creates} == {"captcha-api-a", "captcha-api-b"}


def test_cohorts_keep_every_session_with_one_pod_of_each_kind(roll: Callable[..., Rolled]) -> None:
    rolled = roll(f"""\
strategy: flag
policy: cohort
start: off
steps:
  - {{ name: canary, stages: {{ b: on }}, {SURE} }}
  - {{ name: drain, births: on, dwell: 1s, {SURE} }}
""")
    assert rolled.exit_code == 0, rolled.to_json()
    assert measured(rolled) == [0, 0]


def test_six_stages_as_its_table_says(roll: Callable[..., Rolled]) -> None:
    rolled = roll(f"""\
strategy: six-stages
start: dual-write
steps:
  - {{ name: shadow, stages: shadow, change: runtime, {ROUGH} }}
  - {{ name: live, stages: live, change: runtime, dwell: 1s, {SURE} }}
  - {{ name: complete, stages: complete, change: runtime, dwell: 1s, {SURE} }}
""")
    assert rolled.exit_code == 0, rolled.to_json()
    shadow, live, complete = measured(rolled)
    assert 0.1 < shadow < 0.9
    assert (live, complete) == (0, 0)


STOPS = f"""\
strategy: flag
start: off
steps:
  - {{ name: canary, stages: {{ b: on }}, allow-loss: true, {SURE} }}
"""


def test_a_loss_that_is_not_accepted_stops_the_rollout_and_abort_goes_back(
    roll: Callable[..., Rolled], stack: JournaledStack, folder: Path
) -> None:
    state_dir = folder / ".devenv"
    rolled = roll(STOPS)
    assert (rolled.exit_code, rolled.state.phase) == (1, Phase.STOPPED)
    [result] = rolled.state.results
    assert result["test"]["lost"] == 1
    assert result["lost_between"][0]["why"]
    cost = abort_cost(stack, state_dir, lambda line: None)
    assert cost.sessions.total >= 0
    assert cost.lost <= cost.sessions.total
    back = abort_here(stack, state_dir, now=False, progress=lambda line: None)
    assert back.state.phase is Phase.ABORTED
    assert back.exit_code == 1
    assert {pod.settings["USE_REDIS"] for pod in stack.status().pods} == {"false"}
    with pytest.raises(UsageProblem, match="has ended: aborted"):
        resume(stack, state_dir, progress=lambda line: None)


@pytest.fixture
def two_pods(stack: JournaledStack) -> Iterator[None]:
    """Leaves the stack with the pods of the other tests."""
    yield
    if [pod[-1] for pod in stack.status().spec.pod_names] != ["a", "b"]:
        stack.set_pods(["a", "b"], {}, "random", lambda line: None)


ADDS = f"""\
strategy: flag
start: off
steps:
  - {{ name: canary, add: {{ c: on }}, allow-loss: true, {ROUGH} }}
  - {{ name: alone, remove: [a, b], allow-loss: true, dwell: 1s, {SURE} }}
"""


@pytest.mark.usefixtures("two_pods")
def test_an_added_canary_and_the_end_of_the_other_pods(
    roll: Callable[..., Rolled], stack: JournaledStack
) -> None:
    rolled = roll(ADDS)
    assert rolled.exit_code == 0, rolled.to_json()
    predicted = [result["predicted_loss"] for result in rolled.state.results]
    assert predicted == [pytest.approx(1 - (1 / 3) ** 2 - 2 / 3**2, abs=1e-6), 0]
    canary, alone = measured(rolled)
    assert (canary > 0.3, alone) == (True, 0)
    assert (dict(rolled.state.pods), stack.status().spec.pods) == ({"captcha-api-c": "on"}, 1)
    events = [(event.what, event.pod) for event in stack.journal.events()]
    assert ("restart", "captcha-api-a") in events, "explain knows that its memory has gone"


@pytest.mark.usefixtures("two_pods")
def test_abort_removes_what_was_added_and_adds_what_was_removed(
    roll: Callable[..., Rolled], stack: JournaledStack, folder: Path
) -> None:
    step = f"add: {{ c: on, d: on }}, remove: [a], allow-loss: true, {SURE}"
    rolled = roll(f"strategy: flag\nstart: off\nsteps:\n  - {{ name: canary, {step} }}\n")
    assert (rolled.exit_code, sorted(rolled.state.pods)) == (1, [f"captcha-api-{pod}" for pod in "bcd"])
    back = abort_here(stack, folder / ".devenv", now=True, progress=lambda line: None)
    assert (back.state.phase, dict(back.state.pods)) == (
        Phase.ABORTED,
        {"captcha-api-a": "off", "captcha-api-b": "off"},
    )
    assert [pod.settings["USE_REDIS"] for pod in stack.status().pods] == ["false", "false"]


def test_a_plan_for_another_number_of_pods_is_refused(roll: Callable[..., Rolled]) -> None:
    with pytest.raises(UsageProblem, match="the plan mine is for 3 pods, and the stack has 2"):
        roll(STOPS, HEAD.replace("pods: 2", "pods: 3"))


# --- as processes -----------------------------------------------------------------------------------------


@pytest.fixture
def here(stack: JournaledStack, folder: Path) -> Here:
    (folder / ".devenv" / "rollout.json").unlink(missing_ok=True)
    return Here(folder)


def test_a_controller_that_is_killed_at_every_step_resumes(here: Here) -> None:
    killed_at_every_step(here, "embedded")


GROWS = f"""\
strategy: births
start: ready
steps:
  - {{ name: added, add: {{ c: births, d: births }}, dwell: 1s, {ROUGH} }}
  - {{ name: removed, remove: [a, b], allow-loss: true, dwell: 1s, {SURE} }}
"""


@pytest.mark.usefixtures("two_pods")
def test_a_controller_that_is_killed_while_pods_come_and_go_resumes(
    here: Here, stack: JournaledStack
) -> None:
    (here.folder / "grows.yaml").write_text(HEAD + GROWS, encoding="utf-8")
    words = ["run", "grows.yaml"]
    for step, phase in ((1, Phase.CHANGING), (1, Phase.DWELLING), (2, Phase.CHANGING)):
        controller = here.start(*words)
        here.reaches(controller, step, phase)
        controller.kill()
        controller.wait(HANG_GUARD_S)
        words = ["run", "--resume"]
    assert here.json("run", "--resume")["verdict"] == "holds"
    assert dict(here.journal.present().pods) == {"captcha-api-c": "births", "captcha-api-d": "births"}
    assert [pod.name[-1] for pod in stack.status().pods] == ["c", "d"]


def test_abort_says_the_cost_and_the_controller_goes_back(here: Here) -> None:
    (here.folder / "killed.yaml").write_text(HEAD + KILLED, encoding="utf-8")
    controller = here.start("run", "killed.yaml")
    here.reaches(controller, 2, Phase.WAITING)
    assert set(here.json("abort", "--dry-run")["cost"]) == {
        "open_in_redis", "open_in_memory", "counted_all", "lost"
    }  # fmt: skip
    assert here.json("run", "killed.yaml", code=2)["error"]["message"].startswith(
        "a rollout of killed.yaml is"
    )
    asked = here.json("abort", "--now")
    assert asked["asked"] == controller.pid
    assert asked["cost"]["lost"] > 0, "sessions of Redis are open, and off reads memory"
    assert controller.wait(HANG_GUARD_S) == 3
    assert (here.json("status")["phase"], set(here.journal.present().pods.values())) == ("aborted", {"off"})


def test_bad_words_and_plans_are_one_message(here: Here) -> None:
    assert "there is no plan 'hope'" in here.json("plan", "hope", code=2)["error"]["message"]
    assert "takes a PLAN, or --resume" in here.json("run", code=2)["error"]["message"]
    assert "there is no rollout here" in here.json("status", code=2)["error"]["message"]
    (here.folder / "bad.yaml").write_text(
        HEAD + "strategy: births\nstart: off\nsteps:\n  - { name: one, stages: { b: births } }\n",
        encoding="utf-8",
    )
    assert here.json("plan", "bad.yaml", code=2)["error"]["message"].startswith(
        "bad.yaml:11: steps[1].stages: step 'one': a pod at births writes sessions that a pod at off cannot"
    )
    assert [step["predicted_loss"] for step in here.json("plan", "births")["steps"]][-1] == 0
