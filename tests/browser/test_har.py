"""A recording made by a real Chromium, on a real stack, becomes a scenario."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser

from devenv.core.model.presets import CAPTCHA
from devenv.core.model.topology import Ports, StackSpec
from devenv.stack.embedded.backend import EmbeddedStack
from devenv.verbs.recordings.composing import ImportOptions, compose
from devenv.verbs.recordings.formats.har import parse_har

PAGE = """<!doctype html><title>captcha</title><script>
async function post(path, body) {
  const headers = {'Content-Type': 'application/json', 'Authorization': 'Bearer not-a-real-token-0123456789'};
  const answer = await fetch(path, {method: 'POST', headers, body: JSON.stringify(body)});
  return answer.json();
}
</script>"""


def test_chromium(
    start_stack: Callable[[StackSpec], EmbeddedStack], chromium: Browser, tmp_path: Path
) -> None:
    traffic = start_stack(StackSpec(pods=1, ports=Ports.free())).endpoints().traffic
    file = tmp_path / "browser.har"
    context = chromium.new_context(record_har_path=str(file), record_har_content="embed")
    page = context.new_page()
    page.route("**/captcha.html", lambda route: route.fulfill(body=PAGE, content_type="text/html"))
    page.goto(f"{traffic}/captcha.html")

    def post(path: str, body: Any) -> Any:
        return page.evaluate("([path, body]) => post(path, body)", [path, body])

    created = post("/api/abstract-captcha", {})
    answer = {"challenge_id": created["challenge_id"], "selections": []}
    assert post("/api/abstract-verify", answer)["attempts"] == 1
    context.close()
    composed = compose(
        parse_har(file.read_text(encoding="utf-8"), file.name), CAPTCHA, ImportOptions(2, waits=False)
    )
    assert composed.data["steps"] == [
        {"create": "c1", "pod": "A"},
        {"verify": "c1", "pod": "B", "answer": "wrong", "expect": {"outcome": "wrong"}},
    ]
    assert "not-a-real" not in composed.text
