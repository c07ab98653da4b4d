from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from devenv.core.model.bodies import sent_fields
from devenv.core.model.errors import UsageProblem
from devenv.core.model.ids import ChallengeId
from devenv.core.model.mcp import MCP_SESSION
from devenv.core.model.presets import CAPTCHA, PRESETS, profile_from_text
from devenv.core.model.requests import public_headers
from devenv.core.model.service import Kind, Request, Rule, ServiceProfile, ServiceSpec, opens, value_at
from devenv.core.model.session_profile import Fix
from devenv.core.model.topology import StackSpec
from devenv.core.model.vocabulary import Outcome

GONE = Rule(status=(400, 404), text="no such session")


@pytest.mark.parametrize(
    ("status", "text", "holds"),
    [
        (404, "no such session 5", True),
        (404, "Not Found", False),
        (200, "no such session", False),
        (404, "", False),
    ],
)
def test_a_rule_can_look_for_a_part_of_a_text_that_is_no_json(status: int, text: str, holds: bool) -> None:
    assert GONE.holds(status, {}, text) is holds


def test_requests_beside_verify_are_read_and_never_taken_for_it() -> None:
    profile = replace(REST, kinds={"sum": replace(REST.kinds["sum"], also=(Request("/live/{id}", "GET"),))})
    reading = profile.read("GET", "/live/c1", {}, {})
    assert reading is not None and (reading.use, reading.session) == ("also", "c1")
    assert ServiceProfile.from_json(json.loads(json.dumps(profile.to_json()))) == profile


@pytest.mark.parametrize(
    ("status", "session", "opened"),
    [
        (201, None, True),
        (303, "c1", True),
        (302, None, False),
        (307, "c1", False),
        (404, "c1", False),
        (None, "c1", False),
    ],
)
def test_a_redirect_opens_a_session_where_it_carries_one(
    status: int | None, session: str | None, opened: bool
) -> None:
    assert opens(status, session) is opened


REST = ServiceProfile(
    name="rest",
    kinds={
        "sum": Kind(
            Request("/challenges"),
            Request("/challenges/{id}/answer", "PUT", {"sum": "{answer}"}, {"X-Ticket": "{id}"}),
        )
    },
    not_found=(Rule(status=(404,)),),
    success=(Rule(differs={"state": "no"}),),
    wrong=(Rule(equals={"state": "no"}, contains={"why": "wrong"}),),
    id_field="data.id",
    fields={"message": "why", "attempts": "meta.tries"},
)


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (200, {"success": True}, Outcome.SUCCESS),
        (200, {"success": 1}, Outcome.ERROR),
        (200, {"success": False, "message": "Challenge not found"}, Outcome.NOT_FOUND),
        (200, {"success": False}, Outcome.WRONG),
        (200, {"success": False, "message": None}, Outcome.WRONG),
        (200, {"success": False, "message": "no", "attempts": 0}, Outcome.WRONG),
        (200, {"success": False, "message": "no", "downshift": True}, Outcome.WRONG),
        (200, {"success": False, "message": "ML predict failed: x"}, Outcome.ERROR),
        (503, {"success": True}, Outcome.ERROR),
        (None, {}, Outcome.ERROR),
        (200, {}, Outcome.ERROR),
    ],
)
def test_the_captcha_preset_reads_answers_as_the_contract_says(
    status: int | None, body: dict[str, Any], outcome: Outcome
) -> None:
    assert CAPTCHA.outcome(status, body) is outcome


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (404, {}, Outcome.NOT_FOUND),
        (200, {"state": "yes"}, Outcome.SUCCESS),
        (200, {"state": "no", "why": "a wrong sum"}, Outcome.WRONG),
        (200, {"state": "no", "why": "late"}, Outcome.ERROR),
        (200, {}, Outcome.ERROR),
        (500, {"state": "yes"}, Outcome.ERROR),
    ],
)
def test_rules_of_ones_own(status: int, body: dict[str, Any], outcome: Outcome) -> None:
    assert REST.outcome(status, body) is outcome


