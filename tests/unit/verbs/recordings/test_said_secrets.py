"""What sentences, commands, code and documents say is taken out where it is secret; the rest stays."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from devenv.verbs.recordings.redaction import Redactor
from devenv.verbs.recordings.said_secrets import open_said

KINDS = json.loads(Path(__file__).with_name("planted_secrets.json").read_text("utf-8").replace("\u27c2", ""))
"""Invented secrets where a person has them; a sign in some texts keeps them from looking like real ones."""


def left(text: str, kind: str) -> str:
    if kind == "target":
        return Redactor().target(text)
    clean = Redactor().body(text, kind)
    return clean if isinstance(clean, str) else json.dumps(clean, ensure_ascii=False)


def test_no_planted_secret_survives() -> None:
    survived = []
    for text, kind, secret in KINDS["planted"]:
        assert secret in text or secret in json.dumps(json.loads(text), ensure_ascii=False)
        if secret in left(text, kind):
            survived.append(text)
    assert survived == []
    assert len(KINDS["planted"]) > 350


def test_what_scenarios_need_stays() -> None:
    bodies = [(body, Redactor().body(json.dumps(body), "application/json")) for body in KINDS["needed"]]
    assert [clean for body, clean in bodies if clean != body] == []
    assert [target for target in KINDS["targets"] if Redactor().target(target) != target] == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sshpass -p hunter7 ssh a@b -p 22", "sshpass -p REDACTED ssh a@b -p 22"),
        ("AUTH default hunter7\nGET a", "AUTH default REDACTED\nGET a"),
        ("the password is hunter7.", "the password is REDACTED."),
        ("a1 LOGIN bob hunter7", "a1 LOGIN bob REDACTED"),
        ("the password is wrong", "the password is wrong"),
        ("INSERT INTO u (id, pwd) VALUES (1, 'a')", "INSERT INTO u (id, pwd) VALUES (1, 'REDACTED')"),
        ("verified 1024 in 3500 ms", "verified 1024 in 3500 ms"),
        ("error code 1045: access", "error code 1045: access"),
        ("Use code 482913 to sign in", "Use code REDACTED to sign in"),
    ],
)  # fmt: skip
def test_only_the_secret_of_a_text_changes(text: str, shown: str) -> None:
    assert open_said(text, lambda name, value: "REDACTED") == shown


def test_a_variable_of_graphql_keeps_its_place_and_loses_its_value() -> None:
    body = {"query": "mutation($x: String!) { login(password: $x) { ok } }", "variables": {"x": "hunter7"}}
    assert Redactor().body(json.dumps(body)) == {**body, "variables": {"x": "REDACTED"}}


def test_names_that_are_secrets_themselves_stay_apart() -> None:
    body = {"a@example.com": 1, "b@example.com": 2}
    assert Redactor().body(json.dumps(body)) == {"REDACTED": 1, "REDACTED+": 2}
