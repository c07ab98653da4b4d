"""Memory, guide and atomic session stores side by side, on a real Redis that this script starts and ends.

Counts first: what one wrong and one right verify of each captcha costs in Redis commands (Redis' own count,
INFO commandstats, commands inside scripts included) and in round trips (what the pod's client waited for).
Then rates: verifies per second, through HTTP with several connections and by the store alone, in interleaved
rounds; medians, and ratios to the memory store of the same round. The load generator shares the machine, so
the HTTP rates are for comparing with each other, not for sizing.

    python benchmarks/stores.py [--rounds N] [--challenges N] [--connections N] [--json]
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
import redis

from devenv.captcha_api.factory import make_store
from devenv.captcha_api.metrics import Metrics
from devenv.captcha_api.settings import Settings
from devenv.captcha_api.submissions import AbstractSubmission
from devenv.core.model.vocabulary import CaptchaType

STORES: dict[str, dict[str, str]] = {
    "memory": {"USE_REDIS": "false"},
    "guide": {"USE_REDIS": "true", "SESSION_STRATEGY": "guide"},
    "atomic": {"USE_REDIS": "true", "SESSION_STRATEGY": "atomic"},
}
PATHS = {
    "abstract": ("/api/abstract-captcha", "/api/abstract-verify"),
    "imagegrid": ("/api/imagecaptcha-challenge", "/api/imagecaptcha-verify"),
    "handwriting": ("/api/handwriting-challenge", "/api/handwriting-verify"),
}
DEADLINE = 30.0
COUNTED = 10
# Not part of verifying: connection set-up, and what this script itself asks.
OVERHEAD = ("hello", "client", "ping", "select", "info", "config")


@dataclass(frozen=True)
class Cost:
    """Per verify, averaged over ``COUNTED`` of them."""

    store: str
    captcha: str
    answer: str
    commands: float
    round_trips: float


@dataclass(frozen=True)
class Rate:
    """Verifies per second, median over the rounds, and its ratio to memory's in the same rounds."""

    store: str
    via: str
    per_second: float
    slowest: float
    fastest: float
    to_memory: float