def test_a_request_is_filled_everywhere() -> None:
    filled = REST.kinds["sum"].verify.fill(ChallengeId("a/b c"), 7)
    assert (filled.method, filled.path) == ("PUT", "/challenges/a%2Fb%20c/answer")
    assert filled.headers == {"X-Ticket": "a/b c"}
    assert filled.body == {"sum": 7}


FORM = replace(
    REST,
    kinds={
        "image": Kind(
            Request("/captcha/new", "GET"), Request("/check", form={"captchaId": "{id}", "text": "{answer}"})
        )
    },
    id_field="captchaId",
)


def test_a_use_may_be_an_html_form() -> None:
    sent = FORM.kinds["image"].verify.fill(ChallengeId("k+T/1"), "a b")
    content, headers = sent.encoded()
    assert content == b"captchaId=k%2BT%2F1&text=a+b"
    assert headers == {"Content-Type": "application/x-www-form-urlencoded"}
    used = FORM.read("POST", "/check", sent_fields(content.decode()), {})
    assert used is not None
    assert used.session == "k+T/1"
    assert FORM.kinds["image"].takes_answer
    assert ServiceProfile.from_json(FORM.to_json()) == FORM


def test_json_is_sent_with_its_type_unless_the_profile_names_one() -> None:
    request = Request("/x", body={"id": "{id}"})
    assert request.fill(ChallengeId("ü")).encoded() == (
        '{"id":"ü"}'.encode(),
        {"Content-Type": "application/json"},
    )
    changed = replace(request, headers={"content-type": "application/vnd.x+json"})
    assert changed.fill(ChallengeId("a")).encoded()[1] == {"content-type": "application/vnd.x+json"}
    assert Request("/x").fill(None).encoded() == (None, {})


def test_an_id_that_is_a_number_stays_one() -> None:
    opened = {"data": {"id": 4711}}
    challenge_id = REST.session_of({}, opened)
    assert challenge_id == "4711"
    assert REST.session_of({}, {"data": {"id": 0}}) == "0"
    assert REST.session_of({}, {"data": {"id": True}}) is None
    request = Request("/use/{id}", body={"id": "{id}", "note": "no {id}"}, headers={"X": "{id}"})
    sent = request.fill(REST.id_to_send(challenge_id, opened))
    assert sent.body == {"id": 4711, "note": "no 4711"}
    assert (sent.path, sent.headers) == ("/use/4711", {"X": "4711"})
    assert request.fill(REST.id_to_send(ChallengeId("x"), {"data": {"id": "x"}})).body["id"] == "x"
    numbered = replace(REST, kinds={"n": Kind(Request("/new"), Request("/use", body={"id": "{id}"}))})
    used = numbered.read("POST", "/use", {"id": 4711}, {})
    assert used is not None
    assert used.session == "4711"


@pytest.mark.parametrize(
    ("answer", "text"), [(7, "7"), ("a b&c", "a%20b%26c"), ([1, 2], "%5B1%2C%202%5D"), (None, "")]
)
def test_an_answer_in_the_query_is_filled_and_read_again(answer: object, text: str) -> None:
    kind = Kind(Request("/new"), Request("/check/{id}?answer={answer}", "GET"))
    filled = kind.verify.fill(ChallengeId("a/1"), answer)
    assert filled.path == f"/check/a%2F1?answer={text}"
    assert kind.takes_answer
    reading = replace(REST, kinds={"sum": kind}).read("GET", filled.path, {}, {})
    assert reading is not None
    assert (reading.use, reading.session) == ("verify", "a/1")


def test_without_an_id_what_is_only_the_id_is_left_out() -> None:
    filled = CAPTCHA.kinds["handwriting"].verify.fill(None, "data:…")
    assert filled.body == {"image_base64": "data:…"}
    assert MCP_SESSION.kinds["mcp"].verify.fill(None).headers.keys() == {"Accept"}


