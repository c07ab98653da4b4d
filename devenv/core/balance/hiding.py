"""What hides lost sessions: why clients of one kind lose none while others do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from devenv.core.balance.measured import ADDRESSES, MOVING, STRAY, Balance, PatternResult
from devenv.core.balance.patterns import IMAGE
from devenv.core.simulation.intervals import Share


class Hidden(StrEnum):
    """What hides the bug."""

    PARITY = "parity"
    LOCK_STEP = "lock step"
    CONNECTION = "one connection"
    WORKERS = "a worker's own turn"
    KEPT_OUT = "a pod kept out"
    CACHE = "a cache"
    COOKIE = "the client's cookie"
    ADDRESS = "one client address"
    IDLE_FIRST = "one pod takes all while it is idle"


@dataclass(frozen=True, slots=True)
class Hiding:
    """One thing that hides lost sessions, with the figures that show it."""

    cause: Hidden
    text: str
    """What hides them, in a sentence or two."""
    evidence: tuple[str, ...]
    """The measured figures."""
    hides: tuple[str, ...] = ()
    """Names of the pattern results that show fewer losses than there are."""

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "cause": str(self.cause),
            "text": self.text,
            "evidence": list(self.evidence),
            "hides": list(self.hides),
        }


def differ(first: Share, second: Share) -> bool:
    """Whether two measured shares differ beyond chance: their intervals do not meet."""
    return first.high < second.low or second.high < first.low


def percent(share: Share) -> str:
    """``47.5 % (40.7 to 54.4 %)``."""
    return f"{100 * share.value:.3g} % ({100 * share.low:.3g} to {100 * share.high:.3g} %)"


def what_hides(balance: Balance) -> tuple[Hiding, ...]:
    """Everything that the measurement shows to hide lost sessions."""
    rules = (_parity, _lock_step, _connection, _workers, _cookie, _address, _idle_first, _kept_out, _cache)
    return tuple(hiding for rule in rules for hiding in rule(balance))


def _result(balance: Balance, name: str, *, cookies: bool = True, clients: str = "") -> PatternResult | None:
    for result in balance.patterns:
        same = result.pattern.name == name and result.cookies is cookies and result.clients == clients
        if same and result.sessions:
            return result
    return None


def _shown(*results: PatternResult) -> tuple[str, ...]:
    return tuple(f"{result.name}: {percent(result.share)} of {result.sessions} lost" for result in results)


def _pairs(balance: Balance) -> Iterator[tuple[PatternResult, PatternResult]]:
    """Patterns of one request at a time that differ in the number of requests alone."""
    for result in balance.patterns:
        if result.pattern.between or not result.pattern.sequential or not result.sessions:
            continue
        other = _result(balance, result.pattern.name + IMAGE, cookies=result.cookies, clients=result.clients)
        if other is not None:
            yield result, other
    kept, browser = _result(balance, "kept"), _result(balance, "browser")
    if kept is not None and browser is not None and kept.lost:  # the choice does not fall per connection
        yield kept, browser


def _parity(balance: Balance) -> Iterator[Hiding]:
    """Turns in a fixed order: the number of requests in between decides whether a session is found."""
    shown: list[PatternResult] = []
    hides: list[str] = []
    for first, second in _pairs(balance):
        if _turns(first, second) and differ(first.share, second.share) and 0 in (first.lost, second.lost):
            shown += [each for each in (first, second) if each not in shown]
            hides.append((first if first.lost == 0 else second).name)
    if shown:
        pods = max(each.pods_used for each in shown) or balance.pods
        yield Hiding(
            Hidden.PARITY,
            f"The {pods} pods take turns in a fixed order: how many requests lie between create and "
            "verify decides whether the session is found. One request more or fewer, an image or a probe, "
            "turns one result into the other; nothing is mended by it.",
            (*_shown(*shown), *_repeats(shown)),
            tuple(hides),
        )


def _turns(first: PatternResult, second: PatternResult) -> bool:
    """Whether the pods take turns: their order repeats, or one request more turns all lost into none."""
    if first.cycle is not None and second.cycle is not None:
        return True
    return {first.lost, second.lost} == {0, first.sessions} and first.sessions == second.sessions


def _repeats(shown: list[PatternResult]) -> tuple[str, ...]:
    cycles = [result.cycle for result in shown if result.cycle is not None]
    return (f"the order of the pods repeats after {cycles[0]} requests",) if cycles else ()


def _lock_step(balance: Balance) -> Iterator[Hiding]:
    """Users without pauses keep a fixed order, so that each meets the same pod or the other one always."""
    shown: list[PatternResult] = []
    hides: list[str] = []
    for name in ("", IMAGE):
        load, users = _result(balance, f"load-test{name}"), _result(balance, f"users{name}")
        if load is None or users is None or not differ(load.share, users.share):
            continue
        if load.share.value < users.share.value:
            shown += [load, users]
            hides.append(load.name)
    if shown:
        yield Hiding(
            Hidden.LOCK_STEP,
            "A load test without pauses runs in lock step: its workers keep their order, so that each "
            "sends its requests in the same turns again and again. Its share says nothing of users with "
            "pauses.",
            _shown(*shown),
            tuple(hides),
        )


def _connection(balance: Balance) -> Iterator[Hiding]:
    """The choice falls per connection: a kept one never loses."""
    kept, new = _result(balance, "kept"), _result(balance, "new")
    kept_image, new_image = _result(balance, f"kept{IMAGE}"), _result(balance, f"new{IMAGE}")
    if kept is None or kept.lost or (kept_image is not None and kept_image.lost):
        return
    losing = [
        each for each in (new, new_image, _result(balance, "browser")) if each is not None and each.lost
    ]
    losing = [each for each in losing if differ(each.share, kept.share)]
    if losing and kept.pods_used > 1:
        yield Hiding(
            Hidden.CONNECTION,
            "The pod is chosen per connection: a client that keeps one connection stays on one pod. Clients "
            "that open another, after an idle time, from a browser's pool or per request, meet other pods.",
            _shown(kept, *losing),
            tuple(each.name for each in (kept, kept_image) if each is not None),
        )


def _workers(balance: Balance) -> Iterator[Hiding]:
    """Processes of the balancer that count for themselves: one stray request changes the share."""
    for name in ("new", "kept"):
        first, second = _result(balance, name), _result(balance, name, clients=STRAY)
        if first is None or second is None or not differ(first.share, second.share):
            continue
        lower = first if first.share.value < second.share.value else second
        yield Hiding(
            Hidden.WORKERS,
            "One request of another client changed the share for all sessions after it: the balancer's "
            "processes take turns each by itself, and which of them gets a connection decides. Measure more "
            "than once.",
            _shown(first, second),
            (lower.name,),
        )


def _cookie(balance: Balance) -> Iterator[Hiding]:
    """The balancer's cookie keeps a client on its pod, as long as the client sends it back."""
    shown: list[PatternResult] = []
    for name in ("new", "kept", "users"):
        kept, without = _result(balance, name), _result(balance, name, cookies=False)
        if kept is not None and without is not None and not kept.lost and differ(kept.share, without.share):
            shown += [kept, without]
    if shown:
        yield Hiding(
            Hidden.COOKIE,
            "The balancer's cookie keeps a client on its pod. Clients that do not send it back (scripts, "
            "apps without a cookie jar, other sites' pages) lose sessions as without it, and so does every "
            "client whose pod restarts or goes.",
            (*_shown(*shown), f"Set-Cookie: {balance.cookie}"),
            tuple(each.name for each in balance.patterns if each.cookies and not each.lost),
        )


