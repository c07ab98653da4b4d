"""docs/clients.md is what its data make of it; what explain says of a client agrees with the measurement."""

from __future__ import annotations

import json
from typing import Any

import pytest

from devenv.core.diagnosis.clients import FROM_URL, clients_of
from devenv.core.model.events import RedisCommand
from devenv.core.resp.command_shapes import shape_of
from tests.support import ROOT
from tools.clients_page.measuring import CASES, CLIENTS
from tools.clients_page.page import COMMAND, cell, render

DOCS = ROOT / "docs"
DATA: dict[str, Any] = json.loads((DOCS / "clients.json").read_text(encoding="utf-8"))
TITLES = [client.title for client in CLIENTS]


def test_the_page_is_current() -> None:
    assert render(DATA) == (DOCS / "clients.md").read_text(encoding="utf-8"), f"run {COMMAND}"


def test_every_client_was_measured_in_every_case() -> None:
    assert sorted(DATA["clients"]) == sorted(TITLES)
    assert all(case in measured for measured in DATA["clients"].values() for case in CASES)


@pytest.mark.parametrize("title", TITLES)
def test_rules_leave_out_what_the_client_sends_on_connecting(title: str) -> None:
    for command in DATA["clients"][title]["handshake"]:
        assert shape_of(command.encode().split()).handshake, command


@pytest.mark.parametrize("title", TITLES)
def test_explain_says_of_the_defaults_what_was_measured(title: str) -> None:
    measured = DATA["clients"][title]
    words = [command.split() for command in measured["handshake"]]
    size = [2 if word[0] == "CLIENT" else 1 for word in words]
    sent = [
        RedisCommand(1, "a", 1, " ".join(word[:n]), tuple(word[n:]), None, "OK", 1.0, 1.0)
        for word, n in zip(words, size, strict=True)
    ]
    if not sent:
        assert clients_of(sent) == {}, "a client that sends nothing on connecting has no name"
        return
    client = clients_of(sent)["a", 1]
    if not any("LIB-NAME" in command for command in measured["handshake"]):
        assert client.title.endswith(f", as {title.split()[0]} does") and client.defaults is None
        return
    usual, _, of_url = (client.defaults or "").partition(FROM_URL)
    message = of_url if title.endswith(" from_url") else usual
    gives_up = "gives up" in message or ("asyncio" in title and "asyncio client 5 s" in message)
    assert ("waits for ever" in usual and not gives_up) == measured["lost"]["waiting"], message
    assert ("cut connection is an error" in message or "sends nothing again" in message) == (
        measured["cut"]["error"] is not None
    ), message
    assert ("sends the command again" in message) == (measured["cut"]["runs"] > 1), message


@pytest.mark.parametrize(
    ("measured", "text"),
    [
        ({"runs": 1, "waiting": True, "value": None, "error": None, "seconds": 8.0},
         "no answer in 8 s, 1 run"),
        ({"runs": 2, "waiting": False, "value": None, "error": None, "seconds": 5.12},
         "nothing under the key after 5.1 s, 2 runs"),
        ({"runs": 1, "waiting": False, "value": None, "error": "E", "seconds": 0.0}, "E at once, 1 run"),
    ],
)  # fmt: skip
def test_a_cell(measured: dict[str, Any], text: str) -> None:
    assert cell(measured) == text
