"""Caddyfile."""

from __future__ import annotations

from devenv.core.balancers.caddy import PRODUCT
from tests.unit.core.balancers.place import file_of


def test_the_default() -> None:
    text = file_of("caddy")
    assert "\tadmin off\n" in text
    assert "http://:8080 {\n\tbind 127.0.0.1\n\treverse_proxy {\n" in text
    assert "\t\tto 127.0.0.1:9001 127.0.0.1:9002\n\t\tlb_policy random\n" in text


def test_options_are_its_directives() -> None:
    text = file_of("caddy:cookie,lb_try_duration=5s,keepalive=off")
    lines = [line.strip() for line in text.splitlines()]
    assert lines[lines.index("lb_policy cookie lb") :][:5] == [
        "lb_policy cookie lb",
        "header_up X-Devenv-Client {remote}",
        "lb_try_duration 5s",
        "transport http {",
        "keepalive off",
    ]
    assert "lb_policy random_choose 2\n" in file_of("caddy:random_choose")


def test_its_complaints() -> None:
    match = PRODUCT.complaints.search('{"level":"error","ts":1,"msg":"x, at Caddyfile:3"}')
    assert match is not None
    assert match[1] == "x, at Caddyfile:3"
