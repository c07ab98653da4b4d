"""How the page bears many records: frames at this many a second, time to the first picture, memory.

The page is served by a real control API over a real log of exchanges, into which records are put at a steady
rate; a real Chromium (from PATH) shows it. Frames are the times between two animation frames; the same is
measured before the first record comes, as this machine's own rhythm: what counts is the ratio of the two.

    python benchmarks/dashboard.py [--rate N] [--records N] [--json]

Ends with exit code 1 where the 99th percentile of the frames under load is over 50 ms and over three times
that of the idle page, or where the page's memory is over twice as large after ten times as many records.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

from fastapi import APIRouter
from playwright.sync_api import CDPSession, Page, sync_playwright

from devenv.core.model.events import Exchange, ExchangeOutcome
from devenv.dashboard import pages
from devenv.wire.control import stream
from devenv.wire.control.notes import Notes
from devenv.wire.control.server import ControlServer, control_app
from devenv.wire.proxy.exchanges import ExchangeLog, ExchangeRecord

MOST_FRAME_MS = 50.0
MOST_RATIO = 3.0
MOST_GROWTH = 2.0
IDLE_SECONDS = 3.0
PODS = ("captcha-api-a", "captcha-api-b")
FRAMES = """(seconds) => new Promise(done => {
    const frames = [];
    const end = performance.now() + seconds * 1000;
    let last = performance.now();
    const step = now => {
        frames.push(now - last);
        last = now;
        if (now < end) requestAnimationFrame(step); else done(frames.slice(1));
    };
    requestAnimationFrame(step);
})"""


@dataclass(frozen=True)
class Measured:
    """What was measured; times in milliseconds, memory in megabytes."""

    first_picture_ms: float
    idle_p99_ms: float
    frames_p50_ms: float
    frames_p99_ms: float
    frames_most_ms: float
    ratio: float
    """The 99th percentile under load over that of the idle page."""
    rows: int
    """Rows of records in the document at the end."""
    elements: int
    memory_mb: float
    """After the records, garbage collected."""
    memory_later_mb: float
    """After ten times as many."""

    @property
    def holds(self) -> bool:
        """Whether it is as the page promises."""
        smooth = self.frames_p99_ms <= MOST_FRAME_MS or self.ratio <= MOST_RATIO
        return smooth and self.memory_later_mb <= self.memory_mb * MOST_GROWTH and self.rows <= 500


class Log:
    """A log of exchanges as the proxy has it, without a proxy."""

    def __init__(self) -> None:
        self._log = ExchangeLog(10_000)

    def put(self, count: int) -> None:
        """Append this many exchanges that end now."""
        for _ in range(count):
            number = self._log.latest + 1
            made = number % 2 == 1
            answer = b'{"challenge_id": "%032x", "ttl": 60}' % number
            lost = b'{"success": false, "message": "Challenge not found"}'
            sent = None if made else b'{"challenge_id": "%032x", "selections": [1]}' % (number - 1)
            self._log.add(
                ExchangeRecord(
                    b"r%d" % number, "127.0.0.1:50000", b"POST", b"/api/abstract-verify", "round-robin",
                    PODS[number % 2], 200, time.time(), 0.002, ExchangeOutcome.ANSWERED,
                    sent=sent, answer=answer if made else lost,
                )
            )  # fmt: skip

    @property
    def latest_exchange(self) -> int:
        """As the proxy's."""
        return self._log.latest

    def exchanges(self, since: int = 0, limit: int | None = None) -> list[Exchange]:
        """As the proxy's."""
        return self._log.since(since, limit)

    def open_exchanges(self) -> list[Exchange]:
        """None."""
        return []


def stack_routes() -> APIRouter:
    """What the page asks besides: a stack of two pods that stands still."""
    routes = APIRouter()
    routes.get("/dashboard/overview")(stack_state)

    @routes.get("/rules")
    async def rules() -> dict[str, Any]:
        return {"rules": []}

    @routes.get("/dashboard/runs")
    async def runs() -> dict[str, Any]:
        return {"runs": []}

    return routes


