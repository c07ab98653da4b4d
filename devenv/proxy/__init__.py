"""The HTTP/1.1 reverse proxy in front of the pods."""

from devenv.proxy.limits import Limits
from devenv.proxy.server import Proxy
from devenv.proxy.upstream import Upstream

__all__ = ["Limits", "Proxy", "Upstream"]
