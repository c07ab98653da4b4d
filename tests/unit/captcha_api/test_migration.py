"""The stage of a migration: ids, compare-and-set, and the route that a rollout calls."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient
from pydantic import ValidationError

from devenv.captcha_api.factory import create_app
from devenv.captcha_api.migration import Migration, StageConflict, new_challenge_id
from devenv.captcha_api.settings import Settings, explain
from devenv.core.model.migration import STAGES, MigrationStrategy, Stage, is_marked
from tests.support import free_port

BIRTHS, SIX = MigrationStrategy.BIRTHS, MigrationStrategy.SIX_STAGES


@pytest.mark.parametrize(
    ("stage", "marked"),
    [(Stage.OFF, False), (Stage.READY, False), (Stage.BIRTHS, True), (Stage.COMPLETE, True)],
)
def test_the_stage_marks_the_ids_of_sessions_born_in_redis(stage: Stage, marked: bool) -> None:
    assert is_marked(new_challenge_id(Migration(BIRTHS, stage))) is marked


def test_ids_without_a_migration_and_of_six_stages_are_never_marked() -> None:
    ids = [new_challenge_id(), *(new_challenge_id(Migration(SIX, stage)) for stage in STAGES[SIX])]
    assert all(len(challenge_id) == 32 and not is_marked(challenge_id) for challenge_id in ids)


def test_change_is_compare_and_set() -> None:
    migration = Migration(BIRTHS, Stage.READY)
    with pytest.raises(StageConflict) as caught:
        migration.change(Stage.OFF, Stage.BIRTHS)
    assert (caught.value.present, migration.stage) == (Stage.READY, Stage.READY)
    migration.change(Stage.READY, Stage.BIRTHS)
    assert migration.stage is Stage.BIRTHS
    with pytest.raises(ValueError, match="off, ready, births, complete"):
        migration.change(Stage.BIRTHS, Stage.SHADOW)


# --- settings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"migration_stage": "ready"}, "MIGRATION_STAGE=ready needs MIGRATION_STRATEGY"),
        ({"migration_strategy": "births"}, "needs MIGRATION_STAGE, one of off, ready, births, complete"),
        (
            {"migration_strategy": "births", "migration_stage": "shadow"},
            "needs MIGRATION_STAGE, one of off, ready, births, complete",
        ),
        (
            {"migration_strategy": "births", "migration_stage": "births", "redis_host": "x"},
            "MIGRATION_STAGE=births needs USE_REDIS=true",
        ),
        (
            {
                "migration_strategy": "six-stages", "migration_stage": "shadow", "redis_host": "x",
                "use_redis": True,
            },
            "MIGRATION_STAGE=shadow needs USE_REDIS=false",
        ),
        ({"migration_strategy": "births", "migration_stage": "ready"}, "needs REDIS_HOST"),
        (
            {
                "migration_strategy": "births", "migration_stage": "ready", "redis_host": "x",
                "session_strategy": "guide",
            },
            "needs SESSION_STRATEGY=atomic",
        ),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Settings.model_validate(settings)
    assert sentence in explain(caught.value)


# --- the route --------------------------------------------------------------------------------------------

TOKEN = {"Authorization": "Bearer secret"}


def client(**settings: object) -> TestClient:
    base = {"redis_host": "127.0.0.1", "redis_port": free_port(), "redis_timeout_ms": 50}
    moving = {"migration_strategy": "births", "migration_stage": "ready", "migration_token": "secret"}
    return TestClient(create_app(Settings.model_validate({**base, **moving, **settings})))


def test_a_rollout_changes_the_stage_by_compare_and_set() -> None:
    pod = client()
    assert pod.get("/admin/migration", headers=TOKEN).json() == {"strategy": "births", "stage": "ready"}
    stale = pod.put("/admin/migration", headers=TOKEN, json={"from": "off", "to": "births"})
    assert (stale.status_code, stale.json()["detail"]["stage"]) == (409, "ready")
    foreign = pod.put("/admin/migration", headers=TOKEN, json={"from": "ready", "to": "shadow"})
    assert foreign.status_code == 422
    changed = pod.put("/admin/migration", headers=TOKEN, json={"from": "ready", "to": "births"})
    assert changed.json() == {"strategy": "births", "stage": "births"}
    metrics = pod.get("/metrics").text
    assert (
        'captcha_pod_info{pod="captcha-api",stage="births",store="births",strategy="births"} 1.0' in metrics
    )


def test_the_route_wants_the_token() -> None:
    pod = client()
    assert pod.get("/admin/migration").status_code == 403
    assert pod.get("/admin/migration", headers={"Authorization": "Bearer other"}).status_code == 403
    assert client(migration_token="").get("/admin/migration", headers=TOKEN).status_code == 404


def test_a_pod_that_does_not_migrate_has_no_such_route() -> None:
    plain = TestClient(create_app(Settings.model_validate({})))
    assert plain.get("/admin/migration", headers=TOKEN).status_code == 404
    assert "/admin/migration" not in plain.get("/openapi.json").json()["paths"]
    assert (
        'captcha_pod_info{pod="captcha-api",stage="",store="memory",strategy=""} 1.0'
        in plain.get("/metrics").text
    )
