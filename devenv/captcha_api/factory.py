"""Putting the service together: settings in, FastAPI app out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import SystemRandom
from typing import Any

from fastapi import FastAPI, Request
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse
from starlette.concurrency import run_in_threadpool

from devenv.captcha_api import logs, middleware
from devenv.captcha_api.errors import BrokenSession, Refusal, ServiceUnavailable, Ungraded
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.migration import Migration
from devenv.captcha_api.ml import MLClient
from devenv.captcha_api.pictures import CatalogueCache
from devenv.captcha_api.routes import abstract, behaviour, handwriting, imagegrid, migration, operations
from devenv.captcha_api.service import Service, trace_of
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores import SessionStore
from devenv.captcha_api.stores.atomic import AtomicStore
from devenv.captcha_api.stores.births import BirthsStore
from devenv.captcha_api.stores.getdel import GetdelStore
from devenv.captcha_api.stores.guide import GuideStore
from devenv.captcha_api.stores.incr import IncrStore
from devenv.captcha_api.stores.memory import MemoryStore
from devenv.captcha_api.stores.six_stages import SixStagesStore
from devenv.captcha_api.stores.watch import WatchStore
from devenv.core.model.migration import MigrationStrategy


def make_migration(settings: Settings) -> Migration | None:
    """The migration that the settings ask for; None without one."""
    if settings.migration_strategy is None or settings.migration_stage is None:
        return None
    return Migration(settings.migration_strategy, settings.migration_stage)


def make_store(settings: Settings, metrics: Metrics, moving: Migration | None = None) -> SessionStore:
    """The store that the settings ask for; ``moving`` as ``make_migration`` gives it."""
    memory = MemoryStore(settings.captcha_ttl)
    if moving is not None and moving.strategy is MigrationStrategy.BIRTHS:
        return BirthsStore(memory, AtomicStore(settings, metrics), moving)
    if moving is not None:
        return SixStagesStore(memory, AtomicStore(settings, metrics), moving, metrics)
    if not settings.use_redis:
        return memory
    match settings.session_strategy:
        case "guide":
            return GuideStore(settings, memory, metrics)
        case "watch":
            return WatchStore(settings, metrics)
        case "getdel":
            return GetdelStore(settings, metrics)
        case "incr":
            return IncrStore(settings, metrics)
        case "atomic":
            return AtomicStore(settings, metrics)


def create_app(settings: Settings) -> FastAPI:
    """The application; nothing is connected to before the first request, but for the store's warm-up."""
    logger = logs.configure(settings.pod_name)
    metrics = Metrics()
    moving = make_migration(settings)
    ml = MLClient(settings.ml_url, settings.ocr_image_field)
    service = Service(
        settings=settings,
        store=make_store(settings, metrics, moving),
        ml=ml,
        catalogue=CatalogueCache(ml.catalogue),
        metrics=metrics,
        random=SystemRandom(),
        migration=moving,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await run_in_threadpool(service.store.warm_up)
        logs.emit(logger, logging.INFO, "started", store=service.store.name)
        yield
        ml.close()

    app = FastAPI(title="captcha-api", lifespan=lifespan)
    app.state.service = service
    for routes in (abstract, imagegrid, handwriting, behaviour, operations):
        app.include_router(routes.router)
    if moving is not None:
        app.include_router(migration.router)
    app.add_exception_handler(Ungraded, _ungraded)
    app.add_exception_handler(ServiceUnavailable, _unavailable)
    app.add_exception_handler(BrokenSession, _broken)
    app.add_middleware(middleware.CatchAll)
    # The widget calls from any site and without credentials.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=["X-Served-By", "X-Request-Id", "Retry-After"],
    )
    app.add_middleware(middleware.Observe, pod=settings.pod_name, metrics=metrics, logger=logger)
    return app


async def _ungraded(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Ungraded)
    trace = trace_of(request)
    trace.outcome = str(error.refusal)
    body: dict[str, Any] = {"success": False, "message": error.message}
    if error.refusal == Refusal.EXPIRED:
        body["expired"] = True
    if error.refusal == Refusal.UNGRADED:
        trace.detail = error.message
    return JSONResponse(body)


async def _unavailable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ServiceUnavailable)
    trace_of(request).detail = error.message
    return JSONResponse({"detail": error.message}, 503, {"Retry-After": str(error.retry_after)})


async def _broken(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, BrokenSession)
    trace_of(request).detail = error.message
    return JSONResponse({"detail": error.message}, 500)
