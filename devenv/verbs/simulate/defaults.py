"""What a simulation assumes where an option does not say it: the running stack, else devenv's settings."""

from __future__ import annotations

from contextlib import suppress

from devenv.core.model.errors import DevenvError
from devenv.core.model.topology import StackSpec
from devenv.harness.config.settings import Settings
from devenv.verbs.operate.select import open_stack
from devenv.verbs.simulate.fields import ALL
from devenv.wire.control.policy import present_policy


def default_fields(settings: Settings) -> tuple[dict[str, str], str]:
    """Fields as text, and where they are from: ``the running stack`` or ``the settings``."""
    with suppress(DevenvError):
        status = open_stack("embedded", settings.state_dir).status()
        fields = _fields(status.spec)
        fields["policy"] = present_policy(status.endpoints.control)
        on_redis = [pod.settings.get("USE_REDIS") == "true" for pod in status.pods]
        if sorted(on_redis, reverse=True) == on_redis:
            fields["redis-pods"] = str(sum(on_redis))
        return fields, "the running stack"
    return _fields(settings.stack_spec()), "the settings"


def _fields(spec: StackSpec) -> dict[str, str]:
    fields = {
        "pods": str(spec.pods),
        "workers": str(spec.workers),
        "policy": spec.chooser,
        "redis-pods": ALL if spec.use_redis else "0",
        "strategy": str(spec.strategy),
    }
    if "CAPTCHA_TTL" in spec.env:
        fields["ttl"] = f"{spec.env['CAPTCHA_TTL']}s"
    if "REDIS_TIMEOUT_MS" in spec.env:
        fields["redis-timeout"] = f"{spec.env['REDIS_TIMEOUT_MS']}ms"
    return fields
