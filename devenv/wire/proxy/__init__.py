"""The HTTP/1.1 reverse proxy in front of the pods."""

from devenv.wire.proxy.limits import Limits
from devenv.wire.proxy.server import Proxy
from devenv.wire.proxy.upstream import Upstream

__all__ = ["Limits", "Proxy", "Upstream"]
