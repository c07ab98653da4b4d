"""The stores of a migration, each object as one pod: real Redis, real memory, no HTTP."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from prometheus_client import generate_latest

from devenv.captcha_api.errors import Refusal, StoreUnavailable, Ungraded
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.migration import Migration, new_challenge_id
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores import SessionStore, Submission, Verdict
from devenv.captcha_api.stores.atomic import AtomicStore
from devenv.captcha_api.stores.births import BirthsStore
from devenv.captcha_api.stores.memory import MemoryStore
from devenv.captcha_api.stores.six_stages import SixStagesStore
from devenv.captcha_api.submissions import AbstractSubmission
from devenv.core.model.migration import STAGES, MigrationStrategy, Stage
from devenv.core.model.vocabulary import Answer, CaptchaType
from devenv.core.rollout.pair_exploration import OrderResult, explore_pair
from devenv.core.rollout.stages import Lookup, lookup, rollout_stage
from tests.support import HANG_GUARD_S, free_port

from .conftest import World

RIGHT, WRONG = [0], [1]


class Pod:
    """A process of the service without HTTP: its stage, its store, its ids."""

    def __init__(self, strategy: MigrationStrategy, stage: Stage, port: int) -> None:
        settings = Settings.model_validate(
            {"redis_host": "127.0.0.1", "redis_port": port, "redis_timeout_ms": 500}
        )
        self.metrics = Metrics()
        self.migration = Migration(strategy, stage)
        memory, redis = MemoryStore(60), AtomicStore(settings, self.metrics)
        self.store: SessionStore = (
            BirthsStore(memory, redis, self.migration)
            if strategy is MigrationStrategy.BIRTHS
            else SixStagesStore(memory, redis, self.migration, self.metrics)
        )

    def create(self) -> str:
        challenge_id = new_challenge_id(self.migration)
        document = {"type": "abstract", "cid": challenge_id, "is_positive": [True, False], "attempts": 0}
        assert self.store.create(CaptchaType.ABSTRACT, challenge_id, document)
        return challenge_id

    def verify(self, challenge_id: str, selections: list[int]) -> tuple[bool, int | None]:
        verdict = self.store.verify(AbstractSubmission(challenge_id, selections, None, None))
        return verdict.passed, verdict.attempts

    def knows(self, challenge_id: str) -> bool:
        try:
            self.verify(challenge_id, WRONG)
        except Ungraded as refused:
            assert refused.refusal in (Refusal.NOT_FOUND, Refusal.SOLVED)
            return False
        return True

    def mirrored(self) -> dict[str, int]:
        lines = generate_latest(self.metrics.registry).decode().splitlines()
        matches = [line for line in lines if line.startswith("captcha_migration_mirror_total{")]
        return {line.split('"')[1]: int(float(line.split()[-1])) for line in matches}


@pytest.fixture
def pod(world: World) -> Callable[[MigrationStrategy, Stage], Pod]:
    return lambda strategy, stage: Pod(strategy, stage, world.redis.port)


PAIRS = [
    (strategy, born, used)
    for strategy in MigrationStrategy
    for born, used in itertools.product(STAGES[strategy], repeat=2)
]


@pytest.mark.parametrize(("strategy", "born", "used"), PAIRS, ids=lambda part: str(part))
def test_what_a_plan_says_of_a_pair_of_stages_is_what_two_pods_do(
    pod: Callable[[MigrationStrategy, Stage], Pod], strategy: MigrationStrategy, born: Stage, used: Stage
) -> None:
    """The plan's table is held against the stores: on another pod, and on the same pod at its next stage."""
    a, b = pod(strategy, born), pod(strategy, used)
    elsewhere = b.knows(a.create())
    here = a.create()
    a.migration.change(born, used)
    message = lookup(rollout_stage(strategy, born), rollout_stage(strategy, used))
    assert (elsewhere, a.knows(here)) == {
        Lookup.ANY_POD: (True, True), Lookup.SAME_POD: (False, True), Lookup.NO_POD: (False, False),
    }[message]  # fmt: skip


@pytest.mark.parametrize("stage", [Stage.READY, Stage.BIRTHS, Stage.COMPLETE])
def test_births_counts_attempts_in_one_place(
    pod: Callable[[MigrationStrategy, Stage], Pod], stage: Stage
) -> None:
    a = pod(MigrationStrategy.BIRTHS, stage)
    challenge_id = a.create()
    assert a.verify(challenge_id, WRONG) == (False, 1)
    assert a.verify(challenge_id, RIGHT) == (True, 2)
    assert not a.knows(challenge_id)


@pytest.mark.parametrize("stage", STAGES[MigrationStrategy.SIX_STAGES])
def test_six_stages_on_one_pod_grade_as_one_store(
    pod: Callable[[MigrationStrategy, Stage], Pod], stage: Stage
) -> None:
    a = pod(MigrationStrategy.SIX_STAGES, stage)
    challenge_id = a.create()
    assert a.verify(challenge_id, WRONG) == (False, 1)
    assert a.verify(challenge_id, RIGHT) == (True, 2)
    assert not a.knows(challenge_id)


