"""Whether a balancer loses sessions; inconclusive where what was measured could hide the loss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from devenv.core.balance.hiding import Hiding, percent, what_hides
from devenv.core.balance.measured import ADDRESSES, MOVING, Balance, PatternResult
from devenv.core.balance.patterns import Connections
from devenv.core.model.errors import ExpectationFailed, Inconclusive
from devenv.core.model.verdict import passes


@dataclass(frozen=True, slots=True)
class Judgement:
    """What the measurement comes to."""

    verdict: str
    """lost, holds or inconclusive."""
    text: str
    """In a sentence."""
    losing: tuple[str, ...]
    """The pattern results that lost sessions."""
    missing: tuple[str, ...]
    """What would have to be measured to tell, where nothing was lost."""
    hiding: tuple[Hiding, ...]

    @property
    def exit_code(self) -> int:
        """0 holds, 1 lost, 3 inconclusive."""
        codes = {"holds": 0, "lost": ExpectationFailed.exit_code}
        return codes.get(self.verdict, Inconclusive.exit_code)

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return {
            "verdict": self.verdict,
            "text": self.text,
            "losing": list(self.losing),
            "missing": list(self.missing),
            "hides": [each.to_json() for each in self.hiding],
        }


def judge(balance: Balance) -> Judgement:
    """The verdict on all patterns. The change of an address counts where addresses are what is sticky."""
    hiding = what_hides(balance)
    patterns = balance.patterns
    losing = [each for each in patterns if each.lost]
    missing = () if losing else _missing(balance)
    if passes(checked=sum(each.sessions for each in patterns), failures=len(losing), gaps=len(missing)):
        highest = max(patterns, key=lambda each: each.share.high)
        text = (
            f"no session was lost in {len(patterns)} patterns while all pods were up; of {highest.name}, "
            f"{percent(highest.share)}"
        )
        return Judgement("holds", text, (), (), hiding)
    if losing:
        most = max(losing, key=lambda each: each.share.value)
        fewest = min(patterns, key=lambda each: each.share.value)
        text = f"sessions are lost: {percent(most.share)} with {most.name}"
        if fewest.lost < most.lost and fewest is not most:
            text += f", {percent(fewest.share)} with {fewest.name}"
        return Judgement("lost", text, tuple(each.name for each in losing), (), hiding)
    text = "no session was lost, but what was measured could hide the loss"
    return Judgement("inconclusive", text, (), missing, hiding)


def _missing(balance: Balance) -> tuple[str, ...]:
    """What keeps a measurement without losses from being a pass."""
    patterns = [each for each in balance.patterns if each.sessions]
    missing: list[str] = []
    if not any(_each_request_anew(each) and each.pattern.between == 0 for each in patterns):
        missing.append("new connections without a request in between (new): one kept connection can hide it")
    if not any(_each_request_anew(each) and each.pattern.between == 1 for each in patterns):
        missing.append("new connections with a request in between (new+image): parity can hide it")
    if not any(each.pattern.users > 1 and each.pattern.pause for each in patterns):
        missing.append("overlapping users with random pauses (users): lock step and idle pods can hide it")
    used: dict[str, int] = {}
    for each in patterns:
        for pod, count in (each.by_pod or {}).items():
            used[pod] = used.get(pod, 0) + count
    unused = [pod for pod, count in used.items() if not count]
    if unused:
        missing.append(
            f"requests to {', '.join(unused)}: no request reached it, so nothing was tried across pods"
        )
    failed = sum(each.failed for each in balance.patterns)
    if failed:
        missing.append(f"{failed} sessions had a request that no pod answered")
    return tuple(missing)


def _each_request_anew(result: PatternResult) -> bool:
    return result.pattern.connections is Connections.NEW and result.clients in ("", ADDRESSES, MOVING)


def exit_code_of(judgements: Sequence[Judgement]) -> int:
    """Of several balancers: 1 where one loses sessions, else 3 where one is inconclusive, else 0."""
    codes = {judgement.exit_code for judgement in judgements}
    return next((code for code in (ExpectationFailed.exit_code, Inconclusive.exit_code) if code in codes), 0)
