"""What bash and curl send, and what an import takes it for: the same."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from devenv.verbs.recordings.formats.curl import parse_curl
from devenv.verbs.recordings.formats.curl_options import long_name, takes_value
from tests.support import serving

SCRIPTS = r"""
## quotation
curl URL/a'b'"c"d -d '$x' -d "\$x \" \\ \n" -d $'\x41\101\u00e9\U0001F44B\n\e' -d a\ b
## parts of words
curl URL/q -d 'a=^x$' -d b=$'\''c"$'d'" -d $"e" -d x$
## a variable
NAME='a b'; export OTHER=c; curl "URL/v?q=${OTHER}" -d "n=$NAME" -d "${NAME}d"
## comment and continuation
# first
curl URL/c \
  -d a=1 \
  -d b=2 # the end
# last
## several commands
curl -s URL/one; curl -s URL/two && curl -s URL/three | cat
curl URL/four > /dev/null 2>&1
## methods
curl -sXPUT URL/m -d x; curl -I URL/h; curl --request DELETE URL/d; curl -G URL/g -d a=1 -d b=2
## next
curl URL/n1 -d a=1 --next -XPATCH URL/n2 -d b=2 -: URL/n3
## several urls
curl URL/u1 URL/u2 --url URL/u3 -d x=1
## globbing
curl 'URL/{a,b}/[1-3]' 'URL/[01-03]?x=[a-c:2]'; curl -g 'URL/x?ids[]=1'
## urlencode
curl URL/e --data-urlencode 'a=1 & 2=é' --data-urlencode '=x y' --data-urlencode 'just this'
## query
curl URL/p --url-query 'page=2 3' --url-query '+raw=a' -d x
## json
curl URL/j --json '{"a":' --json '1}'
curl URL/j2 --json '{}' -H 'Content-Type: application/x'
## headers
curl URL/h -H 'X-One: 1' -H 'X-Two:2' -H 'Accept:' -H 'X-Empty;' -d x -H 'Content-Type: text/plain'
## headers taken away and given
curl URL/h1 -H 'Accept: text/html' -H 'Accept:'; curl URL/h2 -H 'X-One: 1' -H 'X-One:'
curl URL/h3 -b a=1 -H 'Cookie:'; curl URL/h4 -b a=1 -H 'Cookie:' -H 'Cookie: z=1'
curl URL/h5 -u a:b -H 'Authorization:'
curl URL/h6 --json '{}' -H 'Accept:'; curl URL/h7 -u a:b -u c:d; curl URL/h8 -u a:b -H 'Authorization: x'
## cookies
curl URL/k -b 'a=1; b=2' -b c=3; curl URL/k2 -b a=1 -H 'Cookie: z=9'
## credentials
curl URL/u -u joe:pw; curl URL/o --oauth2-bearer T0
## dots
curl URL/a/./b/../c; curl --path-as-is URL/a/../b; curl URL/x --request-target /y?z=1
## options with values
curl -sS --noproxy '*' --max-redirs 3 --retry 0 --connect-timeout 5 -o /dev/null -w '%{http_code}' \
  -A agent -e http://ref/ -m 20 --limit-rate 1M -D /dev/null URL/ov -d x
