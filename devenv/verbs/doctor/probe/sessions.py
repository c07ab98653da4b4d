"""Asks a service for challenges, as any user could, so that their keys can be looked for."""

from __future__ import annotations

import secrets
from collections.abc import Collection, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx

from devenv.core.doctor_rules.facts import Created
from devenv.core.model.bodies import answered_fields
from devenv.core.model.service import ServiceProfile
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import POD_HEADER
from devenv.harness.client.http_request import http_request
from devenv.stack.loopback import NO_AUTHORITIES

TIMEOUT_S = 35.0
"""As a captcha-api's longest call to its ML service allows."""
PER_SERVICE = 6
"""Challenges asked of a service whose pods cannot be named: of two pods, chosen at random, all reach the same
one in 1 of 32 runs."""


def on_stack(status: StackStatus, without_redis: Collection[str] = ()) -> list[Created]:
    """One challenge on each pod of the stack, named by a header that the proxy understands.

    None where the service names no kind of session, and none on the pods ``without_redis``, whose Redis
    refuses connections: where their sessions are not is known.
    """
    kinds = status.spec.profile.kinds
    pods = [pod.name for pod in status.pods if pod.state in ("running", "paused") and kinds]
    pods = [pod for pod in pods if pod not in without_redis]

    def ask(pod: str) -> Created:
        return _create(status.endpoints.pinned, status.spec.profile, {POD_HEADER: pod}, pod)

    with ThreadPoolExecutor(max(len(pods), 1)) as threads:  # one that hangs keeps no other waiting
        return list(threads.map(ask, pods))


def on_service(url: str, profile: ServiceProfile, count: int = PER_SERVICE) -> list[Created]:
    """``count`` challenges over as many connections, as the load balancer before the pods spreads them."""
    return [_create(url.rstrip("/"), profile, {}, "") for _ in range(count)]


def _create(base: str, profile: ServiceProfile, headers: dict[str, str], pod: str) -> Created:
    """One challenge of the profile's first kind over a connection of its own."""
    create = profile.kind(profile.first_kind).create.fill(None)
    headers = {**headers, "X-Request-Id": f"doctor-{secrets.token_hex(6)}"}
    name = pod or "the service"
    local = base.startswith("http://")  # plain HTTP needs no authorities
    try:
        with httpx.Client(
            base_url=base, timeout=TIMEOUT_S, trust_env=False, verify=NO_AUTHORITIES if local else True
        ) as http:
            answer = http.send(http_request(http, create, defaults=profile.headers, headers=headers))
    except httpx.HTTPError as error:
        return Created(name, None, None, f"{type(error).__name__}: {error}")
    name = pod or answer.headers.get("X-Served-By", name)
    given = {header.lower(): value for header, value in answer.headers.items()}
    challenge = profile.session_of(given, answered_fields(answer.text))
    if answer.status_code >= 400 or challenge is None:
        return Created(name, None, answer.status_code, f"HTTP {answer.status_code}: {_line(answer.text)}")
    return Created(name, challenge, answer.status_code)


def _line(text: str) -> str:
    return " ".join(text.split())[:200]


def ids(created: Sequence[Created]) -> list[str]:
    """The challenges that there are."""
    return [item.challenge for item in created if item.challenge is not None]
