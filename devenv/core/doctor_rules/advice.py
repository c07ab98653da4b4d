"""What a doctor says: each check with what it found, and each finding with evidence, symptom and change."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from devenv.core.doctor_rules.settings import Place

MEMORY = 'each pod falls back to its memory without a word: "Challenge not found" on every other pod'

CAUSES: Mapping[str, tuple[str, str]] = {
    "bad-port-value": ("bad-port-value", "the pod does not start: int() of this value raises"),
    "bad-number": ("bad-port-value", "the pod does not start: int() of this value raises"),
    "flag-off": (
        "pod-memory",
        'sessions stay in the memory of the pod that made them: "Challenge not found" on every other pod',
    ),
    "flag-word": (
        "pod-memory",
        "only true counts: the service reads any other word as false, and nobody is told",
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
        "prefix-mismatch",
        'the pods keep their sessions in different servers: "Challenge not found" across pods',
    ),
    "host-missing": ("wrong-port", MEMORY),
    "host-form": ("wrong-port", MEMORY),
    "host-unknown": ("wrong-port", MEMORY),
    "port-closed": ("wrong-port", MEMORY),
    "no-answer": (
        "wrong-port",
        "every call waits for the time-out, several times per request; then " + MEMORY,
    ),
    "redis-silent": (
        "redis-hangs",
        "connections are accepted and nothing is answered: every call waits for REDIS_TIMEOUT_MS",
    ),
    "not-redis": ("wrong-port", MEMORY),
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
        "redis-late",
        "challenges made until Redis is ready lie in pod memory, and are not found later",
    ),
    "database": ("wrong-port", MEMORY),
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
    "wrong-type": ("wrong-type", "whoever has this challenge gets an error instead of a verdict"),
    "silent-fallback": ("wrong-port", MEMORY),
    "create-refused": ("redis-dies", "nobody gets a challenge"),
}
"""By kind of finding: its cause, as docs/failures.md names it, and the symptom that it leads to."""


@dataclass(frozen=True, slots=True)
class Change:
    """What to change, and where it stands; ``place`` is None where no file that was read has it."""

    text: str
    place: Place | None = None

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" if self.place is not None else self.text


@dataclass(frozen=True, slots=True)
class Advice:
    """One thing that is wrong. ``kind`` is a key of CAUSES; ``subject`` the pods or server it is about."""

    kind: str
    subject: str
    sentence: str
    evidence: tuple[str, ...]
    change: Change

    @property
    def cause(self) -> str:
        """Its id in the failure catalogue."""
        return CAUSES[self.kind][0]

    @property
    def symptom(self) -> str:
        """What users and operators see of it."""
        return CAUSES[self.kind][1]

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


@dataclass(frozen=True, slots=True)
class Checked:
    """One check of one subject. ``text`` says what was seen, or why it could not be told."""

    check: str
    subject: str
    text: str
    findings: tuple[Advice, ...] = ()
    known: bool = True

    @property
    def state(self) -> State:
        """ok, found (something wrong), or unknown."""
        if self.findings:
            return "found"
        return "ok" if self.known else "unknown"

    def to_json(self) -> dict[str, Any]:
        """A plain dict; the findings stand by themselves in the report."""
        return {"check": self.check, "subject": self.subject, "state": self.state, "text": self.text}


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """All checks, in order; ``notes`` are worth knowing and wrong with nothing."""

    checks: tuple[Checked, ...]
    notes: tuple[str, ...] = ()

    @property
    def findings(self) -> tuple[Advice, ...]:
        """Everything wrong, in order, each once."""
        return tuple(dict.fromkeys(finding for check in self.checks for finding in check.findings))

    def to_json(self) -> dict[str, Any]:
        """A plain dict for ``devenv doctor --json``."""
        return {
            "verdict": "found" if self.findings else "ok",
            "findings": [finding.to_json() for finding in self.findings],
            "checks": [check.to_json() for check in self.checks],
            "notes": list(self.notes),
        }
