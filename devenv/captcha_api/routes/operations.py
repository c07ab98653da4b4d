"""For those who run it: liveness, readiness, metrics."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from devenv.captcha_api.routes import ERRORS
from devenv.captcha_api.service import service_of

router = APIRouter(tags=["operations"])


@router.get("/")
async def root() -> dict[str, str]:
    """What every version of a captcha-api answers."""
    return {"Hello": "World"}


@router.get("/health")
async def health(request: Request) -> dict[str, str]:
    """Liveness: the process answers; no dependency is asked."""
    service = service_of(request)
    return {"status": "ok", "pod": service.settings.pod_name, "store": service.store.name}


@router.get("/ready", responses={503: ERRORS[503]})
def ready(request: Request) -> dict[str, str]:
    """Readiness: the session store would serve a request now."""
    service = service_of(request)
    service.store.check_ready()
    return {"status": "ready", "pod": service.settings.pod_name, "store": service.store.name}


@router.get("/metrics", response_class=Response)
def metrics(request: Request) -> Response:
    """Prometheus text format."""
    service = service_of(request)
    store = service.store
    page = service.metrics.page(store.sessions_here(), store.server_info(), service.pod_info())
    return Response(page, media_type=CONTENT_TYPE_LATEST)
