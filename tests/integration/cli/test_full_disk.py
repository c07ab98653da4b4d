"""A disk that is full while a verb writes: exit code 4 with the file's name, and nothing half-written."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from typing import Any

import pytest

from tests.support import files_of_at_most

CommandLine = Any  # of conftest.py

pytestmark = pytest.mark.skipif(os.name != "posix", reason="only POSIX limits the size of files")

VERBS = (
    (("seed", "-n", "2"), r"\S+/challenges\.jsonl"),
    (("replay", "double-click", "--strategy", "memory"), r"\S+/(?:stack-events\.jsonl|runs/\S+)"),
    (("explore", "R+W", "--budget", "1"), r"\S+/temporary-[\d-]+/spec\.json"),
    (("rollout", "run", "added-canary"), r"\S+/rollout\.json"),
    (("toggle", "off"), r"\S+/stack-events\.jsonl"),
    (("export", "k8s", "--out", "k8s"), r"--out k8s/\S+"),
    (("export", "prometheus", "--out", "prometheus"), r"--out prometheus/\S+"),
    (("import", "curl", "a.sh", "--out", "a.yaml"), r"--out a\.yaml"),
    (("simulate", "--sessions", "20", "--html", "a.html"), r"--html a\.html"),
    (("simulate", "--sessions", "20", "--plot", "a.svg"), r"--plot a\.svg"),
    (("demo", "--trials", "1"), r"\S*\.devenv/\S+"),
    (("doctor", "--junit", "a.xml"), r"--junit a\.xml"),
    (("init", "--command", "python app.py"), r"\S*(?:devenv\.toml|spec\.json)"),
)
"""What is run, and how the file is named that cannot be written."""


@pytest.mark.parametrize(("words", "file"), VERBS, ids=[words[0] for words, _ in VERBS])
def test_a_full_disk_is_exit_4_with_the_file(running: CommandLine, words: Sequence[str], file: str) -> None:
    folder = running.folder
    folder.joinpath("a.sh").write_text("curl -X POST http://a/api/abstract-captcha\n", encoding="utf-8")
    with files_of_at_most(1):
        done = running.run(*words)
    assert done.returncode == 4, done.stderr
    assert re.search(rf"error: {file}: cannot be written: File too large\n", done.stderr), done.stderr
    drafts = [path for path in folder.rglob(".*.????????") if path.is_file()]
    assert drafts == []
    assert not any(folder.joinpath(name).exists() for name in ("a.yaml", "a.html", "a.xml", "a.svg"))
