"""One request for both kinds of clients: its bytes, its address, and whose header is sent."""

from __future__ import annotations

import httpx
import pytest

from devenv.core.model.service import Filled
from devenv.harness.client.exchanges import Content
from devenv.harness.client.http_request import http_request

Client = httpx.Client | httpx.AsyncClient


@pytest.fixture(params=[httpx.Client, httpx.AsyncClient])
def http(request: pytest.FixtureRequest) -> Client:
    client: Client = request.param(base_url="http://127.0.0.1:1/base", trust_env=False, timeout=7)
    return client


def test_the_request_of_a_profile(http: Client) -> None:
    built = http_request(http, Filled("POST", "/v?a=1", {"X-A": "1"}, {"id": "é"}))
    assert (built.method, str(built.url)) == ("POST", "http://127.0.0.1:1/base/v?a=1")
    assert built.content == '{"id":"é"}'.encode()
    assert built.headers["X-A"] == "1"
    assert built.headers["Content-Type"] == "application/json"
    assert built.extensions["timeout"]["read"] == 7


def test_a_form_and_nothing_at_all(http: Client) -> None:
    form = http_request(http, Filled("POST", "/v", {}, {"a": "1 2"}, as_form=True))
    assert form.content == b"a=1+2"
    assert form.headers["Content-Type"] == "application/x-www-form-urlencoded"
    empty = http_request(http, Filled("GET", "/v", {}, None))
    assert empty.content == b""
    assert "Content-Type" not in empty.headers


def test_the_request_of_a_scenario_is_sent_byte_for_byte(http: Client) -> None:
    built = http_request(http, Content("put", "/v", {"content-type": "text/x"}, b"\xff\x00"))
    assert (built.content, built.headers["Content-Type"]) == (b"\xff\x00", "text/x")
    assert built.method == "put"  # which is another method than PUT


@pytest.mark.parametrize(
    ("request_has", "over_it", "sent"),
    [({}, {}, "default"), ({"x-a": "own"}, {}, "own"), ({"X-A": "own"}, {"x-A": "over"}, "over")],
)
def test_whose_header_is_sent(
    http: Client, request_has: dict[str, str], over_it: dict[str, str], sent: str
) -> None:
    request = Content("GET", "/", request_has, None)
    built = http_request(http, request, defaults={"X-a": "default"}, headers=over_it)
    assert built.headers.get_list("X-A") == [sent]
