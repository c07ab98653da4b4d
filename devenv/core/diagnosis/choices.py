"""What the choice of pods hid or did: turns, kept connections, cookies, addresses, pods kept out, requests
that were delivered twice.

Each rule needs the trace itself to show what it says; where the trace leaves two readings, both are named.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice, pairwise

from devenv.core.balance.choosers import Chooser
from devenv.core.balance.measured import TURNS
from devenv.core.balancers import OWN_FILE
from devenv.core.balancers.own_rules import OwnRules, rules_of_text
from devenv.core.diagnosis.affinity import RULES as AFFINITY
from devenv.core.diagnosis.stories import GRADED, Call, Joined, Story
from devenv.core.diagnosis.traffic import (
    FAILED,
    Traffic,
    address_of,
    ended,
    in_memory,
    numbered,
    same_memory,
)
from devenv.core.model.events import BALANCER_FILE, Exchange, ExchangeOutcome
from devenv.core.model.vocabulary import Outcome
from devenv.core.routing import POLICIES
from devenv.core.simulation.balancers import Kind

_MOST_FAILED, _MOST_COUNTED = 50, 20
"""Of a long trace: failed requests, and cases of one kind, that are looked at."""
_SENT_AGAIN_S = 1.0
"""A balancer sends a request again at once: this many seconds at most after the first delivery ended."""


def remarks_on_choices(
    exchanges: Iterable[Exchange], joined: Joined, since: float = float("-inf")
) -> tuple[str, ...]:
    """A sentence for each of these things, with the exchanges that show it and what to change.

    ``exchanges``: all of the trace, also those that are about no session. Only what concerns a request that
    ended after ``since`` (seconds since the epoch) counts.
    """
    ordered = sorted(exchanges, key=lambda exchange: (exchange.started, exchange.seq))
    pods = {event.pod for event in joined.stack if event.what == "pod" and event.pod}
    pods |= {exchange.pod for exchange in ordered if exchange.pod}
    if len(pods) < 2:
        return ()
    traffic = Traffic(ordered, joined, len(pods), _met(ordered), _own_rules(joined))
    sentences: list[str] = [*_not_known(traffic, since)]
    for rule in (_turns, _connection, _cookie, *AFFINITY):
        sentences += _first(
            sentence
            for story in joined.stories
            for call in story.verifies
            if call.ended >= since and story.create is not None
            for sentence in rule(story, story.create, call, traffic)
        )
    late = [exchange for exchange in ordered if ended(exchange) >= since]
    failed = [number for number, exchange in enumerate(late) if exchange.outcome in FAILED and exchange.pod]
    sentences += _first(_kept_out(late, failed[:_MOST_FAILED], traffic))
    sentences += _first(_twice(late, failed[:_MOST_FAILED], traffic))
    return tuple(sentences)


def _own_rules(joined: Joined) -> OwnRules | None:
    """What the trace has of the team's own file of the balancer."""
    texts = [event.detail.get("rules", "") for event in joined.stack if event.what == BALANCER_FILE]
    return rules_of_text(texts[-1]) if texts else None


def _not_known(traffic: Traffic, since: float) -> Iterator[str]:
    """A team's own file that leaves open which pod gets a request, with sessions in the pods' memory."""
    file_rules = traffic.file_rules
    if file_rules is None or not file_rules.unknown:
        return
    policy = f"{file_rules.product}:{OWN_FILE}"
    creates = [story.create for story in traffic.joined.stories if story.create is not None]
    if any(
        call.exchange.policy == policy and call.ended >= since and in_memory(traffic.joined, call)
        for call in creates
    ):
        yield (
            f"how {file_rules.product} chooses a pod with {file_rules.file} is not known here "
            f"({file_rules.unknown}): whether turns, an address, a cookie or a connection hide or lose "
            f"sessions is not said. `devenv balance {file_rules.file}` measures it."
        )


def _met(exchanges: Iterable[Exchange]) -> Mapping[str, Mapping[str, Counter[str]]]:
    """For each policy and client's address, how many requests each pod got."""
    met: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for exchange in exchanges:
        if exchange.pod is not None:
            met[exchange.policy][address_of(exchange)][exchange.pod] += 1
    return met