async def stack_state() -> dict[str, Any]:
    """A stack of two pods that stands still, as the page shows it first."""
    settings = {"USE_REDIS": "false", "SESSION_STRATEGY": "atomic", "REDIS_TIMEOUT_MS": "2000"}
    return {
        "backend": "embedded", "policy": "round-robin", "redis_engine": "redis", "redis_version": "7.2",
        "spec": {"seed": 1, "policy": "round-robin", "gate": True, "service": None, "pods": 2},
        "endpoints": {"traffic": "", "control": "", "ml": ""}, "redis_state": "running", "keys": [],
        "pods": [{"name": pod, "state": "running", "settings": settings} for pod in PODS],
        "stores": dict.fromkeys(PODS, "memory"), "keys_problem": None, "restarts": True, "runs": True,
        "now": time.time(), "ml_faults": None, "events": [],
    }  # fmt: skip


@contextmanager
def served(log: Log) -> Iterator[str]:
    """The page over ``log``, in a thread's loop; gives its address."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    server = ControlServer(
        control_app([pages.router(stack_state), stream.router(log, None, Notes()), stack_routes()])
    )
    port = asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(30)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(server.close(), loop).result(30)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(30)


def feed(log: Log, rate: int, records: int, stop: threading.Event) -> None:
    """Put ``records`` at ``rate`` a second, fifty times a second."""
    began, put = time.monotonic(), 0
    while put < records and not stop.is_set():
        due = min(records, int((time.monotonic() - began) * rate))
        log.put(due - put)
        put = due
        time.sleep(0.02)


def percentile(values: list[float], share: float) -> float:
    """The value below which this share lies."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def memory_mb(session: CDPSession) -> float:
    """What the page's scripts hold after a collection of garbage."""
    session.send("HeapProfiler.collectGarbage")
    metrics = {item["name"]: item["value"] for item in session.send("Performance.getMetrics")["metrics"]}
    return float(metrics["JSHeapUsedSize"]) / 1e6


def measure(page: Page, address: str, log: Log, rate: int, records: int) -> Measured:
    """Open the page, let records come, and look at it."""
    page.goto(address)
    page.wait_for_selector("svg.picture .pod")
    first = page.evaluate(
        """() => {
            const answer = performance.getEntriesByType('navigation')[0].responseEnd;
            return performance.getEntriesByName('first-picture')[0].startTime - answer;
        }"""
    )
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    idle = percentile(page.evaluate(FRAMES, IDLE_SECONDS), 0.99)
    stop = threading.Event()
    feeder = threading.Thread(target=feed, args=(log, rate, records, stop), daemon=True)
    feeder.start()
    frames = page.evaluate(FRAMES, records / rate)
    feeder.join()
    rows, elements = page.evaluate(
        "() => [document.querySelectorAll('.lanes .row').length, document.querySelectorAll('*').length]"
    )
    memory = memory_mb(session)
    feed(log, rate * 4, records * 9, stop)
    page.wait_for_timeout(1000)
    p99 = percentile(frames, 0.99)
    return Measured(
        first_picture_ms=round(first, 1),
        idle_p99_ms=round(idle, 1),
        frames_p50_ms=round(percentile(frames, 0.5), 1),
        frames_p99_ms=round(p99, 1),
        frames_most_ms=round(max(frames), 1),
        ratio=round(p99 / idle, 2),
        rows=rows,
        elements=elements,
        memory_mb=round(memory, 1),
        memory_later_mb=round(memory_mb(session), 1),
    )


def main() -> int:
    """Measure and print; gives the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=int, default=1000, help="records a second")
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        print("there is no Chromium on PATH", file=sys.stderr)
        return 4
    log = Log()
    with served(log) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
        measured = measure(page, address, log, given.rate, given.records)
        browser.close()
    if given.json:
        print(json.dumps(asdict(measured) | {"holds": measured.holds}))
    else:
        for name, value in asdict(measured).items():
            print(f"{name:18} {value:>9}")
    return 0 if measured.holds else 1


if __name__ == "__main__":
    sys.exit(main())
