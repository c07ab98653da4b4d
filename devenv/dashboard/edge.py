"""What the compose stack's ``proxy`` container runs: the edge with the page in its control API."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from fastapi import APIRouter

from devenv.dashboard.routes import routers
from devenv.dashboard.surroundings import ContainedSurroundings
from devenv.wire.edge import edge, pod_routes


def page_parts(running: edge.Edge, environ: Mapping[str, str]) -> Sequence[APIRouter]:
    """The page's parts of the control API."""
    return [*routers(ContainedSurroundings(running, environ)), pod_routes.router(running)]


if __name__ == "__main__":
    sys.exit(edge.main(page_parts))