def test_what_was_sent_is_recognised_again() -> None:
    created = REST.read("POST", "/challenges", {}, {"data": {"id": "x7"}})
    assert created is not None
    assert (created.use, created.kind, created.session) == ("create", "sum", "x7")
    sent = REST.kinds["sum"].verify.fill(ChallengeId("x/7"), 1)
    used = REST.read("PUT", sent.path, sent.body, {"why": "wrong", "meta": {"tries": 2}})
    assert used is not None
    assert (used.use, used.session) == ("verify", "x/7")
    assert used.answer["message"] == "wrong"
    assert used.answer["attempts"] == 2
    assert REST.read("GET", sent.path, {}, {}) is None
    assert REST.read("POST", "/elsewhere", {}, {}) is None


def test_a_session_in_a_header_is_told_apart_by_the_body() -> None:
    hello = MCP_SESSION.kinds["mcp"].create.fill(None).body
    opened = MCP_SESSION.read("POST", "/mcp", hello, {}, "abc")
    used = MCP_SESSION.read("POST", "/mcp", {"method": "tools/list"}, {}, "abc")
    assert opened is not None
    assert used is not None
    assert (opened.use, used.use) == ("create", "verify")
    assert opened.session == used.session == "abc"
    assert MCP_SESSION.session_of({"mcp-session-id": "abc"}, {}) == "abc"
    assert MCP_SESSION.outcome(404, {"error": {}}) is Outcome.NOT_FOUND
    assert MCP_SESSION.outcome(200, {"result": {}}) is Outcome.SUCCESS
    assert MCP_SESSION.outcome(400, {"error": {}}) is Outcome.ERROR


SHOP = replace(REST, name="shop", id_field="", id_cookie="shop.sid")


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({"set-cookie": "shop.sid=s%3Aab.c-d; Path=/; HttpOnly"}, "s%3Aab.c-d"),
        ({"set-cookie": "theme=dark; Path=/, shop.sid=ab; Path=/"}, "ab"),
        ({"cookie": "theme=dark; shop.sid=ab"}, "ab"),
        ({"cookie": "shop.sid=old", "set-cookie": "shop.sid=new; Path=/"}, "new"),
        ({"cookie": "shop.sid=ab", "set-cookie": "theme=dark"}, "ab"),
        ({"cookie": "shopxsid=no; myshop.sid=no"}, None),
        ({"set-cookie": "shop.sid=; Max-Age=0"}, None),
        ({"shop.sid": "no"}, None),
        ({}, None),
    ],
)
def test_a_session_in_a_cookie(headers: dict[str, str], message: str | None) -> None:
    assert SHOP.carried(headers) == message
    assert SHOP.session_of(headers, {"data": {"id": "no"}}) == message
    used = SHOP.read("PUT", "/challenges/x/answer", {}, {}, message)
    opened = SHOP.read("POST", "/challenges", {}, {"data": {"id": "no"}}, message)
    assert used is not None
    assert opened is not None
    assert (used.session, opened.session) == ("x", message)


@pytest.mark.parametrize("profile", [*PRESETS.values(), REST, SHOP], ids=lambda item: item.name)
def test_a_profile_survives_its_text(profile: ServiceProfile) -> None:
    assert profile_from_text(json.dumps(profile.to_json())) == profile


@pytest.mark.parametrize("text", ["", "{}", "[]", "{", '{"kinds": 3}', '"x"'])
def test_a_broken_text_is_the_captcha_preset(text: str) -> None:
    assert profile_from_text(text) is CAPTCHA


def test_a_stack_with_a_service_survives_its_json() -> None:
    service = ServiceSpec(
        "/srv", REST, command=("node", "x.js"), env={"A": "{redis_url}"}, allow_env=("B",), ready=("/up",)
    )
    spec = StackSpec(service=service)
    again = StackSpec.from_json(json.loads(json.dumps(spec.to_json())))
    assert again == spec
    assert again.profile == REST
    assert StackSpec.from_json(json.loads(json.dumps(StackSpec().to_json()))).profile is CAPTCHA


