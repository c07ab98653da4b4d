"""What keeps a client's requests on one pod, and so hides that sessions are in one pod's memory: its address,
its cookie, a pod that gets all; and what becomes of a client whose address changes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Address, ip_address

from devenv.core.balance.choosers import Chooser
from devenv.core.diagnosis.stories import GRADED, Call, Story
from devenv.core.diagnosis.traffic import (
    FAILED,
    Traffic,
    address_of,
    ended,
    in_memory,
    numbered,
    same_memory,
)
from devenv.core.model.events import Exchange
from devenv.core.model.vocabulary import Outcome
from devenv.core.simulation.balancers import Kind

_ALL_TO_ONE = {
    "haproxy:first": "the first server that is up (`balance first`)",
    "caddy:first": "the first upstream that is up (`lb_policy first`)",
    "caddy:random_choose": "the first of the least busy upstreams (`lb_policy random_choose 2`)",
    "traefik:leasttime": "the server that answered fastest (`strategy: leasttime`)",
}
"""Settings that give one pod every request, at least while no two overlap, and by what."""
_WITHOUT_ADDRESSES = ("", "traefik")
"""The proxy itself, which may take the address from X-Forwarded-For, and Traefik, which does not tell the
pods' ports of which client a request is: the trace does not have the address that decided."""


def _address(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Found only because both requests came from one address, which decides the pod."""
    if verify.outcome not in GRADED or not same_memory(traffic.joined, create, verify):
        return
    chooser, first, second = traffic.chooser(create.exchange.policy), create.exchange, verify.exchange
    if not chooser.by_address or first.policy != second.policy or not _one_key(chooser, first, second):
        return
    if _product(chooser) in _WITHOUT_ADDRESSES:
        came = "which the trace does not have"
        met = sum(traffic.met[first.policy].values(), Counter())
        whose = f"Of the {met.total()} requests under it {_count(met, create.pod)} met {create.pod}."
    else:
        came = f"and both came from {address_of(first)}"
        whose = _met_there(traffic, first, create.pod)
    yield (
        f"{story.challenge[:6]} was found because {numbered(first)} and {numbered(second)} met one pod: "
        f"{chooser.title} chooses it by the client's address, {came} (what decides it: "
        f"{chooser.by_address}). {whose} A client whose address changes between the two, as a telephone's "
        "does from Wi-Fi to mobile data, may get 'not found'. Change: sessions in Redis; to see the bug, "
        "another policy or clients of several addresses."
    )


def _met_there(traffic: Traffic, first: Exchange, pod: str) -> str:
    """What the requests of the same address met, and how many addresses there were."""
    addresses = traffic.met[first.policy]
    same = addresses[address_of(first)]
    if len(addresses) == 1:
        others = "No request came from another address."
    else:
        pods = {pod for counts in addresses.values() for pod in counts}
        others = f"There were {len(addresses)} addresses, whose requests met {len(pods)} pods."
    return f"Of the {same.total()} requests from there {_count(same, pod)} met {pod}. {others}"


def _count(met: Counter[str], pod: str) -> str:
    return "all" if met[pod] == met.total() else str(met[pod])


def _address_changed(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Lost although the address decides: it changed, or the pod could not be reached."""
    if verify.outcome is not Outcome.NOT_FOUND or create.pod == verify.pod:
        return
    chooser, first, second = traffic.chooser(verify.exchange.policy), create.exchange, verify.exchange
    if not chooser.by_address or first.policy != second.policy or _product(chooser) in _WITHOUT_ADDRESSES:
        return
    if not in_memory(traffic.joined, create, verify):
        return
    if traffic.joined.restarted(create.pod, create.started, verify.ended) is not None:
        return
    if not _one_key(chooser, first, second):
        why = f"the client's address was {address_of(first)} then and {address_of(second)} now"
    else:
        failed = _failed_between(traffic, create, verify)
        if failed is None:
            return
        why = f"{create.pod} had failed before ({numbered(failed)}: {failed.error or failed.outcome})"
    yield (
        f"{chooser.title} sent {numbered(second)} to {verify.pod}, though {create.pod} had created "
        f"{story.challenge[:6]} ({numbered(first)}): it chooses the pod by the client's address (what "
        f"decides it: {chooser.by_address}), and {why}. Change: sessions in Redis; else a cookie in place of "
        f"the address: {chooser.cookie}."
    )


def _failed_between(traffic: Traffic, create: Call, verify: Call) -> Exchange | None:
    """A request that failed on the pod of ``create`` before ``verify`` began."""
    return next(
        (
            each
            for each in traffic.between(create.started, verify.started)
            if each.pod == create.pod and each.outcome in FAILED and ended(each) <= verify.started
        ),
        None,
    )


def _cookie_kept(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Found because the client sent back the cookie that names the pod: without it, it was another's turn."""
    if verify.outcome not in GRADED or not same_memory(traffic.joined, create, verify):
        return
    first, second = create.exchange, verify.exchange
    chooser = traffic.chooser(first.policy)
    if chooser.kind is not Kind.COOKIE or first.policy != second.policy:
        return
    chain = [each for each in traffic.between(create.started, verify.started) if each.policy == first.policy]
    alone = chain == [first, second] and ended(first) <= second.started
    if not alone or chooser.without_cookies != "round-robin":
        return
    if any(each.outcome in FAILED and each.pod != first.pod for each in traffic.exchanges):
        return  # the other pod may be kept out
    yield (
        f"{story.challenge[:6]} was found because the client sent back the cookie that names {create.pod}: "
        f"{chooser.title} gives clients without it the pods in turn, and {numbered(second)}, the next "
        f"request after {numbered(first)}, met the same pod again. A client without cookies (a script, an "
        f"app, another site's page), or a restart of {create.pod}, loses the session. Change: sessions in "
        "Redis."
    )


def _one_pod(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Found because one pod gets every request: the others never had one."""
    if verify.outcome not in GRADED or not same_memory(traffic.joined, create, verify):
        return
    first = create.exchange
    chooser = traffic.chooser(first.policy)
    by = _ALL_TO_ONE.get(chooser.name)
    met: Counter[str] = sum(traffic.met[first.policy].values(), Counter())
    if by is None or first.policy != verify.exchange.policy or set(met) != {create.pod}:
        return
    yield (
        f"{story.challenge[:6]} was found because one pod gets all requests: {chooser.title} chooses {by}, "
        f"and all {met.total()} requests under it met {create.pod}. The other pods were not tried: this says "
        "nothing of sessions between pods. To see the bug: requests that overlap, or another policy."
    )


def _product(chooser: Chooser) -> str:
    return "" if chooser.setting is None else chooser.setting.product


def _one_key(chooser: Chooser, first: Exchange, second: Exchange) -> bool:
    """Whether the addresses of two requests are one to the chooser."""
    return _key(chooser, address_of(first)) == _key(chooser, address_of(second))


def _key(chooser: Chooser, address: str) -> str:
    """What is hashed: of an IPv4 address nginx takes the first three numbers.

    https://nginx.org/en/docs/http/ngx_http_upstream_module.html#ip_hash
    """
    if _product(chooser) == "nginx":
        try:
            if isinstance(ip_address(address), IPv4Address):
                return address.rpartition(".")[0]
        except ValueError:
            pass
    return address


RULES = (_address, _address_changed, _cookie_kept, _one_pod)
"""Each takes a story, its create, a verify and the traffic, and gives at most one sentence."""
