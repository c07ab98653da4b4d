"""The pods of a rollout: changing their stages, and counting the sessions that are open in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import httpx
from prometheus_client.parser import text_string_to_metric_families

from devenv.core.model.errors import EnvironmentProblem, Inconclusive
from devenv.core.model.topology import Endpoints, SettingChanges
from devenv.core.model.vocabulary import POD_HEADER, CaptchaType
from devenv.core.rollout.plan import Plan
from devenv.core.rollout.stages import FLAG, RolloutStage
from devenv.harness.redis.keys import connected, list_keys
from devenv.harness.runs.journal import JournaledStack
from devenv.stack.loopback import local_client
from devenv.stack.protocol import Progress
from devenv.verbs.rollout.in_turn import restart_in_turn
from devenv.wire.control.policy import set_policy

_SECONDS = 10.0
_KEY_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class OpenSessions:
    """The sessions that are open now."""

    in_redis: int
    in_memory: Mapping[str, int]
    """By pod; sessions that expired in the last TTL may be among them."""
    complete: bool
    """Whether all keys in Redis were counted."""

    @property
    def total(self) -> int:
        """All of them."""
        return self.in_redis + sum(self.in_memory.values())


class RolloutPods:
    """The pods of one stack under one plan."""

    def __init__(self, stack: JournaledStack, plan: Plan, token: str, progress: Progress) -> None:
        self._stack = stack
        self._plan = plan
        self._token = token
        self._progress = progress

    @property
    def endpoints(self) -> Endpoints:
        """Where the stack is reached."""
        return self._stack.endpoints()

    @property
    def names(self) -> tuple[str, ...]:
        """The pods that the stack has now."""
        return self._stack.status().spec.pod_names

    def restart(self, stages: Mapping[str, RolloutStage]) -> None:
        """Restart pods, side by side, at these stages, with the plan's TTL and the rollout's token."""
        self._stack.restart_pods(self._settings(stages), self._progress)

    def restart_in_turn(
        self,
        stages: Mapping[str, RolloutStage],
        before: Callable[[str], None],
        after: Callable[[str], None],
    ) -> None:
        """As ``restart``, one pod after the other; ``before`` and ``after`` as ``in_turn`` has them."""
        settings = self._settings(stages)
        restart_in_turn(self._stack, settings, self._progress, before=before, after=after)

    def _settings(self, stages: Mapping[str, RolloutStage]) -> dict[str, SettingChanges]:
        always = {"CAPTCHA_TTL": f"{self._plan.ttl:g}", "MIGRATION_TOKEN": self._token}
        return {pod: {**stage.settings(self._plan.store), **always} for pod, stage in stages.items()}

    def add(
        self, stages: Mapping[str, RolloutStage], together: Mapping[str, RolloutStage], births: str | None
    ) -> None:
        """Add pods at these stages, those that are not there yet; ``together`` with those that are."""
        present = self.names
        missing = {pod: stage for pod, stage in stages.items() if pod not in present}
        if missing:
            policy = self._policy(together, births)
            self._stack.set_pods([*present, *missing], self._settings(missing), policy, self._progress)

    def remove(self, pods: Sequence[str], left: Mapping[str, RolloutStage]) -> None:
        """Remove pods, those that are still there; ``left`` are the stages of the others."""
        present = self.names
        if any(pod in present for pod in pods):
            stay = [pod for pod in present if pod not in pods]
            self._stack.set_pods(stay, {}, self._policy(left, None), self._progress)

    def _policy(self, stages: Mapping[str, RolloutStage], births: str | None) -> str | None:
        """The policy that fits these pods; None where it is the same for any pods."""
        return self._plan.policy_at(stages, births) if self._plan.cohorts else None

    def change(self, pod: str, present: RolloutStage, wanted: RolloutStage) -> None:
        """Change one pod's stage while it runs, by compare-and-set. Raises Inconclusive where it differs."""
        with self._client() as http:
            answer = _asked(
                http.put,
                "/admin/migration",
                headers=self._headers(pod),
                json={"from": present.name, "to": wanted.name},
            )
        if answer.status_code == 409:
            raise Inconclusive(
                f"{pod} is at another stage than {present.name}: {answer.json()['detail']['stage']}",
                hint="another program changes it; devenv rollout status",
            )
        if answer.status_code != 200:
            raise EnvironmentProblem(f"{pod} does not change its stage: {answer.text[:200]}")
        note = {**wanted.settings(self._plan.store), "STAGE_CHANGED": "at run time"}
        self._stack.note("pod", pod, **note)
        self._progress(f"{pod}: {present.name} → {wanted.name}")

    def stage_of(self, pod: str) -> str | None:
        """The stage that a pod is at now, as it says itself; None where it does not say."""
        if self._plan.strategy == FLAG:
            settings = next(item.settings for item in self._stack.status().pods if item.name == pod)
            return "on" if settings.get("USE_REDIS", "").lower() == "true" else "off"
        with self._client() as http:
            answer = _asked(
                http.get,
                "/admin/migration",
                headers=self._headers(pod),
            )
        return str(answer.json()["stage"]) if answer.status_code == 200 else None

    def route(self, stages: Mapping[str, RolloutStage], births: str | None) -> str:
        """Let the proxy route as the plan has it while pods are at ``stages``; what it did before.

        Empty where a load balancer chooses: it goes on as it does.
        """
        status = self._stack.status()
        if status.spec.balancer:
            return ""
        before, _ = set_policy(status, self._plan.policy_at(stages, births))
        return before

    def restore_policy(self, policy: str) -> None:
        """Let the proxy route as before the rollout; ``policy`` as ``route`` gave it."""
        if policy:
            set_policy(self._stack.status(), policy)

    def open_sessions(self) -> OpenSessions:
        """Count those in Redis and, by the pods' metrics, those in memory."""
        status = self._stack.status()
        with connected(status.endpoints) as client:
            listing = list_keys(client, limit=_KEY_LIMIT)
        sessions = [key for key in listing.keys if key.kind in set(CaptchaType)]
        with self._client() as http:
            held = {pod: _held(http, pod) for pod in status.spec.pod_names}
        return OpenSessions(len(sessions), held, listing.complete)

    def _headers(self, pod: str) -> dict[str, str]:
        """For the pod's administration: which pod, and the token."""
        return {POD_HEADER: pod, "Authorization": f"Bearer {self._token}"}

    def _client(self) -> httpx.Client:
        return local_client(self._stack.endpoints().pinned, _SECONDS)


def _held(http: httpx.Client, pod: str) -> int:
    answer = _asked(http.get, "/metrics", headers={POD_HEADER: pod})
    families = text_string_to_metric_families(answer.text)
    return sum(
        int(sample.value)
        for family in families
        for sample in family.samples
        if sample.name == "captcha_sessions_in_process" and sample.labels.get("type") != "handwriting"
    )


def _asked(call: object, path: str, **options: object) -> httpx.Response:
    """The answer of a pod, through the proxy. Raises EnvironmentProblem where none comes."""
    assert callable(call)
    try:
        answer: httpx.Response = call(path, **options)
    except httpx.HTTPError as error:
        raise EnvironmentProblem(
            f"the stack does not answer at {path}: {error or type(error).__name__}", hint="devenv status"
        ) from error
    return answer