def test_a_header_that_only_places_the_id_is_public() -> None:
    """doctor asks a running stack for a session by what is public of [session]."""
    headers = {"Authorization": "Bearer {id}", "X-Token": "{id}", "X-Key": "s3cret", "X-Both": "s3cret {id}"}
    assert public_headers(headers) == {**headers, "X-Key": "", "X-Both": ""}


def test_values_of_variables_are_not_public() -> None:
    service = ServiceSpec("/srv", REST, app="a:b", env={"TOKEN": "s3cret"})
    assert "s3cret" not in str(service.public())
    assert list(service.public().env) == ["TOKEN"]


def test_value_at_goes_into_lists_and_stops_at_nothing() -> None:
    body = {"a": [{"b": 1}], "c": None}
    assert value_at(body, "a.0.b") == 1
    assert value_at(body, "a.1.b") is None
    assert value_at(body, "a.x") is None
    assert value_at(body, "c.d") is None


@pytest.mark.parametrize(
    ("path", "sent", "given", "session"),
    [
        ("/login", None, "new", "new"),
        ("/login", "old", "new", "new"),
        ("/act", "old", '""', "old"),
        ("/act", "old", "new", "old"),
        ("/act", "old", None, "old"),
    ],
)
def test_a_cookie_that_an_answer_sets_books_no_request_to_another_session(
    path: str, sent: str | None, given: str | None, session: str
) -> None:
    """Django's logout answers sessionid="" and Rack's a new id: both were uses of the session sent."""
    kind = Kind(Request("/login"), Request("/act", headers={"Cookie": "sid={id}"}))
    profile = ServiceProfile("own", {"user": kind}, (), (), id_cookie="sid")
    opened = given if sent is not None else None
    reading = profile.read("POST", path, {}, {}, sent or given, opened)
    assert reading is not None
    assert reading.session == session


def test_a_session_in_a_location_is_the_last_part_of_its_path() -> None:
    kind = Kind(Request("/tickets"), Request("/redeem", body={"ticket": "{id}"}))
    profile = replace(CAPTCHA, id_header="Location", kinds={"ticket": kind})
    assert profile.session_of({"location": "https://shop.example/tickets/a%2Fb/?new=1"}, {}) == "a/b"
    opened = profile.read("POST", "/tickets", {}, {}, "/tickets/t1")
    used = profile.read("POST", "/redeem", {"ticket": "t1"}, {}, None)
    assert opened is not None and (opened.use, opened.session) == ("create", "t1")
    assert used is not None and (used.use, used.session) == ("verify", "t1")


def test_a_service_with_a_session_alone_names_no_kind() -> None:
    profile = ServiceProfile("own", {}, (), ())
    with pytest.raises(UsageProblem, match=r"names no kind of session in \[profile\.kinds\]"):
        profile.first_kind  # noqa: B018
    assert CAPTCHA.first_kind == next(iter(CAPTCHA.kinds))


def test_a_fix_takes_the_place_of_what_it_gives() -> None:
    fixes = {
        "env": Fix(env={"STORE": "xx"}), "command": Fix(command=("node", "fixed.mjs")),
        "directory": Fix(directory="/srv/fixed"),
    }  # fmt: skip
    service = ServiceSpec("/srv", CAPTCHA, app="main:app", env={"STORE": "plain", "A": "1"}, fixes=fixes)
    assert service.fixed("as-is") is service
    assert service.fixed("env").env == {"STORE": "xx", "A": "1"}
    by_command = service.fixed("command")
    assert (by_command.app, by_command.command) == (None, ("node", "fixed.mjs"))
    by_directory = service.fixed("directory")
    assert (by_directory.app, by_directory.directory) == ("main:app", "/srv/fixed")
    with pytest.raises(UsageProblem, match=r"'merge' is no fix of devenv\.toml") as problem:
        service.fixed("merge")
    assert problem.value.hint == "there are: as-is, env, command, directory"
