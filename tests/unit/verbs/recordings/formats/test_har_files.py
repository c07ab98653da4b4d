"""HAR files with the files beside them, in folders, zips and traces."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.verbs.recordings.formats.har_files import beside, nothing_attached, open_har


def zipped(**members: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        for name, text in members.items():
            archive.writestr(name.replace("__", "/").replace("_", "."), text)
    return data.getvalue()


def test_files_beside_it_and_no_others(tmp_path: Path) -> None:
    folder = tmp_path / "har"
    folder.mkdir()
    (folder / "a.json").write_text("1")
    (tmp_path / "secret").write_text("x")
    (folder / "link").symlink_to(tmp_path / "secret")
    read = beside(folder)
    assert read("a.json") == b"1"
    for name in ("../secret", str(tmp_path / "secret"), "link", "none", "", "..\\secret"):
        assert read(name) is None


def test_a_zip_with_a_har() -> None:
    text, attached = open_har(zipped(har_har="{}", a_json="1"), "x.zip", nothing_attached)
    assert (text, attached("a.json"), attached("b.json"), attached("../a.json")) == ("{}", b"1", None, None)


def test_a_trace() -> None:
    lines = '{"type": "resource-snapshot", "snapshot": {"a": 1}}\n{"type": "other"}\n\n'
    data = zipped(trace_network=lines, resources__a="1")
    text, attached = open_har(data, "x.zip", nothing_attached)
    assert json.loads(text)["log"]["entries"] == [{"a": 1}]
    assert attached("resources/a") == b"1"


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (zipped(a_txt=""), "x.zip: the zip file holds no HAR file and no trace.network"),
        (zipped(a_har="", b_har=""), "x.zip: the zip file holds 2 HAR files"),
        (zipped(trace_network="{"), "x.zip: trace.network:1: not readable as JSON"),
        (zipped(a_har="{}")[:40], "x.zip: not readable as a zip file: File is not a zip file"),
    ],
    ids=["none", "two", "no JSON", "cut short"],  # a zip's bytes hold the time at which it was made
)
def test_what_cannot_be_read(data: bytes, problem: str) -> None:
    with pytest.raises(UsageProblem) as caught:
        open_har(data, "x.zip", nothing_attached)
    assert caught.value.message == problem
