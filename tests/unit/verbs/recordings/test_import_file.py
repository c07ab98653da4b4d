"""Files written after public bug reports: each as `devenv import` reads it, with the right value."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.scenario import parse
from devenv.harness.config.settings import load
from devenv.verbs.recordings.composing import Composed, ImportOptions
from devenv.verbs.recordings.import_file import import_file

CASES = Path(__file__).parent / "data" / "cases"
TWO_VISITORS = ["create c1", "create c2", "verify c2", "verify c1"]


def made(form: str, path: Path, *, waits: bool = False) -> Composed:
    folder = path.parent if (path.parent / "devenv.toml").exists() else CASES.parent
    composed = import_file(form, path, load(folder, {}), ImportOptions(waits=waits))
    parse(composed.text, "scenario.yaml")
    return composed


def case(number: str, *names: str) -> Path:
    [path] = CASES.glob(f"{number}-*")
    return path.joinpath(*names)


def story(composed: Composed) -> list[str]:
    """create c1, verify c1, GET /path …"""
    steps = [step for step in composed.data["steps"] if "pause" not in step]
    return [
        f"{key} {step[key]}" if key != "request" else step[key]
        for step in steps
        for key in [next(iter(step))]
    ]


def test_01_cookies_of_curl_commands_say_whose_request_it_is(tmp_path: Path) -> None:
    composed = made("curl", case("01", "commands.txt"))
    assert story(composed) == TWO_VISITORS
    assert "guess" not in str(composed.notes)
    assert "order" not in str(composed.notes)
    assert "AAA111aaa" not in composed.text
    shutil.copy(case("01", "devenv.toml"), tmp_path)
    text = (
        case("01", "commands.txt").read_text().replace("-b 'lang=en; shop_session=AAA111aaa'", "-b jar.txt")
    )
    (tmp_path / "commands.txt").write_text(text)
    composed = made("curl", tmp_path / "commands.txt")
    notes = [note for note in composed.notes if "jar.txt" in note]
    assert [note.partition(":")[0] for note in notes] == ["line 2", "line 16"]


def test_02_values_of_options_are_no_urls() -> None:
    composed = made("curl", case("02"))
    assert story(composed) == ["create c1", "verify c1", "create c2", "create c3"]
    assert composed.data["sessions"] == {"c1": "abstract", "c2": "imagegrid", "c3": "handwriting"}


def test_02_an_option_that_curl_has_not(tmp_path: Path) -> None:
    file = tmp_path / "c.txt"
    file.write_text("curl http://x/\ncurl --max-redirect 3 http://x/a\n")
    with pytest.raises(UsageProblem) as caught:
        made("curl", file)
    assert caught.value.message == "c.txt:2: curl has no option --max-redirect"


def test_03_a_form_is_sent_as_a_form() -> None:
    first, second, third = made("curl", case("03")).data["steps"]
    form = {"content-type": "application/x-www-form-urlencoded"}
    assert [step["headers"] for step in (first, second, third)] == [form] * 3
    assert first["body"] == "plan=basic&name=Ada Lovelace"
    assert second["body"] == "q=tea+%26+biscuits&lang=en"
    assert third["body"] == '{"a": 1}'


def test_04_quotation_is_read_as_bash_reads_it() -> None:
    first, second, third = made("curl", case("04")).data["steps"]
    assert first["body"] == "pattern=^INV-[0-9]{6}$&kind=invoice"
    assert first["headers"]["accept"] == "application/json"
    assert second["json"] == {"who": "Renée", "shout": "hey!", "quote": "it's", "wave": "👋"}
    assert third["json"] == {"cost": "5 $'s", "who": "O'Neil"}


@pytest.mark.parametrize("zipped", [False, True])
def test_05_bodies_beside_the_har_are_read(zipped: bool, tmp_path: Path) -> None:
    file = case("05", "session.har")
    if zipped:
        with zipfile.ZipFile(tmp_path / "session.zip", "w") as archive:
            for item in file.parent.iterdir():
                archive.write(item, "har.har" if item.suffix == ".har" else item.name)
        file = tmp_path / "session.zip"
    composed = made("har", file)
    assert story(composed) == TWO_VISITORS
    assert [step["answer"] for step in composed.data["steps"][2:]] == ["wrong", "right"]
    assert composed.notes == ("left out as never answered (status 0 or -1): 1",)


def test_05_bodies_that_are_not_there_are_not_guessed(tmp_path: Path) -> None:
    file = shutil.copy(case("05", "session.har"), tmp_path)
    composed = made("har", Path(file))
    assert story(composed) == ["create c1", "create c2"]
    assert "bodies in files beside the HAR that are not there: entries 1, 3, 4, 5" in composed.notes
    assert (
        "left out: uses of a session, as bodies that say which one are missing: entries 4, 5 (2)"
        in composed.notes
    )


def test_07_a_boundary_is_no_secret() -> None:
    [step] = made("har", case("07")).data["steps"]
    boundary = step["headers"]["content-type"].partition("boundary=")[2]
    assert boundary == "----WebKitFormBoundaryq7Lw2ZrT9sXaKd3M"
    assert step["body"].count(f"--{boundary}") == 4
    assert "not-a-real-one" not in step["body"]
    assert 'name="password"\r\n\r\nREDACTED\r\n' in step["body"]
    assert "Garden plan" in step["body"]
    [read] = parse(made("har", case("07")).text, "x").steps
    assert read.content == step["body"]  # type: ignore[union-attr]


LINKS = [
    ("/files/6b1d0c4fe2a94c0f", "/files/6b1d0c4fe2a94c0f"),
    ("http://127.0.0.1:8080/files/6b1d0c4fe2a94c0f", "/files/6b1d0c4fe2a94c0f"),
    ("/files?upload=6b1d0c4fe2a94c0f", "/files?upload=6b1d0c4fe2a94c0f"),
    ("/files/2025/07/6b1d0c4fe2a94c0f?v=12", "/files/2025/07/6b1d0c4fe2a94c0f?v=12"),
]


@pytest.mark.parametrize(
    ("link", "path", "in_json"),
    [
        *((*link, in_json) for link in LINKS for in_json in (False, True)),
        ("6b1d0c4fe2a94c0f", "/6b1d0c4fe2a94c0f", False),  # in JSON a word is a value, no link
    ],
)
def test_08_links_are_followed(link: str, path: str, in_json: bool, tmp_path: Path) -> None:
    har = json.loads(case("08").read_text())
    entries = har["log"]["entries"]
    for header in entries[0]["response"]["headers"]:
        if header["name"] == "Location":
            header["value"] = "/elsewhere" if in_json else link
    if in_json:
        entries[0]["response"]["content"] = {
            "text": json.dumps({"links": {"self": link}}),
            "mimeType": "a/json",
        }
    for entry in entries[1:]:
        entry["request"]["url"] = f"http://127.0.0.1:8080{path}"
    file = tmp_path / "upload.har"
    file.write_text(json.dumps(har))
    create, first, second = made("har", file).data["steps"]
    [(name, where)] = create["capture"].items()
    assert where == ("links.self" if in_json else "header:location")
    assert first["request"] == second["request"] == f"PATCH {{captured:{name}}}"
    assert create["headers"] == {"tus-resumable": "1.0.0", "upload-length": "11"}
    assert second["headers"]["upload-offset"] == "6"


def test_08_the_id_of_a_link_is_used_elsewhere(tmp_path: Path) -> None:
    har = json.loads(case("08").read_text())
    for entry in har["log"]["entries"][1:]:
        entry["request"]["url"] = "http://127.0.0.1:8080/api/uploads/6b1d0c4fe2a94c0f/parts"
    file = tmp_path / "upload.har"
    file.write_text(json.dumps(har))
    create, first, _ = made("har", file).data["steps"]
    assert create["capture"]["location-id"]["from"] == "header:location"
    assert first["request"] == "PATCH /api/uploads/{captured:location-id}/parts"


def test_09_a_polling_session_is_opened_and_used() -> None:
    composed = made("har", case("09"))
    handshake, *others = composed.data["steps"]
    assert handshake["request"] == "GET /socket.io/?EIO=4&transport=polling&t=PwA1b2c"
    assert handshake["capture"]["sid"]["from"] == "body"
    assert all(step["request"].endswith("&sid={captured:sid}") for step in others)
    assert [step["pod"] for step in composed.data["steps"]] == ["A", "B", "A", "B"]
    assert all(step["expect"] == {"status": 200} for step in composed.data["steps"])
    assert others[0]["body"] == "40"
    assert others[0]["headers"]["content-type"] == "text/plain;charset=UTF-8"
    assert "hQ3v8ZbT0rYkAAAB" not in composed.text


def test_09_a_session_that_no_answer_gave_is_named(tmp_path: Path) -> None:
    har = json.loads(case("09").read_text())
    del har["log"]["entries"][0]
    file = tmp_path / "polling.har"
    file.write_text(json.dumps(har))
    [note] = [note for note in made("har", file).notes if "about no session" in note]
    assert note.endswith("entries 1, 2, 3")


@pytest.mark.parametrize("form", [False, True])
def test_10_an_id_in_a_form_is_found(form: bool, tmp_path: Path) -> None:
    text = case("10", "devenv.toml").read_text()
    (tmp_path / "devenv.toml").write_text(
        text.replace("body = { captchaId", "form = { captchaId") if form else text
    )
    composed = made("har", Path(shutil.copy(case("10", "two-visitors.har"), tmp_path)))
    assert story(composed) == TWO_VISITORS
    assert composed.notes == ()


def test_10_ids_that_are_numbers(tmp_path: Path) -> None:
    text = case("10", "two-visitors.har").read_text()
    text = text.replace('\\"kT3vQ8sLmZx2Rw9BpYc1\\"', "41").replace("kT3vQ8sLmZx2Rw9BpYc1", "41")
    text = text.replace('\\"Ju7Hn4Df6Gb0Xe5Oa2Wi\\"', "42").replace("Ju7Hn4Df6Gb0Xe5Oa2Wi", "42")
    (tmp_path / "two.har").write_text(text)
    shutil.copy(case("10", "devenv.toml"), tmp_path)
    assert story(made("har", tmp_path / "two.har")) == TWO_VISITORS


def times(composed: Composed) -> list[float]:
    return [step["pause"] for step in composed.data["steps"] if "pause" in step]


def pods(composed: Composed) -> list[Any]:
    return [step["pod"] for step in composed.data["steps"] if "pod" in step]


def test_11_caddy() -> None:
    composed = made("log", case("11"), waits=True)
    assert story(composed) == TWO_VISITORS
    assert pods(composed) == ["A", "B", "A", "B"]
    assert times(composed) == [1.09, 3.78, 3.39]


def test_12_envoy() -> None:
    composed = made("log", case("12"), waits=True)
    assert story(composed) == TWO_VISITORS
    assert times(composed) == [0.89, 3.99, 2.99]


def test_13_behind_a_balancer(tmp_path: Path) -> None:
    assert story(made("log", case("13"))) == TWO_VISITORS
    file = tmp_path / "access.log"
    lines = case("13").read_text().splitlines()
    file.write_text("\n".join(line.rpartition(' "')[0] for line in lines))
    assert (
        "all lines have one client (10.0.3.7): visitors behind it cannot be distinguished"
        in made("log", file).notes
    )


def test_25_a_caret_in_quotation_is_no_windows_command() -> None:
    assert made("curl", case("25")).data["steps"][0]["json"] == {"re": "^"}


@pytest.mark.parametrize(
    ("name", "data", "problem"),
    [
        ("a.har", b'{"log": \xff}', "a.har: not UTF-8 at byte 8 (line 1)"),
        ("a.zip", b"PK\x03\x04nothing", "a.zip: not readable as a zip file: File is not a zip file"),
        ("a.har", b"", "a.har:1: not readable as JSON: Expecting value (column 1)"),
    ],
)
def test_what_is_no_har_is_told(name: str, data: bytes, problem: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(UsageProblem) as caught:
        made("har", tmp_path / name)
    assert caught.value.message == problem