def _first(sentences: Iterator[str]) -> list[str]:
    """The first of the sentences, with how many more there are."""
    first = list(islice(sentences, _MOST_COUNTED + 1))
    count = f"{len(first) - 1}" if len(first) <= _MOST_COUNTED else f"{_MOST_COUNTED} or more"
    more = f" The same in {count} further case{'s' * (len(first) > 2)}." if len(first) > 1 else ""
    return [first[0] + more] if first else []


def _turns(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Found only because of the number of requests in between."""
    if verify.outcome not in GRADED or not same_memory(traffic.joined, create, verify):
        return
    policy = create.exchange.policy
    chooser = traffic.chooser(policy)
    if not (chooser.kind is Kind.TURNS or chooser.model == "least-in-flight"):
        return
    chain = [each for each in traffic.between(create.started, verify.started) if each.policy == policy]
    if not chain or chain[0] is not create.exchange or chain[-1] is not verify.exchange:
        return
    alone = all(ended(first) <= second.started for first, second in pairwise(chain))
    if not (alone or chooser.kind is Kind.TURNS):
        return
    if not _takes_turns([exchange.pod for exchange in chain], traffic.pods):
        return
    between = chain[1:-1]
    numbers = ", ".join(f"{numbered(each)} {each.method} {each.path}" for each in between[:3])
    more = "" if len(between) <= 3 else f" and {len(between) - 3} more"
    requests = f"{len(between)} request{'s' * (len(between) != 1)}"
    yield (
        f"{story.challenge[:6]} was found by parity alone: {chooser.title} gives the {traffic.pods} pods "
        f"their turns, and {requests} ({numbers}{more}) between {numbered(create.exchange)} and "
        f"{numbered(verify.exchange)} brought {verify.word} back to {create.pod}, which has the session in "
        "its memory. One request more or fewer, and it is 'not found'. Change: sessions in Redis, or keep "
        f"clients on their pods with {chooser.sticky}."
    )


def _takes_turns(pods: Sequence[str | None], count: int) -> bool:
    """Whether each of ``count`` pods comes once in any ``count`` requests, always in the same order."""
    if None in pods or len(pods) <= count:
        return False
    windows = (pods[start : start + count] for start in range(len(pods) - count + 1))
    return all(len(set(window)) == count for window in windows)


def _connection(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Found only because both requests came on one connection."""
    if verify.outcome not in GRADED or not same_memory(traffic.joined, create, verify):
        return
    first, second = create.exchange, verify.exchange
    chooser = traffic.chooser(first.policy)
    if not chooser.by_connection or first.policy != second.policy or first.client != second.client:
        return
    yield (
        f"{story.challenge[:6]} was found because {numbered(first)} and {numbered(second)} came on one kept "
        f"connection ({first.client}): {chooser.title} chooses a pod for each connection. A client that "
        f"opens another one may meet another pod, and gets 'not found' there. Change: sessions in Redis; "
        "keep-alive is no fix."
    )


def _cookie(story: Story, create: Call, verify: Call, traffic: Traffic) -> Iterator[str]:
    """Lost although a cookie names the pod: the client did not send it back."""
    lost = verify.outcome is Outcome.NOT_FOUND and create.pod != verify.pod
    if not lost or not in_memory(traffic.joined, create, verify):
        return
    chooser = traffic.chooser(verify.exchange.policy)
    if chooser.kind is not Kind.COOKIE or create.exchange.policy != verify.exchange.policy:
        return
    if traffic.joined.restarted(create.pod, create.started, verify.ended) is not None:
        return
    since = [each for each in traffic.exchanges if each.pod == create.pod and each.started > create.ended]
    reached = [each for each in since if each.outcome == ExchangeOutcome.ANSWERED]
    failed = any(each.outcome in FAILED for each in since)
    before = any(each.started <= verify.started for each in reached)
    after = any(each.started >= verify.started for each in reached)
    why = "the client did not send back the cookie that names the pod"
    if not (before and after) or failed:
        why += f", or {create.pod} could not be reached then (the trace does not tell)"
    yield (
        f"{chooser.title} sent {numbered(verify.exchange)} to {verify.pod}, though {create.pod} had "
        f"created {story.challenge[:6]} ({numbered(create.exchange)}): {why}. Change: sessions in Redis, "
        "or a client that keeps cookies (curl -b -c, a session of requests, credentials: 'include')."
    )


def _kept_out(exchanges: Sequence[Exchange], failures: Sequence[int], traffic: Traffic) -> Iterator[str]:
    """A pod that failed once, and then got no request while the others got many."""
    for failure in failures:
        failed = exchanges[failure]
        chooser = traffic.chooser(failed.policy)
        setting = chooser.setting
        if failed.pod is None or setting is None or chooser.kind not in (Kind.TURNS, Kind.BUSY, Kind.RANDOM):
            continue
        later = [each for each in exchanges[failure + 1 :] if each.policy == failed.policy and each.pod]
        missed = next((number for number, each in enumerate(later) if each.pod == failed.pod), len(later))
        if missed <= (1 if chooser.kind is Kind.TURNS else 2) * TURNS * (traffic.pods - 1):
            continue
        end = later[missed].started if missed < len(later) else later[-1].started
        if traffic.joined.restarted(failed.pod, failed.started, end) is not None:
            continue
        until = f"until {numbered(later[missed])}" if missed < len(later) else "to the end of the trace"
        yield (
            f"after {numbered(failed)} had failed on {failed.pod} ({failed.error or failed.outcome}), "
            f"{failed.pod} got none of the next {missed} requests, for {end - ended(failed):.1f} s, "
            f"{until}: {setting.product} keeps it out, or cannot reach it. All sessions go to the other pods "
            f"meanwhile, so that none is lost between pods and the bug does not show. What "
            f"decides it: {chooser.keeping_out}."
        )


def _twice(exchanges: Sequence[Exchange], failures: Sequence[int], traffic: Traffic) -> Iterator[str]:
    """A request that is no GET and reached pods more than once."""
    for number in failures:
        first = exchanges[number]
        if first.method in ("GET", "HEAD") or first.outcome == ExchangeOutcome.NO_CONNECTION:
            continue  # a GET changes nothing; without a connection it did not reach the pod
        chooser = traffic.chooser(first.policy)
        again = next((each for each in exchanges[number + 1 :] if _is_again(first, each, chooser)), None)
        if again is None:
            continue
        who, change = _sender(chooser)
        yield (
            f"{first.method} {first.path} was delivered twice: {numbered(first)} to {first.pod}, which gave "
            f"no answer, and {numbered(again)} to {again.pod}. {who} sent it again; both deliveries can have "
            f"counted. Change: {change}, or make the request idempotent (a token per request)."
        )


def _sender(chooser: Chooser) -> tuple[str, str]:
    """Who sends a request again, and what to change."""
    option, change = chooser.sending_again
    if option:
        product = (
            chooser.setting.product if chooser.file_rules is not None and chooser.setting else chooser.text
        )
        return f"{product}, with its {option},", change
    # the proxy sends once, and so do balancers without such an option
    known = chooser.setting is not None or chooser.text.partition(":")[0] in POLICIES
    who = "Its client" if known else "Its client, or the balancer,"
    return who, "send no POST again that was not answered"


def _is_again(first: Exchange, second: Exchange, chooser: Chooser) -> bool:
    """Whether ``second`` is the same request: by its id, or on the same connection at once."""
    if (second.method, second.path, second.request_body) != (first.method, first.path, first.request_body):
        return False
    if second.pod is None or second.started < first.started:
        return False
    if second.request_id == first.request_id:
        return True
    at_once = abs(second.started - ended(first)) <= _SENT_AGAIN_S
    # Without a body two requests of a client look the same: only a balancer that sends again tells.
    told_apart = bool(first.request_body) or bool(chooser.sending_again[0])
    return at_once and second.client == first.client and told_apart