def _address(balance: Balance) -> Iterator[Hiding]:
    """The client's address decides: one address, one pod."""
    same, moving = _result(balance, "new", clients=ADDRESSES), _result(balance, "new", clients=MOVING)
    plain = _result(balance, "new")
    if same is None or moving is None or same.lost or not differ(same.share, moving.share):
        return
    yield Hiding(
        Hidden.ADDRESS,
        "The client's address decides. Clients whose address changes between two requests, as a telephone's "
        "does from Wi-Fi to mobile data, lose their session; all clients behind one address meet one pod.",
        _shown(*filter(None, (plain, same, moving))),
        tuple(each.name for each in balance.patterns if each.clients != MOVING and not each.lost),
    )


def _idle_first(balance: Balance) -> Iterator[Hiding]:
    """The least busy pod, ties to the first or the fastest: what comes one at a time meets one pod."""
    new = _result(balance, "new")
    loads = [_result(balance, name) for name in ("users", f"users{IMAGE}", "load-test")]
    losing = [each for each in loads if each is not None and each.lost]
    if new is None or not new.clings:
        return
    losing = [each for each in losing if each.share.low > new.share.high]
    if any(not each.clings for each in losing):
        yield Hiding(
            Hidden.IDLE_FIRST,
            "One request at a time meets the same pod, since no pod is busy then. Sessions are lost "
            "as soon as requests overlap.",
            _shown(new, *losing),
            tuple(each.name for each in balance.patterns if each.pattern.sequential and not each.lost),
        )


def _kept_out(balance: Balance) -> Iterator[Hiding]:
    out = [kept for kept in balance.kept_out if kept.out]
    if out:
        yield Hiding(
            Hidden.KEPT_OUT,
            "A pod that failed once gets no request for a while. All requests go to the others "
            "meanwhile, so that no new session is lost between pods and a test sees no loss.",
            tuple(
                f"a pod {kept.failure}: kept out for {kept.text}, {kept.missed} requests to the others"
                for kept in out
            ),
        )


def _cache(balance: Balance) -> Iterator[Hiding]:
    cached = [each for each in balance.patterns if each.unseen]
    if cached:
        yield Hiding(
            Hidden.CACHE,
            "Requests were answered that no pod received: a cache answers them. They do not count as "
            "requests in between, and what is measured of them is not the pods.",
            tuple(f"{each.name}: {each.unseen} requests reached no pod" for each in cached),
            tuple(each.name for each in cached),
        )
