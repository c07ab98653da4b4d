"""How a request of a profile or a scenario becomes one of httpx: the only place where it does.

Both kinds of clients send what this builds: ``client.send(http_request(client, …))``.
"""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from devenv.core.model.service import Filled
from devenv.harness.client.exchanges import Content

_NO_HEADERS: Mapping[str, str] = {}


def http_request(
    http: httpx.Client | httpx.AsyncClient,
    request: Filled | Content,
    *,
    defaults: Mapping[str, str] = _NO_HEADERS,
    headers: Mapping[str, str] = _NO_HEADERS,
    base: str = "",
) -> httpx.Request:
    """The request as ``http`` sends it, with its base URL (or ``base``), cookies and time limits.

    Of a header that several name, in whatever case, the one of ``headers`` is sent, else that of the request,
    else that of ``defaults`` (those of the service's profile).
    """
    if isinstance(request, Content):
        content, own_headers = request.content, request.headers
    else:
        content, own_headers = request.encoded()
    merged = httpx.Headers(dict(defaults))
    merged.update(dict(own_headers))
    merged.update(dict(headers))
    built = http.build_request(request.method, base + request.path, content=content, headers=merged)
    built.method = request.method  # httpx writes it in capitals, and "put" is another method than PUT
    return built
