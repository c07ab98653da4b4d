"""A random walk over the page: it shows held what the gate holds, no row twice, each release acknowledged."""

from __future__ import annotations

from random import Random
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.dashboard.conftest import Stack, visit
from tests.support import until

pytestmark = pytest.mark.browser

ACTIONS = 500
IDS = "() => [...document.querySelectorAll('.lanes .row')].map(row => row.id)"
HELD = "() => [...document.querySelectorAll('.heldrow')].map(row => Number(row.dataset.seq))"
SEND = """(path) => {
    const token = document.querySelector('meta[name="devenv-token"]').content;
    const body = JSON.stringify({path, request_id: "the-same-for-all"});
    const headers = {"Content-Type": "application/json", "X-Devenv-Token": token};
    void fetch("/dashboard/send", {method: "POST", body, headers});
}"""
RELEASES = """() => {
    window.released = [];
    const ask = window.fetch;
    window.fetch = async (...given) => {
        const answer = await ask(...given);
        if (given[0] === "/release") {
            const seq = JSON.parse(given[1].body).seq;
            window.released.push([seq, (await answer.clone().json()).released.map(one => one.seq)]);
        }
        return answer;
    };
}"""


def act(page: Page, running: Stack, chance: Random) -> None:
    """One action, as a person with a keyboard and a mouse might do it."""
    keys = ["n", "s", "r", "l", "p", "h", "End", "Home", "ArrowUp", "ArrowDown", "PageUp"]
    kind = chance.choice(["key"] * 6 + ["request"] * 3 + ["filter"])
    if kind == "key":
        key = chance.choice(keys)
        page.locator("#main" if len(key) == 1 else ".lanes .scroll").focus()
        page.keyboard.press(key)
    elif kind == "request":
        page.evaluate(
            SEND,
            "/api/abstract-captcha",
        )
    else:
        page.select_option('select[aria-label="kind"]', chance.choice(["", "redis", "exchange"]))


def gate(running: Stack) -> list[int]:
    held: list[dict[str, Any]] = httpx.get(f"{running.url}/held").json()["held"]
    return sorted(one["seq"] for one in held)


def test_three_properties_hold_on_a_random_walk(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    opened = visit(chromium, running.url)
    page = opened.page
    page.evaluate(RELEASES)
    chance = Random(13)
    for number in range(1, ACTIONS + 1):
        act(page, running, chance)
        ids = page.evaluate(IDS)
        assert len(ids) == len(set(ids)), f"action {number}"
        if number % 25 == 0:
            until(
                lambda: sorted(page.evaluate(HELD)) == gate(running),
                "the page shows what the gate holds",
                0.05,
            )
    httpx.post(f"{running.url}/reset")
    expect(page.locator(".heldrow")).to_have_count(0)
    releases = page.evaluate("() => window.released")
    assert len(releases) > 20
    assert [answer for seq, answer in releases if answer not in ([seq], [])] == []
    commands = httpx.get(f"{running.url}/commands", params={"limit": 10_000}).json()["commands"]
    fates = {one["seq"]: one["fate"] for one in commands}
    acknowledged = [seq for seq, answer in releases if answer]
    assert [seq for seq in acknowledged if fates[seq] == "held"] == []
    assert opened.complaints == []
