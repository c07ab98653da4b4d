"""What can be changed and looked at while the stack runs: each control does what it says, on a real stack."""

from __future__ import annotations

import re
import shutil
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from devenv.harness.redis.keys import connected
from tests.browser.dashboard.conftest import Stack, visit
from tests.support import until

pytestmark = pytest.mark.browser


def settings(running: Stack, name: str) -> list[str | None]:
    """A variable of every pod, in their order."""
    return [pod.settings.get(name) for pod in running.journaled.status().pods]


def idle(page: Page) -> None:
    """Nothing is under way that the page has started."""
    expect(page.locator(".banner.busy")).to_have_count(0)


def test_the_store_of_one_pod_and_the_time_to_live_of_all(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    opened = visit(chromium, running.url)
    page = opened.page
    page.get_by_label("Store of pod b").select_option("watch")
    expect(page.get_by_label("Store of pod b")).to_have_value("watch")
    idle(page)
    assert settings(running, "SESSION_STRATEGY") == ["atomic", "watch"]
    page.locator("#ttl").fill("77")
    page.locator("#ttl").press("Enter")
    until(lambda: settings(running, "CAPTCHA_TTL") == ["77", "77"], "the pods have the time to live")
    idle(page)
    for wrong in ("", "0", "3601", "1.5"):
        page.locator("#ttl").fill(wrong)
        page.locator("#ttl").press("Enter")
        expect(page.locator("#ttl")).to_have_value("77")
    idle(page)
    assert settings(running, "CAPTCHA_TTL") == ["77", "77"]
    assert opened.complaints == []


def test_a_pod_is_paused_and_resumed(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.get_by_role("button", name="Pause pod a").click()
    expect(page.locator(".part.pod.down")).to_contain_text("paused")
    assert [pod.state for pod in running.journaled.status().pods] == ["paused", "running"]
    page.get_by_role("button", name="Resume pod a").click()
    expect(page.locator(".part.pod.down")).to_have_count(0)


def test_mock_ml_is_made_slow_and_made_to_fail(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url).page

    def faults() -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = httpx.get(f"{running.status.endpoints.ml}/faults").json()["rules"]
        return [rule for rule in rules if rule["endpoint"] == "*"]

    page.get_by_label("mock ML latency, ms").fill("300")
    page.get_by_label("mock ML latency, ms").press("Enter")
    until(lambda: [rule["latency_ms"] for rule in faults()] == [300], "mock ML is slow")
    idle(page)
    page.get_by_label("errors").select_option("0.5")
    until(lambda: [(rule["latency_ms"], rule["error_rate"]) for rule in faults()] == [(300, 0.5)], "it fails")
    idle(page)
    page.reload()
    expect(page.get_by_label("mock ML latency, ms")).to_have_value("300")
    page.get_by_label("errors").select_option("0")
    until(lambda: [(rule["latency_ms"], rule["error_rate"]) for rule in faults()] == [(300, 0)], "none fails")
    idle(page)
    page.get_by_label("mock ML latency, ms").fill("0")
    page.get_by_label("mock ML latency, ms").press("Enter")
    until(lambda: all(not rule["latency_ms"] and not rule["error_rate"] for rule in faults()), "it is well")


def test_what_is_written_in_a_field_is_not_overwritten(chromium: Browser, running: Stack) -> None:
    """What the stack says while somebody writes is shown in a field that nobody writes in."""
    opened = visit(chromium, running.url)
    latency, ttl = opened.page.get_by_label("mock ML latency, ms"), opened.page.locator("#ttl")
    shown = ttl.input_value()
    latency.focus()
    opened.page.keyboard.press("ControlOrMeta+a")
    opened.page.keyboard.type("45")  # and goes on
    seen = """([latency, ttl]) => {
        const { overview } = devenvModules['js/state.js'];
        const changed = (pod) => ({...pod, settings: {...pod.settings, CAPTCHA_TTL: ttl}});
        const pods = overview.value.pods.map(changed);
        const rules = [{endpoint: '*', latency_ms: latency, error_rate: 0}];
        overview.value = {...overview.value, pods, ml_faults: {rules}};
        return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn())));
    }"""
    opened.page.evaluate(seen, [300, "99"])
    expect(ttl).to_have_value("99")
    expect(latency).to_have_value("45")
    opened.page.keyboard.type("0")
    expect(latency).to_have_value("450")
    opened.page.keyboard.press("ControlOrMeta+a")
    opened.page.keyboard.type("0")  # as it was: nothing is asked for
    ttl.focus()
    opened.page.evaluate(seen, [700, shown])
    expect(latency).to_have_value("700")
    expect(ttl).to_have_value(shown)
    assert opened.complaints == []


@pytest.mark.skipif(shutil.which("nginx") is None, reason="nginx is not installed")
def test_a_balancer_is_put_in_front_and_taken_away(chromium: Browser, running: Stack) -> None:
    running.fresh()
    opened = visit(chromium, running.url)
    page, policy = opened.page, opened.page.locator("#policy")
    policy.focus()
    expect(policy.locator("option", has_text="nginx:ip_hash")).to_have_count(1)
    for chooser in ("nginx:ip_hash", "nginx:round_robin", "random"):
        policy.select_option(chooser)
        idle(page)
        expect(policy).to_have_value(chooser)
        page.locator("#search").fill(chooser)
        page.click("#send-create")
        page.locator(".lanes .row.exchange", has_text="created").last.click()
        page.mouse.move(1, 1)
        expect(page.locator(".detail .facts")).to_contain_text(chooser)
        assert httpx.get(f"{running.url}/policy").json()["policy"] == chooser
    policy.select_option("round-robin")
    idle(page)
    assert opened.complaints == []


def test_rules_of_the_gate_are_added_and_removed(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.locator(".rules summary").click()
    page.locator(".rules select").select_option("error")
    page.locator(".rules input").first.fill("EVALSHA")
    page.get_by_role("button", name="Add the rule").click()
    listed = page.locator(".rules li")
    expect(listed).to_have_count(1)
    [rule] = httpx.get(f"{running.url}/rules").json()["rules"]
    assert (rule["action"], rule["command"]) == ("error", "EVALSHA")
    listed.get_by_role("button").click()
    expect(listed).to_have_count(0)
    assert httpx.get(f"{running.url}/rules").json()["rules"] == []
    page.locator(".rules select").select_option("delay")
    page.locator(".rules input").last.fill("100000")
    page.get_by_role("button", name="Add the rule").click()
    expect(page.locator(".banner.bad")).to_contain_text("seconds")


def test_two_held_commands_are_dragged_into_the_other_order(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.locator("#hold-all").check()
    for number, pod in enumerate("ab", start=1):
        page.select_option("#send-pod", f"captcha-api-{pod}")
        page.click("#send-create")
        expect(page.locator(".heldrow")).to_have_count(number)
    first, second = (row.get_attribute("data-seq") for row in page.locator(".heldrow").all())
    page.locator(f'.heldrow[data-seq="{second}"] code').drag_to(page.locator(f'.heldrow[data-seq="{first}"]'))
    expect(page.locator(".heldrow").first).to_have_attribute("data-seq", str(second))
    page.locator("#main").focus()
    page.keyboard.press("s")
    expect(page.locator(f'.heldrow[data-seq="{second}"]')).to_have_count(0)
    expect(page.locator(f'.heldrow[data-seq="{first}"]')).to_have_count(1)
    page.locator("#hold-all").uncheck()
    expect(page.locator(".heldrow")).to_have_count(0)


def test_a_command_is_shown_in_full_a_challenge_explained_alone(chromium: Browser, running: Stack) -> None:
    running.fresh()
    page = visit(chromium, running.url).page
    page.click("#send-ten")
    expect(page.locator("#send-last")).to_contain_text("10 visitors")
    chart = page.locator("devenv-chart[role=img]")
    expect(chart).to_have_attribute("aria-label", re.compile(r"not found: \d+$"))
    expect(chart.locator("canvas")).to_be_visible()
    page.locator(".lanes .row.exchange", has_text="created").last.click()
    page.mouse.move(1, 1)
    page.get_by_role("button", name="Explain this challenge alone").click()
    expect(page.locator(".finding h3").first).to_contain_text("pod-memory")
    expect(page.locator(".why .verdict")).to_contain_text("1 challenge, 1 answer")
    page.get_by_role("link", name="Find a failing order").click()
    expect(page.locator("#explore-target")).to_have_value("R+W")
    expect(page.locator("#explore-run")).to_be_enabled()
    page.go_back()
    page.click("#all-atomic")
    expect(page.locator(".use-redis:checked")).to_have_count(2)
    idle(page)
    page.click("#send-create")
    expect(page.locator("#send-last")).to_contain_text("made by pod")
    row = page.locator(".lanes .row.redis").last
    row.hover()
    shown = page.locator(".live .detail")
    expect(shown.locator("h4").first).to_contain_text("command")
    [command] = httpx.get(f"{running.url}/commands", params={"limit": 10_000}).json()["commands"][-1:]
    expect(shown.locator("pre").first).to_have_text(" ".join([command["command"], *command["args"]]))
    expect(shown.locator("pre").last).to_have_text(command["reply"])
    page.select_option('select[aria-label="pod"]', "captcha-api-b")
    expect(page.locator(".lanes .row .podname", has_text=re.compile("a$"))).to_have_count(0)
    assert "pod=captcha-api-b" in page.url


def test_keys_show_their_time_their_maker_and_what_is_odd(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True)
    page = visit(chromium, running.url).page
    page.select_option("#send-pod", "captcha-api-b")
    page.click("#send-create")
    expect(page.locator("#send-last")).to_contain_text("made by pod b")
    stub = "rcaptcha:abstract:" + "f" * 32
    with connected(running.status.endpoints) as client:
        client.set(stub, '{"attempts": 1}')
        expect(page.locator(".chip")).not_to_have_count(0)
        kept = page.locator(".chip").count()
        page.click("#all-memory")
        expect(page.locator(".use-redis:checked")).to_have_count(0)
        idle(page)
        expect(page.locator(".chip")).to_have_count(kept)  # Redis still has what was written there
        page.goto(f"{running.url}/#/keys")
        odd = page.locator("tbody tr", has=page.get_by_title(stub))
        expect(odd).to_have_class("bad")
        expect(odd).to_contain_text("no TTL")
        expect(odd).to_contain_text("stub document: only attempts")
        made = page.locator("tbody tr:not(.bad)", has=page.locator("meter")).filter(
            has=page.get_by_role("cell", name="b", exact=True)
        )
        left = made.first.locator("td.ttl")
        before = left.text_content()
        expect(left).not_to_have_text(str(before))  # it runs down
        client.delete(stub)
    expect(odd).to_have_count(0)
