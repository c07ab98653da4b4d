"""Times that both the proxy and the simulation of it go by."""

from __future__ import annotations

PROXY_UPSTREAM_IDLE_SECONDS = 1.5
"""The proxy closes a connection to a pod that was idle for so long: less than the keep-alive of common
servers (gunicorn 2 s, uvicorn and Node 5 s), so that a request seldom meets one that its pod is closing."""
