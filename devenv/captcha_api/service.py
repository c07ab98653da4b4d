"""What the routes work with: the service's parts, and creating and verifying through them."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

from fastapi import Request

from devenv.captcha_api import middleware
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.migration import Migration, new_challenge_id
from devenv.captcha_api.ml import MLClient
from devenv.captcha_api.pictures import CatalogueCache
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.stores import Document, SessionStore, Submission, Verdict
from devenv.core.model.vocabulary import CaptchaType


@dataclass(frozen=True, slots=True)
class Service:
    """What the routes work with."""

    settings: Settings
    store: SessionStore
    ml: MLClient
    catalogue: CatalogueCache
    metrics: Metrics
    random: Random
    migration: Migration | None = None
    """None: the service does not migrate."""

    def new_challenge_id(self) -> str:
        """Unguessable, and marked where the migration's stage wants it."""
        return new_challenge_id(self.migration)

    def pod_info(self) -> Mapping[str, str]:
        """How this pod keeps its sessions now, for the metrics: pod, store, strategy, stage."""
        return {
            "pod": self.settings.pod_name,
            "store": self.store.name,
            "strategy": "" if self.migration is None else str(self.migration.strategy),
            "stage": "" if self.migration is None else str(self.migration.stage),
        }

    def create(self, request: Request, kind: CaptchaType, challenge_id: str, fields: Document) -> bool:
        """Keep a new session of ``fields``; whether its id will name it later."""
        trace_of(request).challenge_id = challenge_id
        document = {
            "type": str(kind),
            "cid": challenge_id,
            **fields,
            "attempts": 0,
            "created_at": time.time(),
        }
        addressable = self.store.create(kind, challenge_id, document)
        self.metrics.created(kind)
        return addressable

    def verify(self, request: Request, submission: Submission) -> Verdict:
        """Grade an answer; the outcome goes to log and metrics. Raises as the stores do."""
        trace = trace_of(request)
        trace.challenge_id = submission.challenge_id or None
        verdict = self.store.verify(submission)
        trace.outcome = "success" if verdict.passed else "wrong"
        self.metrics.graded(submission.kind, verdict)
        return verdict

    def asset(self, path: str) -> str:
        """A picture's URL, for browsers and for the ML service alike."""
        return self.settings.asset_url + path

    def scene_document(self, challenge_id: str) -> Mapping[str, Any]:
        """The image grid's picture and label for a challenge id. Raises MLUnavailable."""
        scene = self.catalogue.get().scene_for(challenge_id)
        return {"image_url": self.asset(scene.path), "target_label": scene.label}


def service_of(request: Request) -> Service:
    """The app's service."""
    service: Service = request.app.state.service
    return service


def trace_of(request: Request) -> middleware.Trace:
    """The request's trace."""
    trace: middleware.Trace = request.scope["state"]["trace"]
    return trace
