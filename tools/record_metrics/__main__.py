"""Two pods under steady traffic, looked at once a second: both with Redis, and one of them alone."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from devenv.core.model.topology import Ports, StackSpec
from devenv.core.rollout.plan import parse_plan
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.stack.loopback import local_client
from devenv.verbs.operate.select import SUPERVISOR
from devenv.verbs.rollout.plans import shipped_plans
from devenv.verbs.rollout.traffic import SteadyTraffic
from devenv.verbs.watch.usecase import Look, look
from tools.endings import ended

ROOT = Path(__file__).resolve().parents[2]
LOOKS = 41
USED = (
    "captcha_requests_total", "captcha_request_seconds_sum", "captcha_request_seconds_count",
    "captcha_redis_command_seconds_bucket", "captcha_redis_errors_total", "captcha_pod_info",
    "captcha_redis_server_evicted_keys",
)  # fmt: skip
RUNS: dict[str, dict[str, Any]] = {
    "good": {"pod_env": {}, "use_redis": True, "alarms": []},
    "bad": {
        "pod_env": {"captcha-api-b": {"USE_REDIS": "true"}},
        "use_redis": False,
        "alarms": ["CaptchaSessionsNotFound", "CaptchaPodsDiffer"],
    },
}


def record(run: dict[str, Any]) -> list[Look]:
    """The looks at one run."""
    plan = parse_plan(shipped_plans()["guide"], "guide.yaml")
    with tempfile.TemporaryDirectory() as folder:
        stack = EmbeddedStack(Path(folder), SUPERVISOR)
        spec = StackSpec(
            pods=2, policy="random", use_redis=run["use_redis"], pod_env=run["pod_env"], ports=Ports.free()
        )
        status = stack.start(spec, lambda line: None)
        try:
            with (
                SteadyTraffic(status.endpoints, plan, 1) as traffic,
                local_client(status.endpoints.traffic, 5) as http,
            ):
                looks = []
                for _ in range(LOOKS):
                    looks.append(look(http, spec.pod_names, time.monotonic))
                    traffic.finished()
                    time.sleep(1)
                return looks
        finally:
            stack.stop()


def series(looks: list[Look]) -> dict[str, list[float | None]]:
    """Each sample of each pod over all looks, as Prometheus would have it."""
    by_name: dict[str, list[float | None]] = {}
    for number, one in enumerate(looks):
        for pod, page in one.pages.items():
            for (name, labels), value in page.items():
                if name not in USED:
                    continue
                words = ",".join(f'{key}="{item}"' for key, item in (*labels, ("instance", f"{pod}:8000")))
                values = by_name.setdefault(f"{name}{{{words}}}", [None] * len(looks))
                values[number] = value
    return by_name


def main() -> None:
    """Write devenv/monitoring/good.json and bad.json."""
    for name, run in RUNS.items():
        looks = record(run)
        data = {
            "about": f"{LOOKS} looks, a second apart, at two pods; made by tools.record_metrics",
            "alarms": run["alarms"],
            "metrics": sorted({sample for page in looks[-1].pages.values() for sample, _ in page}),
            "series": series(looks),
        }
        lines = json.dumps(data, ensure_ascii=False, indent=0).replace(",\n", ",")
        ROOT.joinpath("devenv", "monitoring", f"{name}.json").write_text(lines + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(ended(main))
