"""What a doctor says: each check with what it found, and each finding with evidence, symptom and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from devenv.core.doctor_rules.settings import Place
from devenv.core.model.switch import Switch

UNEXPLAINED = "unexplained"
"""The cause of what the failure catalogue has no name for."""
MEMORY = 'each pod falls back to its memory without a word: "Challenge not found" on every other pod'

CAUSES: Mapping[str, tuple[str, str]] = {
    "bad-port-value": ("bad-port-value", "the pod does not start: int() of this value raises"),
    "bad-number": ("bad-port-value", "the pod does not start: int() of this value raises"),
    "refused-value": (
        "bad-port-value",
        "kubectl refuses the manifest: no pod starts with it, and pods of before keep what they had",
    ),
    "blank-in-value": (
        "wrong-port",
        "the service gets one character more than was meant: another host, password, prefix or word",
    ),
    "url-password": (
        "wrong-port",
        "clients take a part of the password for the host, or refuse the URL; " + MEMORY,
    ),
    "url-form": ("wrong-port", "the client refuses the URL: the pod does not start, or " + MEMORY),
    "flag-off": (
        "pod-memory",
        'sessions stay in the memory of the pod that made them: "Challenge not found" on every other pod',
    ),
    "flag-word": (
        "pod-memory",
        "only true counts: the service reads any other word as false and reports no error",
    ),
    "flags-differ": (
        "mixed-flags",
        'what a pod with USE_REDIS=true created is "Challenge not found" on one with false, and back',
    ),
    "prefix-differs": (
        "prefix-mismatch",
        'what one pod wrote another looks for elsewhere: "Challenge not found" across pods',
    ),
    "server-differs": (
        "wrong-port",
        'the pods keep their sessions in different servers: "Challenge not found" across pods',
    ),
    "host-missing": ("wrong-port", MEMORY),
    "host-form": ("wrong-port", MEMORY),
    "host-unknown": ("wrong-port", MEMORY),
    "port-closed": ("wrong-port", MEMORY),
    "redis-stopped": ("redis-dies", "requests fail until it is back, or " + MEMORY),
    "no-answer": (
        "wrong-port",
        "every call waits for the time-out, several times per request; then " + MEMORY,
    ),
    "redis-silent": (
        "redis-hangs",
        "connections are accepted and nothing is answered: every call waits for REDIS_TIMEOUT_MS",
    ),
    "not-redis": ("wrong-port", MEMORY),
    "connection-ended": ("wrong-port", MEMORY),
    "tls-expected": ("wrong-port", MEMORY),
    "tls-not-offered": ("wrong-port", MEMORY),
    "certificate-expired": ("wrong-port", MEMORY),
    "certificate-untrusted": ("wrong-port", MEMORY),
    "certificate-name": ("wrong-port", MEMORY),
    "client-certificate": ("wrong-port", MEMORY),
    "tls-failed": ("wrong-port", MEMORY),
    "password-missing": ("wrong-port", MEMORY),
    "password-wrong": ("wrong-port", MEMORY),
    "password-unneeded": ("wrong-port", MEMORY),
    "login-refused": ("wrong-port", MEMORY),
    "not-ready": (
        "redis-dies",
        "challenges made until Redis is ready lie in pod memory, and are not found later",
    ),
    "database": ("wrong-port", MEMORY),
    "database-on-cluster": ("cluster-database", MEMORY),
    "plain-client-on-cluster": (
        "cluster-plain-client",
        'MOVED is swallowed: "Challenge not found" for the keys of every other master, with PING fine',
    ),
    "cluster-client-on-standalone": (
        "standalone-cluster-client",
        "the cluster client never connects; " + MEMORY,
    ),
    "announce-unreachable": (
        "announce-unreachable",
        "a cluster client is sent to addresses that it cannot reach; " + MEMORY,
    ),
    "cluster-down": ("writes-refused", "Redis refuses every session: HTTP 500, or nothing is counted"),
    "eviction": (
        "flushed",
        'when memory is full Redis drops sessions before their time: "Challenge not found" now and then',
    ),
    "writes-refused": (
        "writes-refused",
        "sessions are not written, wrong answers are not counted: attempts is null and there is no limit",
    ),
    "read-only-replica": (
        "writes-refused",
        "sessions are not written, wrong answers are not counted: attempts is null and there is no limit",
    ),
    "permission": (
        "writes-refused",
        "Redis refuses what the service needs: HTTP 500, or attempts null and no limit",
    ),
    "server-too-old": (
        "writes-refused",
        "Redis does not know the command: HTTP 500, or nothing is counted",
    ),
    "key-without-ttl": ("ttl-rounds-to-zero", "the challenge never expires and can be answered for ever"),
    "stub-document": (
        "resurrected-key",
        "a session without an answer: an empty selection passes (empty-bypass), for ever",
    ),
    "wrong-type": ("wrong-type", "a user with this challenge gets an error instead of a verdict"),
    "silent-fallback": ("wrong-port", MEMORY),
    "lost-across-pods": (
        "pod-memory",
        '"Challenge not found", or a wrong verdict, for requests that reach another pod',
    ),
    "seen-in-trace": ("redis-dies", "what `devenv explain` says of the same requests"),
    "create-refused": ("redis-dies", "no user gets a challenge"),
}
"""By kind of finding: its cause, as docs/failures.md names it, and the symptom that it leads to."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to change, and where it stands."""

    text: str
    """What to change."""
    place: Place | None = None
    """Where it stands; None where no file that was read has it."""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place is not None else self.text


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is wrong."""

    kind: str
    """A key of CAUSES."""
    subject: str
    """The pods or the server that it is about."""
    sentence: str
    """What is wrong, in one sentence."""
    evidence: tuple[str, ...]
    """What was seen, a line each."""
    change: Change
    """What to change, and where."""
    because: str = ""
    """The cause, where the kind alone does not tell it; else empty."""

    @property
    def cause(self) -> str:
        """Its id in the failure catalogue; UNEXPLAINED where the catalogue has none."""
        return self.because or CAUSES[self.kind][0]

    @property
    def symptom(self) -> str:
        """What users and operators see of it."""
        return CAUSES[self.kind][1]

    def in_words_of(self, switch: Switch) -> Advice:
        """With a service's own switch in place of USE_REDIS."""
        return replace(
            self, sentence=switch.renamed(self.sentence), evidence=tuple(map(switch.renamed, self.evidence)),
            change=replace(self.change, text=switch.renamed(self.change.text)),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        place = self.change.place
        return {
            "kind": self.kind,
            "cause": self.cause,
            "subject": self.subject,
            "sentence": self.sentence,
            "evidence": list(self.evidence),
            "symptom": self.symptom,
            "change": {
                "text": self.change.text,
                "file": place.file if place is not None else None,
                "line": place.line if place is not None else None,
            },
        }


State = Literal["ok", "found", "unknown"]
Verdict = Literal["ok", "found", "inconclusive"]


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of one subject, with one of three outcomes: ok, found, unknown."""

    check: str
    """What was checked."""
    subject: str
    """The pods or the server that were looked at."""
    text: str
    """What was seen, or why it could not be read."""
    findings: tuple[Advice, ...] = ()
    """What is wrong."""
    known: bool = True
    """Whether what the check needs could be read."""
    blocks: bool = False
    """Whether, not being known, it leaves open if the service works: then there is no all-clear."""

    @property
    def state(self) -> State:
        """ok, found (something wrong), or unknown."""
        if self.findings:
            return "found"
        return "ok" if self.known else "unknown"

    def in_words_of(self, switch: Switch) -> Checked:
        """With a service's own switch in place of USE_REDIS."""
        return replace(
            self, check=switch.renamed(self.check), text=switch.renamed(self.text),
            findings=tuple(finding.in_words_of(switch) for finding in self.findings),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """A plain dict; the findings stand by themselves in the report."""
        return {"check": self.check, "subject": self.subject, "state": self.state, "text": self.text}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What the doctor says of everything that was looked at."""

    checks: tuple[Checked, ...]
    """All checks, in the order in which a person would look."""
    notes: tuple[str, ...] = ()
    """What is no fault, and worth knowing."""

    @property
    def findings(self) -> tuple[Advice, ...]:
        """Everything wrong, in order, each once."""
        return tuple(dict.fromkeys(finding for check in self.checks for finding in check.findings))

    @property
    def unread(self) -> tuple[Checked, ...]:
        """The checks that could not read what they need, in order."""
        return tuple(check for check in self.checks if check.state == "unknown")

    @property
    def verdict(self) -> Verdict:
        """``inconclusive`` where nothing was found, and something that matters could not be read."""
        if self.findings:
            return "found"
        return "inconclusive" if any(check.blocks for check in self.unread) else "ok"

    def in_words_of(self, switch: Switch) -> Diagnosis:
        """With a service's own switch where a check or a finding speaks of USE_REDIS."""
        return replace(
            self, checks=tuple(check.in_words_of(switch) for check in self.checks),
            notes=tuple(map(switch.renamed, self.notes)),
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``devenv doctor --json``."""
        return {
            "verdict": self.verdict,
            "findings": [finding.to_json() for finding in self.findings],
            "checks": [check.to_json() for check in self.checks],
            "notes": list(self.notes),
        }
