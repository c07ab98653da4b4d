"""For a rollout: the process's migration stage, read and changed by compare-and-set.

Only there with MIGRATION_STRATEGY, and only for callers with MIGRATION_TOKEN; without that variable a stage
changes by restarting the pod. Each worker process has a stage of its own, so a pod with several workers is
restarted too.
"""

from __future__ import annotations

import hmac
from typing import Annotated, Any

from fastapi import APIRouter, Header, HTTPException, Request
from pydantic import BaseModel, Field

from devenv.captcha_api.migration import Migration, StageConflict
from devenv.captcha_api.service import service_of
from devenv.core.model.migration import Stage

router = APIRouter(prefix="/admin", tags=["operations"])


class StageChange(BaseModel):
    """``from`` is what the caller takes the present stage for, ``to`` the one to change to."""

    present: Stage = Field(alias="from")
    wanted: Stage = Field(alias="to")


@router.get("/migration")
def read_stage(request: Request, authorization: Annotated[str, Header()] = "") -> dict[str, str]:
    """The strategy and the present stage."""
    return _shown(_migration(request, authorization))


@router.put("/migration")
def change_stage(
    request: Request, change: StageChange, authorization: Annotated[str, Header()] = ""
) -> dict[str, str]:
    """Compare and set: 409 with the present stage where it is not ``from``, 422 for a foreign stage."""
    migration = _migration(request, authorization)
    service = service_of(request)
    try:
        migration.change(change.present, change.wanted)
    except StageConflict as conflict:
        raise HTTPException(409, {"message": str(conflict), "stage": str(conflict.present)}) from conflict
    except ValueError as error:
        raise HTTPException(422, str(error)) from error
    service.store.warm_up()
    return _shown(migration)


def _migration(request: Request, authorization: str) -> Migration:
    service = service_of(request)
    token = service.settings.migration_token
    if service.migration is None or token is None:
        raise HTTPException(404, "MIGRATION_TOKEN is not set: the stage changes by restart")
    if not hmac.compare_digest(authorization.encode(), f"Bearer {token.get_secret_value()}".encode()):
        raise HTTPException(403, "the token is not MIGRATION_TOKEN")
    return service.migration


def _shown(migration: Migration) -> dict[str, Any]:
    return {"strategy": str(migration.strategy), "stage": str(migration.stage)}
