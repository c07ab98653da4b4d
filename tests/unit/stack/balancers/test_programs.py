"""Which program of a balancer is run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devenv.core.balancers import PRODUCTS
from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.balancers import programs
from devenv.stack.balancers.programs import WHEEL, Program, find, override_of


def script(folder: Path, name: str, text: str) -> Path:
    if os.name == "nt":
        pytest.skip("a shell script is no program on Windows")
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{text}'\n")
    file.chmod(0o755)
    return file


def test_the_one_on_path_comes_first(tmp_path: Path) -> None:
    file = script(tmp_path, "nginx", "nginx version: nginx/1.22.1")
    program = find("nginx", {"PATH": str(tmp_path)})
    assert program == Program("nginx", file, from_wheel=False)
    assert program.version == "1.22.1"


@pytest.mark.parametrize(
    ("product", "text", "version"),
    [
        ("haproxy", "HAProxy version 2.6.12-1+deb12u2 2024/11/01 - https://haproxy.org/", "2.6.12"),
        ("envoy", "envoy  version: 0123456789abcdef/1.40.0/Clean/RELEASE/BoringSSL", "1.40.0"),
        ("traefik", "Version:      3.7.15\nCodename:     x", "3.7.15"),
        ("caddy", "v2.11.7 h1:abc=", "2.11.7"),
        ("caddy", "(devel)", "unknown"),
    ],
)
def test_its_version(tmp_path: Path, product: str, text: str, version: str) -> None:
    assert Program(product, script(tmp_path, product, text), False).version == version


def test_a_variable_names_the_program_or_the_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = script(tmp_path, "my-nginx", "nginx version: nginx/1.30.0")
    assert find("nginx", {"PATH": "", "DEVENV_NGINX": str(file)}).path == file
    monkeypatch.setattr(programs, "wheel_program", lambda product: Path("wheel") / product)
    assert find("nginx", {"PATH": str(tmp_path), "DEVENV_NGINX": "wheel"}).path == Path("wheel") / "nginx"
    with pytest.raises(EnvironmentProblem) as caught:
        find("nginx", {"PATH": "", "DEVENV_NGINX": "no-such-nginx"})
    assert caught.value.message == "DEVENV_NGINX=no-such-nginx is no program that can be run"


@pytest.mark.parametrize("product", PRODUCTS)
def test_where_there_is_none_one_message_has_the_command(
    product: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(programs, "wheel_program", lambda product: None)
    variables = {"PATH": "", override_of(product): WHEEL}
    for environ, where in (({"PATH": ""}, "on PATH or in its wheel"), (variables, "in its wheel")):
        with pytest.raises(EnvironmentProblem) as caught:
            find(product, environ)
        assert caught.value.exit_code == 4
        assert caught.value.message == f"there is no {product} {where}"
        assert (
            caught.value.hint
            == f"pip install 'devenv[balancers]', or install {product} so that it is on PATH"
        )


def test_what_a_wheel_put_beside_python_is_the_wheels(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = script(tmp_path, "caddy", "v2.11.7")
    monkeypatch.setattr(programs, "_scripts", lambda: tmp_path)
    assert find("caddy", {"PATH": str(tmp_path)}) == Program("caddy", file, from_wheel=True)
