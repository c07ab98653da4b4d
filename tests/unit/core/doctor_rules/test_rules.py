"""Rules by made-up facts that no server of this machine shows. Real servers: tests/integration."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from devenv.core.diagnosis.findings import CHANGES
from devenv.core.doctor_rules.advice import CAUSES
from devenv.core.doctor_rules.all_rules import diagnose
from devenv.core.doctor_rules.facts import (
    Certificate,
    Created,
    Facts,
    Node,
    Reach,
    Server,
    Speech,
    Tcp,
    Tls,
    Trust,
)
from devenv.core.doctor_rules.store_commands import NEEDS, too_new
from devenv.core.render.junit import junit_xml
from devenv.verbs.doctor.junit import junit_suite
from tests.support import ROOT
from tests.unit.core.doctor_rules.made_up import INFO, POD, WELL, kinds


def test_nothing_is_wrong_with_a_well_server() -> None:
    assert kinds(WELL, needs=NEEDS["atomic"]) == []


def test_of_a_broken_way_only_the_first_break_is_told() -> None:
    broken = replace(WELL, speech=Speech.TLS, ping="NOAUTH", info=replace(INFO, role="slave"))
    assert kinds(broken, created=(Created("f.env", "c1"),)) == ["tls-expected"]


@pytest.mark.parametrize(
    ("version", "needs", "sentences"),
    [
        ("5.0.7", NEEDS["atomic"], ["server-too-old"]),
        ("5.0.7", NEEDS["guide"], []),
        ("6.0.0", NEEDS["atomic"], []),
        ("6.0.16", NEEDS["getdel"], ["server-too-old"]),
        ("6.2.0", NEEDS["getdel"], []),
        ("", NEEDS["atomic"], []),
    ],
)
def test_a_server_older_than_a_command_in_use(
    version: str, needs: tuple[str, ...], sentences: list[str]
) -> None:
    assert kinds(replace(WELL, info=replace(INFO, version=version)), needs=needs) == sentences


def test_versions_are_compared_as_numbers() -> None:
    assert too_new("SET KEEPTTL", (10, 0)) is None
    assert too_new("getdel", (6, 0, 16)) == (6, 2)
    assert too_new("NOSUCHCOMMAND", (1,)) is None


def test_a_replica_without_a_write_probe_is_told_by_its_role() -> None:
    assert kinds(replace(WELL, write=None, info=replace(INFO, role="slave"))) == ["read-only-replica"]


@pytest.mark.parametrize(
    ("created", "kind"),
    [
        (Created("f.env", None, 503, "HTTP 503: Session store unreachable"), "create-refused"),
        (Created("f.env", "c1"), "silent-fallback"),
        (Created("f.env", "c1", key="x:abstract:c1", prefix="x:", db=0), "prefix-differs"),
        (Created("f.env", "c1", key="rcaptcha:abstract:c1", prefix="rcaptcha:", db=1), "prefix-differs"),
        (Created("f.env", "c1", key="rcaptcha:abstract:c1", prefix="rcaptcha:", db=0), None),
    ],
)
def test_where_the_session_of_a_challenge_is(created: Created, kind: str | None) -> None:
    assert kinds(WELL, created=(created,)) == ([] if kind is None else [kind])


def test_a_password_from_a_secret_that_was_not_read_is_no_finding() -> None:
    pod = replace(POD, unknown={"REDIS_PASSWORD": "Secret s"})
    report = diagnose(Facts((pod,), (replace(WELL, ping="NOAUTH Authentication required."),)))
    assert report.findings == ()
    assert any("Secret s" in check.text for check in report.checks)


def test_notes_are_no_findings() -> None:
    held = Certificate("CN=r", "CN=ca", "2026-12-01", 6.6)
    server = replace(
        WELL,
        target=replace(WELL.target, tls=True),
        speech=Speech.TLS,
        tls=Tls(Trust.OK, certificate=held),
        seconds=1.5,
        info=replace(INFO, policy="volatile-ttl", mode="cluster"),
        cluster_state="ok",
        nodes=(Node("10.0.0.9:6379", Tcp(Reach.NOT_TRIED)),),
    )
    report = diagnose(Facts((POD,), (server,)))
    assert report.findings == ()
    assert len(report.notes) == 4


@pytest.mark.parametrize(("ttl", "remarks", "count"), [(None, (), 1), (None, ("x",), 1), (60.0, (), 0)])
def test_a_key_without_a_time_to_live_is_noted(
    ttl: float | None, remarks: tuple[str, ...], count: int
) -> None:
    """Explain's remark is the same fact: it stands alone."""
    session = Created("f.env", "c1", key="web:c1", prefix="web:", db=0, ttl=ttl)
    report = diagnose(Facts((POD,), (WELL,), created=(session,), crossings_remarks=remarks))
    assert len(report.notes) == count
    assert (
        remarks or count == 0 or report.notes[0].startswith("web:c1 has no time to live: it stays in Redis")
    )


def test_every_cause_is_in_the_failure_catalogue_with_advice() -> None:
    assert {cause for cause, _ in CAUSES.values()} <= {*CHANGES}


def test_every_cause_has_its_place_in_the_page_or_waits_for_its_scenario() -> None:
    page = (ROOT / "docs" / "failures.md").read_text(encoding="utf-8")
    missing = {cause for cause, _ in CAUSES.values() if f"(#{cause})" not in page}
    assert missing <= {"standalone-cluster-client", "announce-unreachable"}


def test_junit_has_a_case_for_each_check() -> None:
    report = diagnose(Facts((POD,), (replace(WELL, write=None, info=replace(INFO, role="slave")),)))
    text = junit_xml([junit_suite(report)])
    assert text.count("<testcase") == len(report.checks)
    assert text.count("<failure") == 1
    assert 'type="read-only-replica"' in text
    assert "f.env:2" in text


def test_json_has_file_and_line() -> None:
    report = diagnose(Facts((POD,), (Server(WELL.target, WELL.pods, tcp=Tcp(Reach.REFUSED)),))).to_json()
    (finding,) = json.loads(json.dumps(report))["findings"]
    assert finding["change"]["file"] == "f.env"
    assert finding["change"]["line"] == 3
    assert finding["cause"] == "wrong-port"


def test_the_page_has_every_finding_with_its_cause() -> None:
    page = (ROOT / "docs" / "doctor.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1:3] for line in page.splitlines() if line.startswith("| `")]
    assert {kind.strip(" `"): cause.strip() for kind, cause in rows} == {
        kind: cause for kind, (cause, _) in CAUSES.items()
    }
