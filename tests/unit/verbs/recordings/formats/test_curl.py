"""curl commands, as browsers copy them and as people write them."""

from __future__ import annotations

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.curl import MOST_REQUESTS, MOST_SENT, parse_curl

COPIED = r"""# copied from Chrome: Copy all as cURL (bash)
curl 'https://captcha.example/api/abstract-captcha' \
  -X 'POST' \
  -H 'accept: */*' \
  -b 'sid=secret' \
  --compressed ;
curl 'https://captcha.example/api/abstract-verify' \
  -H 'content-type: application/json' \
  --data-raw $'{"challenge_id":"it\'s","selections":[]}' ;

curl -sSXPOST http://127.0.0.1:8080/x --json '{"a":
 1}' -u me:pw
curl -G captcha.example/search -d q=1 --data-urlencode 'name=a b'
"""


def test_commands() -> None:
    recording = parse_curl(COPIED, "calls.txt")
    create, verify, one_service, search = recording.requests
    assert (create.number, create.method, create.target) == (2, "POST", "/api/abstract-captcha")
    assert (create.host, create.body, create.status) == ("captcha.example", None, None)
    assert create.headers["cookie"] == "sid=secret"
    assert (verify.number, verify.method) == (7, "POST")
    assert verify.sent == {"challenge_id": "it's", "selections": []}
    assert (one_service.number, one_service.method, one_service.sent, one_service.host) == (
        11,
        "POST",
        {"a": 1},
        "127.0.0.1:8080",
    )
    assert one_service.headers["content-type"] == "application/json"
    assert "pw" not in repr(one_service)
    assert (search.method, search.target) == ("GET", "/search?q=1&name=a+b")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "c.txt:1: there is no curl command"),
        ("# nothing\n", "c.txt:1: there is no curl command"),
        ("curl http://x/\nwget http://x/\n", "c.txt:2: this is no curl command"),
        ("curl -X POST\n", "c.txt:1: there is no URL"),
        ("curl http://x/ -X 'PUT x'\n", "c.txt:1: -X 'PUT x' is no HTTP method"),
        ("curl http://x/ -H\n", "c.txt:1: -H has no value"),
        ("\ncurl http://x/ -d @body.json\n", "c.txt:2: -d @body.json reads a file"),
        ("curl http://x/ -F a=@b\n", "c.txt:1: -F sends a file or a form of parts"),
        ("curl 'http://x/\n", "c.txt:1: this cannot be read: no closing quotation"),
        ('curl ^"http://x/^"\n', "c.txt:1: this is written for Windows' cmd"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(text: str, sentence: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        parse_curl(text, "c.txt")
    assert caught.value.message.startswith(sentence), caught.value.message


def test_a_list_of_more_requests_than_its_limit_is_refused_at_once() -> None:
    most = "curl" + " a" * MOST_REQUESTS
    assert len(parse_curl(most, "calls.txt").requests) == MOST_REQUESTS
    with pytest.raises(UsageProblem, match=f"^calls.txt:3: at most {MOST_REQUESTS} requests are read$"):
        parse_curl(f"\n{most}\ncurl b c\n", "calls.txt")


def test_short_commands_in_one_line() -> None:
    text = "curl a; curl b & curl c && curl d;e=f; curl $e | jq .\n"
    recording = parse_curl(text, "calls.txt")
    assert [(one.number, one.host) for one in recording.requests] == [(1, word) for word in "abcdf"]


@pytest.mark.parametrize("option", ["-d {}", "-H a:{}", "--url-query {}", "-F a={}", "-b a={}"])
def test_what_a_command_sends_to_many_urls_is_limited(option: str) -> None:
    sent = f"curl {option.format('x' * 10_000)} "
    assert len(parse_curl(sent + "b " * 50, "calls.txt").requests) == 50
    with pytest.raises(
        UsageProblem, match=r"^calls.txt:1: the requests up to here send more than \d{7} char"
    ):
        parse_curl(sent + "b " * (MOST_SENT // 10_000 + 10), "calls.txt")


def test_a_header_that_is_given_often() -> None:
    recording = parse_curl(
        "curl a -H 'X: 1' -u b:c -H 'x: 2' -H 'Authorization: d' -H 'cookie: e=f' -b g=h", "c.txt"
    )
    assert recording.requests[0].headers == {"x": "1, 2", "authorization": "d", "cookie": "e=f"}
