"""A report's lanes: the records as data that runs nothing, one script that is allowed by its hash."""

from __future__ import annotations

import json
import re

import pytest

from devenv.core.model.backends import Language
from devenv.core.model.events import RedisCommand, StackEvent
from devenv.core.render import lanes
from devenv.core.render.document import Document
from devenv.core.render.html import render
from devenv.core.render.page_files import digest

EVIL = "</script><script>alert(1)</script><!--"


def command(seq: int, reply: str = "OK") -> RedisCommand:
    return RedisCommand(seq, "captcha-api-a", 1, "GET", ("k",), "k", reply, float(seq), seq + 0.1)


def document(*events: RedisCommand | StackEvent, language: Language = "en") -> Document:
    return Document(language, "t", "s", True, "v", (), "facts", (), "commands", (), events)


def test_without_records_no_script_may_run() -> None:
    page = render(document())
    assert "<script" not in page
    assert "script-src" not in page


@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_policy_names_the_one_script(language: Language) -> None:
    page = render(document(command(1), language=language))
    [script] = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == "'none'"
    assert rules["script-src"] == digest(script)
    assert rules["require-trusted-types-for"] == "'script'"
    assert page.count("<script") == 2
    assert re.findall(r'(?:src|href)="', page) == []


def test_records_are_data_whatever_they_say() -> None:
    page = render(document(command(1, EVIL)))
    [text] = re.findall(r'<script type="application/json" id="events">(.*?)</script>', page, re.DOTALL)
    assert "<" not in text
    assert [record["reply"] for record in json.loads(text)] == [EVIL]


def test_the_script_has_no_way_to_ask_for_anything() -> None:
    [(modules, text)] = [
        (set(re.findall(r'^devenvModules\["js/([^"]+)"\]', text, re.MULTILINE)), text)
        for text in re.findall(
            r'<script type="module">(.*?)</script>', render(document(command(1))), re.DOTALL
        )
    ]
    assert {"lanes.js", "walk.js", "report.js"} <= modules
    assert re.findall(r"fetch\(|XMLHttpRequest|EventSource|WebSocket|sendBeacon", text) == []
    korean = render(document(command(1), language="ko"))
    assert 'devenvModules["js/korean.js"] ??=' in korean
    assert 'devenvModules["js/korean.js"] ??=' not in text


def test_more_records_than_a_report_takes_are_counted() -> None:
    many = [command(seq) for seq in range(1, lanes.MOST_RECORDS + 3)]
    page = render(document(*many))
    [text] = re.findall(r'id="events">(.*?)</script>', page, re.DOTALL)
    assert len(json.loads(text)) == lanes.MOST_RECORDS
    assert f"The first {lanes.MOST_RECORDS} of {lanes.MOST_RECORDS + 2} records" in page