## clusters
curl -sSLkfd a=b URL/cl; curl -so/dev/null URL/c2
## at signs
curl URL/at --data-raw @x -d ''; curl URL/empty -d ''
## blanks
curl URL/space -H 'x-a: b  c' -d $'a\r\nb' -d 'c
d'
"""
COMMANDS = {name: script for name, _, script in (part.partition("\n") for part in SCRIPTS.split("## ")[1:])}


PERCENT = re.compile("%[0-9a-f]{2}", re.IGNORECASE)
"""curl 7.88 writes small letters in a query (RFC 3986, 2.1: the same), later ones large."""


class Recorder(BaseHTTPRequestHandler):
    """Writes down what it gets."""

    def answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        names = ("content-type", "cookie", "authorization", "accept", "x-one", "x-two", "x-empty", "x-a")
        headers = {
            name: ", ".join(values) for name in names if (values := self.headers.get_all(name)) is not None
        }
        self.server.got.append(  # type: ignore[attr-defined]
            (
                self.command,
                PERCENT.sub(lambda code: code[0].upper(), self.path),
                headers,
                self.rfile.read(length).decode("utf-8"),
            )
        )
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "put", "Merge"):
    setattr(Recorder, f"do_{method}", Recorder.answer)


@pytest.fixture
def recorder() -> Iterator[ThreadingHTTPServer]:
    if not (shutil.which("curl") and shutil.which("bash")):
        if os.environ.get("DEVENV_REQUIRE_TOOLS"):
            pytest.fail("bash and curl are needed")
        pytest.skip("bash and curl are needed")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    server.got = []  # type: ignore[attr-defined]
    with serving(server):
        yield server


@pytest.mark.parametrize("name", COMMANDS)
def test_the_same_as_bash_and_curl_send(name: str, recorder: ThreadingHTTPServer, tmp_path: Path) -> None:
    same(COMMANDS[name].replace("URL", f"http://127.0.0.1:{recorder.server_port}"), recorder, tmp_path)


TEXTS = st.text("ab=&@+%*~-_.!'()/?:;, {}[]\"é👋\\", max_size=8)
"""Values, without those that curl reads from files: these are refused."""
WORDS = st.text("abz019", min_size=1, max_size=5)
NAMED = st.builds("{}={}".format, WORDS, TEXTS)
OPTIONS = st.one_of(
    st.tuples(st.just("--data-urlencode"), NAMED | TEXTS.map("={}".format)),
    st.tuples(st.just("--data-raw"), TEXTS),
    st.tuples(st.sampled_from(["-d", "--data", "--data-binary", "--json"]), NAMED),
    st.tuples(st.just("--url-query"), NAMED.map(lambda text: text.lstrip("+"))),
    st.tuples(st.just("-H"), st.builds("X-One: {}".format, WORDS) | st.just("Content-Type: text/plain")),
    st.tuples(st.just("-H"), st.sampled_from(["Accept:", "X-Empty;", "Accept: text/html"])),
    st.tuples(st.just("-b"), st.builds("{}={}".format, WORDS, WORDS)),
    st.tuples(st.sampled_from(["-u", "--user"]), st.builds("{}:{}".format, WORDS, WORDS)),
    st.tuples(st.sampled_from(["-X", "--request"]), st.sampled_from(["PUT", "DELETE", "put", "Merge"])),
)


@pytest.mark.parametrize("part", range(4))
def test_generated_commands_are_the_same(part: int, recorder: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Options in any order, 15 commands in one script: a process of bash for many."""
    port = recorder.server_port

    @seed(part)
    @settings(max_examples=3, database=None, deadline=None, phases=[Phase.generate])
    @given(st.lists(st.lists(OPTIONS, max_size=4), min_size=15, max_size=15))
    def check(commands: list[list[tuple[str, str]]]) -> None:
        recorder.got = []  # type: ignore[attr-defined]
        lines = [
            shlex.join(
                [
                    "curl",
                    "-s",
                    f"http://127.0.0.1:{port}/{number}?q=1",
                    *(word for pair in one for word in pair),
                ]
            )
            for number, one in enumerate(commands)
        ]
        same("\n".join(lines), recorder, tmp_path)

    check()


def same(script: str, recorder: ThreadingHTTPServer, tmp_path: Path) -> None:
    """Run a script, and compare what came with what an import of the script takes it for."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    subprocess.run(["bash", "-c", script], check=False, env=environment, capture_output=True, timeout=60)
    sent = recorder.got  # type: ignore[attr-defined]
    imported = []
    for request, (_, _, headers, _) in zip(parse_curl(script, "c.txt").requests, sent, strict=True):
        known = {key: value for key, value in request.headers.items() if key in headers}
        known |= {"accept": "*/*"} if "accept" not in known and headers.get("accept") == "*/*" else {}
        imported.append((request.method, request.target, known, request.body or ""))
        assert set(request.headers) <= set(headers)
    assert imported == sent


def test_every_option_of_this_curl_is_known() -> None:
    if shutil.which("curl") is None:
        pytest.skip("curl is needed")
    text = subprocess.run(["curl", "--help", "all"], check=True, capture_output=True, text=True).stdout
    options = re.findall(r"^\s*(?:-(.), )?\s*--([\w.-]+)( \S*[<\[])?", text, re.MULTILINE)
    assert len(options) > 200
    for letter, name, value in options:
        assert takes_value(name) is bool(value), name
        assert not letter or long_name(letter) == name
