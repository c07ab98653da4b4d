"""Scenarios played, orders explored and past runs looked at, by clicks."""

from __future__ import annotations

import json
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, expect

from devenv.core.scenario import catalogue
from tests.browser.dashboard.conftest import Stack, Visit, visit

pytestmark = pytest.mark.browser

ORDER = "v1 guess:GET solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET guess:TTL guess:EXEC"
SERIAL = "v1 solve:GET solve:GET solve:TTL solve:EXEC solve:DEL guess:GET"


def test_a_scenario_is_played_stepped_through_and_played_in_another_order(
    chromium: Browser, running: Stack
) -> None:
    running.fresh(use_redis=True, SESSION_STRATEGY="guide")
    opened = visit(chromium, running.url, "scenarios")
    page = opened.page
    expect(page.locator(".scenario")).to_have_count(len(catalogue()))
    expect(page.locator(".scenario .thumbnail")).to_have_count(len(catalogue()))
    page.get_by_role("button", name="An empty selection passes").click()
    page.get_by_role("button", name="Run: guide").click()
    expect(page.locator(".verdict")).to_have_text("as the catalogue expects of guide")
    expect(page.locator("#order")).to_have_value(ORDER)
    expect(page.locator(".msg.pale")).to_have_count(0)
    page.get_by_role("button", name="step back").click()
    expect(page.locator(".msg.pale")).to_have_count(1)
    steps = page.locator(".order li")
    swapped = ORDER.replace("guess:GET solve:GET", "solve:GET guess:GET", 1)
    steps.first.locator("code").drag_to(steps.nth(1).locator("code"))
    expect(page.locator("#order")).to_have_value(swapped)
    page.get_by_role("button", name="Move step 2 forward").click()
    expect(page.locator("#order")).to_have_value(ORDER)
    page.get_by_role("button", name="Move step 1 back").click()
    expect(page.locator("#order")).to_have_value(swapped)
    assert "schedule=v1+solve" in page.url
    page.locator("#order").fill(SERIAL)
    page.locator("#order").blur()
    page.get_by_role("button", name="Run this order").click()
    expect(page.locator(".verdict.bad")).to_be_visible()  # the bug does not come in this order
    page.get_by_role("button", name="Run: atomic").click()  # the same picture for the fix
    expect(page.locator(".verdict.good")).to_have_text("as the catalogue expects of atomic")
    expect(page.locator("svg.sequence .msg").first).to_be_visible()
    page.get_by_role("link", name="The run, with all its records").click()
    expect(page.locator(".runs .lanes .row.redis").first).to_be_visible()
    expect(page.locator('.runs a[aria-current="true"]')).to_have_text("An empty selection passes")
    assert opened.complaints == []


def test_an_exploration_is_followed_and_its_violations_shown(chromium: Browser, running: Stack) -> None:
    running.fresh(use_redis=True, SESSION_STRATEGY="guide")
    opened = visit(chromium, running.url, "explore")
    page = opened.page
    page.locator("#explore-target").fill("R+W")
    page.click("#explore-run")
    expect(page.locator(".finding h3", has_text="lost-attempt")).to_contain_text("confirmed on real pods")
    expect(page.locator(".big")).to_be_visible()
    expect(page.locator("#explore-run")).to_be_enabled()
    lost = page.locator(".finding", has=page.locator("h3", has_text="lost-attempt"))
    lost.get_by_role("button", name="Replay it here").click()
    expect(page.locator(".runs .walk .row.redis").first).to_be_visible()
    searched = page.locator(".runs .list li", has=page.get_by_role("link", name="R+W (guide)"))
    expect(searched.locator(".label.bad")).to_contain_text("3 kinds of violation")
    searched.get_by_role("link").click()
    kept = page.locator(".violations .finding", has=page.locator("h3", has_text="lost-attempt"))
    expect(kept.locator("svg.sequence .msg").first).to_be_visible()
    expect(page.locator(".runs .walk .row.redis").first).to_be_visible()
    expect(page.locator(".findings .finding h3", has_text="resurrected-key")).to_be_visible()
    with page.expect_popup() as popup:
        page.locator("#report").click()
    report = Visit(popup.value).listen()
    expect(report.page.locator("#walk .row.redis").first).to_be_visible()
    report.page.keyboard.press("/")
    report.page.keyboard.type("EXEC")
    expect(report.page.locator("#walk .row.redis .text", has_text="GET")).to_have_count(0)
    assert report.page.evaluate("self.origin") == "null", "its script has no origin with the control API"
    assert opened.complaints + report.complaints == []