class Pod:
    """A running service, and what one needs to answer its challenges."""

    def __init__(self, url: str, ml: httpx.Client) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=DEADLINE, trust_env=False)
        self._ml = ml

    def create(self, captcha: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Bodies of a wrong and a right answer to a fresh challenge."""
        challenge = self.http.post(PATHS[captcha][0]).raise_for_status().json()
        challenge_id = {"challenge_id": challenge.get("challenge_id")}
        if captcha == "abstract":
            # The mock's picture paths name their class; asking the oracle nine times would say the same.
            mark = f"/{challenge['target_class']}/"
            right = [image["id"] for image in challenge["images"] if mark in image["url"]]
            return {**challenge_id, "selections": []}, {**challenge_id, "selections": right}
        if captcha == "imagegrid":
            query = {"url": challenge["url"], "label": challenge["target_label"]}
            cells = self._ml.get("/oracle", params=query).json()["correct_cells"]
            return {**challenge_id, "selections": []}, {**challenge_id, "selections": cells}
        oracle = self._ml.get("/oracle", params={"url": challenge["samples"][0]}).json()
        classes = self._ml.get("/catalog").json()["classes"]
        other = next(item for item in classes if item["name"] != oracle["class"])
        written = self._ml.get("/oracle", params={"url": other["handwriting"][0]}).json()["image_base64"]
        return {**challenge_id, "image_base64": written}, {
            **challenge_id,
            "image_base64": oracle["image_base64"],
        }

    def verify(self, captcha: str, body: dict[str, Any], expected: bool) -> None:
        """Raises unless it ends as expected."""
        result = self.http.post(PATHS[captcha][1], json=body).raise_for_status().json()
        if result["success"] is not expected:
            raise SystemExit(f"{captcha}: expected success={expected}, got {result}")

    def round_trips(self) -> float:
        """Redis round trips of this pod so far, by its own metrics."""
        pattern = r'^captcha_redis_command_seconds_count\{command="(\w+)[^"]*"\} (\S+)$'
        counts = re.findall(pattern, self.http.get("/metrics").text, re.MULTILINE)
        return sum(float(count) for command, count in counts if command.lower() not in OVERHEAD)


def commands_so_far(client: redis.Redis) -> float:
    """Commands that Redis ran, those of scripts included."""
    stats: Any = client.info("commandstats")
    names = {name.removeprefix("cmdstat_").partition("|")[0]: value["calls"] for name, value in stats.items()}
    return float(sum(calls for name, calls in names.items() if name not in OVERHEAD))


def count(pods: dict[str, Pod], client: redis.Redis) -> Iterator[Cost]:
    """What a verify costs."""
    for store, pod in pods.items():
        for captcha in PATHS:
            for answer, right in (("wrong", False), ("right", True)):
                bodies = [pod.create(captcha) if captcha != "handwriting" else None for _ in range(COUNTED)]
                commands = trips = 0.0
                for made in bodies:
                    # Without Redis there is one current word per pod: each challenge is answered at once.
                    wrong_body, right_body = made or pod.create(captcha)
                    before = commands_so_far(client), pod.round_trips()
                    pod.verify(captcha, right_body if right else wrong_body, right)
                    commands += commands_so_far(client) - before[0]
                    trips += pod.round_trips() - before[1]
                yield Cost(store, captcha, answer, commands / COUNTED, trips / COUNTED)


def http_round(pod: Pod, challenges: int, connections: int) -> float:
    """Verifies per second: each challenge is answered wrong, then right."""
    made = [pod.create("abstract") for _ in range(challenges)]
    address = httpx.URL(pod.url)

    def work(part: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        connection = http.client.HTTPConnection(address.host, address.port or 80, timeout=DEADLINE)
        for bodies in part:
            for body, expected in zip(bodies, (False, True), strict=True):
                headers = {"Content-Type": "application/json"}
                connection.request("POST", PATHS["abstract"][1], json.dumps(body), headers)
                result = json.loads(connection.getresponse().read())
                if result["success"] is not expected:
                    raise SystemExit(f"expected success={expected}, got {result}")
        connection.close()

    parts = [made[start::connections] for start in range(connections)]
    with ThreadPoolExecutor(connections) as pool:
        started = time.perf_counter()
        list(pool.map(work, parts))
        return 2 * challenges / (time.perf_counter() - started)


def store_round(store: str, port: int, challenges: int) -> float:
    """Verifies per second of the store alone, one thread, no HTTP."""
    env = {name.lower(): value for name, value in STORES[store].items()}
    settings = Settings(**{**env, "redis_host": "127.0.0.1", "redis_port": port})  # type: ignore[arg-type]
    kept = make_store(settings, Metrics())
    kept.warm_up()
    for number in range(challenges):
        challenge_id = f"{number:032x}"
        document = {
            "type": "abstract",
            "cid": challenge_id,
            "target_class": "apple",
            "keywords": ["사과"],
            "image_urls": [f"http://127.0.0.1/assets/abstract/apple/{index:02}.png" for index in range(9)],
            "is_positive": [index % 3 == 0 for index in range(9)],
            "attempts": 0,
            "created_at": time.time(),
        }
        kept.create(CaptchaType.ABSTRACT, challenge_id, document)
    started = time.perf_counter()
    for number in range(challenges):
        challenge_id = f"{number:032x}"
        kept.verify(AbstractSubmission(challenge_id, [1], None, None))
        if not kept.verify(AbstractSubmission(challenge_id, [0, 3, 6], None, None)).passed:
            raise SystemExit(f"{store}: a right answer did not pass")
    return 2 * challenges / (time.perf_counter() - started)


def rate(via: str, rounds: int, measure: Callable[[str], float]) -> list[Rate]:
    """Interleaved rounds: every store in each, in turning order."""
    names = list(STORES)
    measured: dict[str, list[float]] = {name: [] for name in names}
    for number in range(rounds + 1):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            result = measure(name)
            if number:  # the first round warms up
                measured[name].append(result)
    return [
        Rate(
            name,
            via,
            statistics.median(results),
            min(results),
            max(results),
            statistics.median(a / b for a, b in zip(results, measured["memory"], strict=True)),
        )
        for name, results in measured.items()
    ]


@contextmanager
def process(command: list[str], env: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A child, ended with the block."""
    with log.open("wb") as out:
        child = subprocess.Popen(command, env={**os.environ, **env}, stdout=out, stderr=out)
    try:
        yield child
    finally:
        child.kill()
        child.wait(DEADLINE)


def until(what: str, condition: Callable[[], Any]) -> Any:
    """The first true value."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise SystemExit(f"not ready within {DEADLINE:.0f} s: {what}")


def start_redis(stack: ExitStack, folder: Path) -> redis.Redis:
    """A redis-server on a free port."""
    binary = shutil.which("redis-server")
    if binary is None:
        raise SystemExit("redis-server is not on PATH")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    stack.enter_context(process([binary, *options], {}, folder / "redis.log"))
    client: redis.Redis = redis.Redis(port=port, decode_responses=True)

    def answers() -> bool:
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False

    until("redis-server", answers)
    return client


def start_server(stack: ExitStack, app: str, env: dict[str, str], log: Path) -> str:
    """A uvicorn process on a port of its own; its URL."""
    options = ["--host", "127.0.0.1", "--port", "0", "--no-access-log"]
    child = stack.enter_context(process([sys.executable, "-m", "uvicorn", app, *options], env, log))

    def url() -> str | None:
        if child.poll() is not None:
            raise SystemExit(f"{app} ended:\n{log.read_text(encoding='utf-8')}")
        match = re.search(r"running on (http://\S+)", log.read_text(encoding="utf-8"))
        return match.group(1) if match else None

    address: str = until(app, url)
    return address


def show(costs: list[Cost], rates: list[Rate]) -> None:
    """Two tables."""
    print(f"{'per verify':24}" + "".join(f"{name:>22}" for name in STORES))
    print(f"{'':24}" + f"{'commands round trips':>22}" * len(STORES))
    for captcha in PATHS:
        for answer in ("wrong", "right"):
            row = [cost for cost in costs if (cost.captcha, cost.answer) == (captcha, answer)]
            cells = "".join(f"{cost.commands:>10.1f}{cost.round_trips:>12.1f}" for cost in row)
            print(f"{captcha + ', ' + answer:24}{cells}")
    print(f"\n{'verifies per second':24}{'median':>10}{'slowest':>10}{'fastest':>10}{'to memory':>12}")
    for one in rates:
        label = f"{one.via}, {one.store}"
        print(
            f"{label:24}{one.per_second:>10.0f}{one.slowest:>10.0f}{one.fastest:>10.0f}{one.to_memory:>11.2f}×"
        )


def main() -> None:
    """Everything in one run, under a minute with the defaults."""
    parser = argparse.ArgumentParser(description="Memory, guide and atomic session stores side by side.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--challenges", type=int, default=200, help="per store and round")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")
    options = parser.parse_args()
    started = time.perf_counter()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        client = start_redis(stack, folder)
        port = int(client.connection_pool.connection_kwargs["port"])
        ml_url = start_server(stack, "mock_ml.app:app", {"MOCK_ML_SEED": "1"}, folder / "ml.log")
        ml = stack.enter_context(httpx.Client(base_url=ml_url, timeout=DEADLINE, trust_env=False))
        common = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port), "ML_SERVICE_URL": ml_url}
        pods = {}
        for name, env in STORES.items():
            log = folder / f"{name}.log"
            pods[name] = Pod(
                start_server(stack, "devenv.captcha_api.app:app", {**common, **env, "POD_NAME": name}, log),
                ml,
            )
            pods[name].create("abstract")
        costs = list(count(pods, client))
        rates = rate(
            "HTTP",
            options.rounds,
            lambda name: http_round(pods[name], options.challenges, options.connections),
        )
        rates += rate(
            "store alone", options.rounds, lambda name: store_round(name, port, 2 * options.challenges)
        )
        version: Any = client.info("server")
    result = {
        "redis": version["redis_version"],
        "redis_py": redis.__version__,
        "cores": os.cpu_count(),
        "costs": [asdict(cost) for cost in costs],
        "rates": [asdict(one) for one in rates],
        "seconds": round(time.perf_counter() - started, 1),
    }
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
        return
    show(costs, rates)
    print(
        f"\nRedis {result['redis']}, redis-py {result['redis_py']}, {result['cores']} cores, "
        f"{options.connections} connections, {options.rounds} rounds, {result['seconds']} s"
    )


if __name__ == "__main__":
    main()
