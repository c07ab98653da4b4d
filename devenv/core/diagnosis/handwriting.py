"""Handwriting without a challenge id: one current word per process, for all users."""

from __future__ import annotations

from devenv.core.diagnosis.findings import Diagnosis, Shown, finding
from devenv.core.diagnosis.stories import GRADED, Call, Joined
from devenv.core.model.vocabulary import CaptchaType, Outcome
from devenv.core.spec.captcha_session import ATTEMPTS_LIMIT


class _Pod:
    """One pod's current word: who asked for it last, and what was answered since."""

    def __init__(self) -> None:
        self.create: Call | None = None
        self.graded: list[Call] = []

    @property
    def passed(self) -> Call | None:
        return next((call for call in self.graded if call.outcome is Outcome.SUCCESS), None)

    @property
    def wrong(self) -> int:
        return sum(call.outcome is Outcome.WRONG for call in self.graded)


def handwriting(joined: Joined) -> list[Diagnosis]:
    """What one word per process did, where no Redis was asked.

    Such a verify names no challenge, so whose drawing it was is not known; that others were open is.
    """
    pods: dict[str, _Pod] = {}
    creates: list[Call] = []
    findings: list[Diagnosis | None] = []
    for call in joined.calls:
        if call.captcha != CaptchaType.HANDWRITING:
            continue
        if call.kind == "create":
            if call.read is None and call.challenge is None and call.exchange.status == 200:
                pods[call.pod] = pod = _Pod()
                pod.create = call
                creates.append(call)
        elif call.challenge is None and call.outcome is Outcome.NOT_FOUND:
            findings.append(_looked_in_redis(joined, creates, call))
        elif call.challenge is None and call.read is None and call.outcome in GRADED:
            pod = pods.setdefault(call.pod, _Pod())
            findings.append(_judged(pod, creates, call))
            pod.graded.append(call)
    return [finding for finding in findings if finding is not None]


def _judged(pod: _Pod, creates: list[Call], call: Call) -> Diagnosis | None:
    others = [create for create in creates if create is not pod.create]
    if call.outcome is Outcome.WRONG and others:
        whose = "no word" if pod.create is None else "the word of its own latest challenge"
        sentence = f"{call.pod} judged the drawing by {whose}, while others were open: it knows one word"
        return _global_word(sentence, others[-1], pod.create, call)
    if call.outcome is Outcome.SUCCESS and pod.passed is not None:
        sentence = f"a solved answer passed again on {call.pod}: its one word never ends"
        return _global_word(sentence, pod.passed, call)
    if pod.wrong >= ATTEMPTS_LIMIT:
        sentence = (
            f"{call.pod} graded answer {len(pod.graded) + 1} to one word, though {ATTEMPTS_LIMIT} are allowed"
        )
        return finding("attempts-limit", None, sentence, *pod.graded[:ATTEMPTS_LIMIT], call)
    return None


def _global_word(sentence: str, *evidence: Shown | None) -> Diagnosis:
    return finding("handwriting-global", None, sentence, *evidence)


def _looked_in_redis(joined: Joined, creates: list[Call], call: Call) -> Diagnosis | None:
    """A drawing without a challenge id, as the pod that asked for it keeps one word; another has Redis."""
    if not creates or joined.flag(call) is not True or joined.flag(creates[-1]) is not False:
        return None
    sentence = (
        f"{creates[-1].pod} keeps one word in its memory and gave no challenge id, {call.pod} looked in Redis"
    )
    return finding("mixed-flags", None, sentence, creates[-1], call.read, call)