def test_a_simulation_is_shown_as_a_line_and_a_table(chromium: Browser, running: Stack) -> None:
    opened = visit(chromium, running.url, "simulate")
    page = opened.page
    page.locator("#simulate-sweep").fill("pods=1..3")
    page.click("#simulate-run")
    expect(page.locator("#simulated tbody tr")).to_have_count(3)
    shares = [float(text.split()[0]) for text in page.locator("#simulated td:nth-child(2)").all_inner_texts()]
    assert shares[0] < 1  # one pod has every session itself; only the time to live ends some
    assert shares[1] == pytest.approx(50, abs=2)  # round-robin: the answer meets another request's turn
    assert shares[2] == pytest.approx(67, abs=2)
    expect(page.locator("devenv-chart canvas")).to_be_visible()
    page.locator("#simulate-sweep").fill("pods=0")
    page.click("#simulate-run")
    expect(page.locator("p.bad")).to_contain_text("pods")
    assert opened.complaints == []


def test_a_rollout_is_shown_with_its_steps(chromium: Browser, running: Stack) -> None:
    steps = [
        {"number": 1, "name": "read both", "predicted_loss": 0.0, "accepted_loss": 0.01, "decision": "go",
         "verdicts": {"kept": 300, "lost": 0}},
        {"number": 2, "name": "write Redis", "predicted_loss": 0.3, "accepted_loss": 0.01, "decision": "stop",
         "verdicts": {"kept": 30, "lost": 10}},
    ]  # fmt: skip
    folder = running.state_dir / "runs" / "20990101T000000Z-rollout-naive"
    folder.mkdir(parents=True)
    results = {"results": steps, "verdict": "fails"}
    (folder / "results.json").write_text(json.dumps(results), encoding="utf-8")
    opened = visit(chromium, running.url, f"runs?run={folder.name}")
    rows = opened.page.locator(".phases tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1).locator("td")).to_have_text(["2. write Redis", "30.0 %", "1.0 %", "25.0 %", "stop"])
    expect(opened.page.locator(".phases .phase.stop .measured")).to_be_visible()
    assert opened.complaints == []


def test_a_wrong_expression_is_refused_with_words(chromium: Browser, running: Stack) -> None:
    page = visit(chromium, running.url, "explore").page
    page.locator("#explore-target").fill("Q+W")
    page.click("#explore-run")
    expect(page.locator("p.bad")).to_contain_text("Q")


def test_a_trace_file_is_shown_and_explained(chromium: Browser, running: Stack, tmp_path: Path) -> None:
    running.fresh()
    traffic = running.status.endpoints.traffic
    made = httpx.post(f"{traffic}/api/abstract-captcha", headers={"X-Devenv-Pod": "a"}).json()
    lost = {"challenge_id": made["challenge_id"], "selections": []}
    httpx.post(f"{traffic}/api/abstract-verify", json=lost, headers={"X-Devenv-Pod": "b"})
    exchanges = httpx.get(f"{running.url}/exchanges", params={"limit": 10_000}).json()["exchanges"][-2:]
    file = tmp_path / "trace.jsonl"
    file.write_text("".join(json.dumps(one) + "\n" for one in exchanges), encoding="utf-8")
    page = visit(chromium, running.url, "runs").page
    page.locator('input[type="file"]').set_input_files(str(file))
    expect(page.locator(".runs .lanes .row")).to_have_count(2)
    expect(page.locator(".findings .finding h3").first).to_be_visible()
    wrong = {"not json": "not JSON", "{}": "not an event of a trace"}
    for line, why in wrong.items():
        file.write_text("".join(json.dumps(one) + "\n" for one in exchanges) + line, encoding="utf-8")
        page.locator('input[type="file"]').set_input_files(str(file))
        expect(page.locator(".banner.bad")).to_contain_text(f"trace.jsonl:3: {why}")
