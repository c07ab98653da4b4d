"""What balancers say of a copy, with the team's file and line."""

from __future__ import annotations

import pytest

from devenv.core.balancers.own_file import own_file
from devenv.core.balancers.own_words import MOST_CHARACTERS, with_line_of_yaml, with_lines_of_copy
from tests.unit.core.balancers.place import PLACE
from tests.unit.core.balancers.test_own_file import FILES, TAKEN_OVER

ENVOY = (FILES / "envoy" / "envoy.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [name for name in TAKEN_OVER if not name.endswith((".yaml", ".yml"))])
def test_each_line_of_the_copy_has_its_line_of_the_teams_file(name: str) -> None:
    text = (FILES / name).read_text(encoding="utf-8")
    adapted = own_file(name, text).adapted(PLACE)
    (copy,) = adapted.files.values()
    lines, before = copy.splitlines(), text.splitlines()
    worded = [line for line in before if line.strip(" \t{}")]
    ours = {line for line, number in zip(lines, adapted.lines, strict=False) if number == 0}
    kept = [line for line in worded if worded.count(line) == lines.count(line) == 1 and line not in ours]
    assert len(kept) > 3
    for line in kept:
        assert adapted.lines[lines.index(line)] == before.index(line) + 1, line
    order = [number for number in adapted.lines if number]
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("sentence", "shown"),
    [
        ('unknown directive "x" in ./nginx.conf:2', 'unknown directive "x" in edge.conf:7'),
        ("parsing [nginx.conf:1] : wrong", "parsing [line 1 of its copy nginx.conf] : wrong"),
        ("wrong, at nginx.conf:9", "wrong, at line 9 of its copy nginx.conf"),
        ("in my-nginx.conf:2", "in my-nginx.conf:2"),
        ("no line", "no line"),
    ],
)
def test_a_line_of_the_copy(sentence: str, shown: str) -> None:
    assert with_lines_of_copy(sentence, "nginx.conf", "edge.conf", (0, 7)) == shown


@pytest.mark.parametrize(
    ("right", "wrong", "sentence"),
    [
        (
            "lb_policy: R",
            "lb_polcy: R",
            "@ static_resources.clusters[0]: near 1:3: no such field: 'lb_polcy')",
        ),
        ("ROUND_ROBIN", "ROUNDROBIN", "reason INVALID_ARGUMENT: unknown enum value: 'ROUNDROBIN')"),
        (
            "connect_timeout: 1s",
            "connect_timeout: 1",
            "@ static_resources.clusters[0].connect_timeout: near 1",
        ),
        ("cluster: captcha", "cluster: captchas", "error `route: unknown cluster 'captchas'`"),
    ],
)
def test_a_field_or_value_that_envoy_names_has_its_line(right: str, wrong: str, sentence: str) -> None:
    text = ENVOY.replace(right, wrong, 1)
    line = text[: text.index(wrong)].count("\n") + 1
    assert with_line_of_yaml(sentence, "edge.yaml", text) == f"edge.yaml:{line}: {sentence}"


@pytest.mark.parametrize(
    ("sentence", "line"),
    [
        ("services.yml: field not found, node: stiky", 3),
        (r'error="the service \"pods@file\" does not exist"', 5),
        (r"strconv.ParseBool: parsing \"maybe\": invalid syntax", 4),
    ],
)
def test_what_traefik_names_has_its_line(sentence: str, line: int) -> None:
    text = "http:\n  a:\n    stiky:\n      httpOnly: maybe\n  service: pods\n"
    assert with_line_of_yaml(sentence, "edge.yml", text) == f"edge.yml:{line}: {sentence}"


@pytest.mark.parametrize("text", ["a: captcha\nb: captcha\n", "c: 1", "a: ["])
def test_no_line_is_named_where_none_or_several_have_it(text: str) -> None:
    message = "unknown cluster 'captcha'"
    assert with_line_of_yaml(message, "edge.yaml", text) == message


def test_a_repeated_configuration_is_cut() -> None:
    message = with_line_of_yaml("x" * 5000, "edge.yaml", "a: 1")
    assert message == "x" * MOST_CHARACTERS + " …"
