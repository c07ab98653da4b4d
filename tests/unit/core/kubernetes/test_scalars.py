"""What a plain scalar is to Kubernetes' parser, to PyYAML, and to YAML 1.2."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
import yaml

from devenv.core.kubernetes.scalars import go_type, needs_quotes

NUMBERS = (
    "6379", "0", "-1", "+1", "08", "017", "0340914", "0o17", "0O7", "0x1F", "0X1f", "-0x1F", "0b11", "0B1",
    "1_000", "1__0", "1_", "0_7", "0777_1", "0x_1F", "1e3", "12e3", "25921e05", "1e+3", "1E5", "1_e3", "1e_3",
    "1.", ".5", "+.5", ".5e3", "08.5", "9_9.9_9", "1.10", "99999999999999999999999",
)  # fmt: skip
BOOLEANS = ("y", "Y", "n", "N", "yes", "No", "ON", "off", "true", "False", "TRUE")
NULLS = ("~", "null", "Null", "NULL")
TEXTS = (
    "cache.internal.example", "12:30:45", "190:20:30.15", "2026-01-02", "2026-99-99", "2026-01-02T03:04:05Z",
    "oFF", "tRue", "nULL", "1e", "0x", "0b2", "0o19", "1.5.2", "0x1.8p3", "1e1000", "_1", "1,000", "+", ".e3",
    "NaN", "inf", "=", "1:2", "yess", "10.0.0.7",
)  # fmt: skip
NOT_FINITE = (".inf", "-.inf", "+.Inf", ".nan", ".NaN")


@pytest.mark.parametrize(
    ("plain", "read"),
    [
        *((plain, "number") for plain in (*NUMBERS, *NOT_FINITE)),
        *((plain, "boolean") for plain in BOOLEANS),
        *((plain, "null") for plain in (*NULLS, "")),
        *((plain, "text") for plain in TEXTS),
    ],
)
def test_the_type_that_kubernetes_reads(plain: str, read: str) -> None:
    assert go_type(plain) == read


def test_kubectl_reads_the_same() -> None:
    """One ConfigMap with all of them, through kubectl's own parser; nothing is sent anywhere."""
    kubectl = shutil.which("kubectl")
    if kubectl is None:
        assert not os.environ.get("DEVENV_REQUIRE_TOOLS"), "kubectl is not installed"
        pytest.skip("kubectl is not installed")
    plain = [*NUMBERS, *BOOLEANS, *NULLS, *TEXTS]
    lines = "".join(f"  k{position}: {text}\n" for position, text in enumerate(plain))
    manifest = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: m}}\ndata:\n{lines}"
    command = [kubectl, "label", "--local", "-f", "-", "x=y", "-o", "json"]
    shown = subprocess.run(command, input=manifest, capture_output=True, text=True, check=True).stdout
    data = json.loads(shown)["data"]
    types = {bool: "boolean", int: "number", float: "number", str: "text", type(None): "null"}
    assert {text: types[type(data[f"k{position}"])] for position, text in enumerate(plain)} == {
        text: go_type(text) for text in plain
    }


@pytest.mark.parametrize("text", [*NUMBERS, *BOOLEANS, *NULLS, *NOT_FINITE, ""])
def test_what_go_reads_as_another_type_is_quoted(text: str) -> None:
    assert needs_quotes(text)


def test_a_number_that_only_yaml_1_2_reads_is_quoted() -> None:
    assert go_type("1e1000") == "text"
    assert needs_quotes("1e1000")


@pytest.mark.parametrize(
    "text", ["12:30:45", "190:20:30.15", "2026-01-02", "2026-01-02T03:04:05Z", "=", "<<"]
)
def test_what_yaml_1_1_reads_as_another_type_is_quoted(text: str) -> None:
    """PyYAML gives a time as 45045, a date as a date, and refuses ``=``."""
    assert go_type(text) == "text"
    assert needs_quotes(text)


@pytest.mark.parametrize("text", ["cache.internal.example", "10.0.0.7", "1e", "oFF", "a=b", "v1.2"])
def test_plain_words_stay_plain(text: str) -> None:
    assert not needs_quotes(text)
    assert yaml.safe_load(text) == text