def test_a_shadow_read_differs_though_the_new_store_is_right(
    pod: Callable[[MigrationStrategy, Stage], Pod],
) -> None:
    a = pod(MigrationStrategy.SIX_STAGES, Stage.SHADOW)
    b = pod(MigrationStrategy.SIX_STAGES, Stage.SHADOW)
    assert not b.knows(a.create())
    assert b.mirrored() == {"differs": 1}
    assert a.knows(a.create())
    assert a.mirrored() == {"written": 2, "same": 1}


def test_shadow_and_live_side_by_side_lose_an_attempt(
    pod: Callable[[MigrationStrategy, Stage], Pod],
) -> None:
    """Each pod asks another store first: three answers are graded, one after the other."""
    a = pod(MigrationStrategy.SIX_STAGES, Stage.SHADOW)
    b = pod(MigrationStrategy.SIX_STAGES, Stage.LIVE)
    challenge_id = b.create()
    assert not a.knows(challenge_id)
    challenge_id = a.create()
    assert b.verify(challenge_id, WRONG) == (False, 1)
    assert a.verify(challenge_id, WRONG) == (False, 1), "the second wrong answer is told attempt 1 again"


def test_redis_out_of_reach_stops_a_pod_from_the_stage_on_that_reads_it() -> None:
    port = free_port()
    for strategy, first in ((MigrationStrategy.BIRTHS, 1), (MigrationStrategy.SIX_STAGES, 3)):
        for number, stage in enumerate(STAGES[strategy]):
            a = Pod(strategy, stage, port)
            a.store.warm_up()
            if number < first:
                a.store.check_ready()
                assert a.knows(a.create())
            else:
                with pytest.raises(StoreUnavailable):
                    a.store.check_ready()
    assert Pod(MigrationStrategy.SIX_STAGES, Stage.SHADOW, port).mirrored() == {}


def test_a_failed_mirror_is_counted_and_costs_nothing() -> None:
    a = Pod(MigrationStrategy.SIX_STAGES, Stage.DUAL_WRITE, free_port())
    assert a.verify(a.create(), RIGHT) == (True, 1)
    assert a.mirrored() == {"failed": 2}


# --- every order of two answers, on the real stores ---------------------------------------------------------


class Turn:
    """A store whose verifies wait for their turn."""

    def __init__(self, store: MemoryStore | AtomicStore, place: str, conductor: Conductor) -> None:
        self._store = store
        self._place = place
        self._conductor = conductor

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def verify(self, submission: Submission) -> Verdict:
        return self._conductor.play(self._place, lambda: self._store.verify(submission))


class Conductor:
    """Lets the store operations of two pods run in a given order; afterwards in any."""

    def __init__(self, order: Sequence[str]) -> None:
        self._left = list(order)
        self._changed = threading.Condition()
        self.names: dict[int, str] = {}

    def play(self, place: str, operation: Callable[[], Verdict]) -> Verdict:
        pod = self.names.get(threading.get_ident())
        with self._changed:
            turn = f"{pod} {place}"
            came = self._changed.wait_for(lambda: pod is None or self._left[0] == turn, HANG_GUARD_S)
            assert came, f"{turn} never had its turn: {self._left}"
            try:
                return operation()
            finally:
                if pod is not None:
                    self._left.pop(0)
                    self._changed.notify_all()


def real_order(
    port: int, stages: tuple[Stage, Stage], result: OrderResult, answers: Sequence[list[int]]
) -> Any:
    """What two pods and then a third answer are told when their store operations run in this order."""
    conductor = Conductor(result.order)
    pods = {}
    for name, stage in zip("AB", stages, strict=True):
        pods[name] = pod = Pod(MigrationStrategy.SIX_STAGES, stage, port)
        store = pod.store
        assert isinstance(store, SixStagesStore)
        store._memory = Turn(store._memory, "memory", conductor)  # type: ignore[arg-type]
        store._redis = Turn(store._redis, "redis", conductor)  # type: ignore[arg-type]
    challenge_id = pods[result.maker].create()
    messages: dict[str, str] = {}

    def answer(name: str, selections: list[int], known: bool = True) -> str:
        if known:
            conductor.names[threading.get_ident()] = name
        try:
            return "success" if pods[name].verify(challenge_id, selections)[0] else "wrong"
        except Ungraded:
            return "not_found"

    def run(name: str, selections: list[int]) -> None:
        messages[name] = answer(name, selections)

    threads = [threading.Thread(target=run, args=pair) for pair in zip("AB", answers, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(HANG_GUARD_S)
    return messages["A"], messages["B"], answer(result.last, WRONG, known=False)


@pytest.mark.parametrize("answers", [(Answer.RIGHT, Answer.RIGHT), (Answer.RIGHT, Answer.WRONG)])
@pytest.mark.parametrize("stages", list(itertools.pairwise(STAGES[MigrationStrategy.SIX_STAGES])))
def test_the_real_stores_answer_as_the_exploration_of_each_order_says(
    world: World, stages: tuple[Stage, Stage], answers: tuple[Answer, Answer]
) -> None:
    names = (rollout_stage("six-stages", stages[0]), rollout_stage("six-stages", stages[1]))
    selections = [RIGHT if answer is Answer.RIGHT else WRONG for answer in answers]
    for result in explore_pair(names, answers):
        message = real_order(world.redis.port, stages, result, selections)
        assert message == result.results, result
