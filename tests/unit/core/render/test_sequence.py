from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from devenv.core.render.sequence import (
    MAX_MESSAGES,
    SequenceMessage,
    draw_mermaid,
    draw_svg,
    draw_text,
    participants,
    shorten,
)
from devenv.core.render.visible import one_line

A, B = "captcha-api-a", "captcha-api-b"


def m(source: str, target: str, label: str, kind: str = "request") -> SequenceMessage:
    return SequenceMessage(0.0, source, target, label, kind)  # type: ignore[arg-type]


STORY = [
    m("client", A, "POST /api/abstract-captcha"),
    m(A, A, "session in memory", "note"),
    m(A, "client", "200 challenge 3f2a", "reply"),
    m("client", B, "POST /api/abstract-verify"),
    m(B, "client", "Challenge not found", "failed"),
]


def test_participants_stand_in_the_order_of_the_path() -> None:
    messages = [m("redis", B, ""), m("ml", A, ""), m(A, "proxy", ""), m("proxy", "client", "")]
    assert participants(messages) == ("client", "proxy", A, B, "redis", "ml")


def test_the_terminal_picture_exactly() -> None:
    assert [line.text for line in draw_text(STORY)] == [
        "   client                       captcha-api-a      captcha-api-b",
        "      │── POST /api/abstract-captcha ►│                  │",
        "      │                     [ session in memory ]        │",
        "      │◄╌╌╌╌╌ 200 challenge 3f2a ╌╌╌╌╌│                  │",
        "      │──────────── POST /api/abstract-verify ──────────►│",
        "      │◄╌╌╌╌╌╌╌╌╌╌╌╌╌╌ Challenge not found ╌╌╌╌╌╌╌╌╌╌╌╌╌╌│",
    ]


def test_a_lines_span_covers_its_arrow_and_nothing_else() -> None:
    line = draw_text(STORY)[-1]
    assert line.kind == "failed"
    assert line.text[line.start] == "◄"
    assert line.text[: line.start].rstrip() == "      │"
    assert line.text[line.end :] == "│"


def test_lifelines_stay_straight_beside_korean_labels() -> None:
    lines = draw_text(
        [m("client", A, "추상 캡차 만들기"), m(A, "client", "챌린지가 왔다", "reply"), m("client", B, "검증")]
    )
    columns = {
        next(cell_len(line.text[:i]) for i, c in enumerate(line.text) if c == "│") for line in lines[1:]
    }
    assert len(columns) == 1
    assert len({cell_len(line.text) for line in lines[1:]}) == 1


def test_labels_are_cut_until_the_picture_fits() -> None:
    wide = draw_text(STORY, width=200)
    narrow = draw_text(STORY, width=56)
    assert max(cell_len(line.text) for line in wide) > 56
    assert max(cell_len(line.text) for line in narrow) <= 56
    assert any("…" in line.text for line in narrow)


def test_ascii_only_for_consoles_without_unicode() -> None:
    assert all(line.text.isascii() for line in draw_text(STORY, width=56, ascii_only=True))


def test_a_long_run_is_shortened_in_the_middle_and_says_by_how_much() -> None:
    messages = [m("client", A, f"call {i}") for i in range(500)]
    short = shorten(messages)
    assert len(short) == MAX_MESSAGES
    assert short[0] == messages[0]
    assert short[-1] == messages[-1]
    (note,) = [message for message in short if message.kind == "note"]
    assert f"{500 - MAX_MESSAGES + 1} more" in note.label
    assert len(draw_text(messages)) == MAX_MESSAGES + 1


def test_mermaid_exactly() -> None:
    assert draw_mermaid(STORY) == (
        "sequenceDiagram\n"
        "    participant p0 as client\n"
        "    participant p1 as captcha-api-a\n"
        "    participant p2 as captcha-api-b\n"
        "    p0->>p1: POST /api/abstract-captcha\n"
        "    Note over p1: session in memory\n"
        "    p1-->>p0: 200 challenge 3f2a\n"
        "    p0->>p2: POST /api/abstract-verify\n"
        "    p2--xp0: Challenge not found\n"
    )


def test_mermaid_has_no_character_that_ends_a_message() -> None:
    text = draw_mermaid([m("client", A, "a;b#c\nend<script>")])
    assert "a#59;b#35;c#92;nend#60;script#62;" in text


names = st.sampled_from(["client", "proxy", A, B, "redis", "ml", "worker"])
kinds = st.sampled_from(["request", "reply", "failed", "note"])
any_messages = st.lists(
    st.builds(
        SequenceMessage,
        st.just(0.0),
        names,
        names,
        st.text(max_size=30).filter(lambda label: "⏸" not in label),
        kinds,
    ),
    max_size=12,
)


@given(any_messages)
def test_svg_is_well_formed_whatever_the_labels(messages: list[SequenceMessage]) -> None:
    svg = draw_svg(messages, title="a < b & c", prefix="s1")
    if not messages:
        assert svg == ""
        return
    root = ET.fromstring(svg)
    texts = [node.text or "" for node in root.iter("{http://www.w3.org/2000/svg}text")]
    for message in messages:
        assert "".join(c if c.isprintable() else " " for c in one_line(message.label)) in texts
    width = float(root.attrib["viewBox"].split()[2])
    for node in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(node.attrib["x"]) >= 0
        assert float(node.attrib["x"]) + float(node.attrib["width"]) <= width + 1


def test_svg_says_held_in_a_word() -> None:
    """Not every browser has a letter for the sign, and a page has no legend."""
    labels = ["GET 3f2a44 → nothing ⏸", "⏸ held 1.50 s"]
    messages = [SequenceMessage(1.0, "captcha-api-a", "redis", labels[0])]
    messages.append(SequenceMessage(2.0, "gate", "gate", labels[1], "note"))
    svg = draw_svg(messages, title="x", prefix="s1")
    assert ">GET 3f2a44 → nothing, held<" in svg
    assert ">held 1.50 s<" in svg
    assert "⏸" not in svg


@given(any_messages, st.integers(40, 160))
def test_text_draws_one_line_per_message(messages: list[SequenceMessage], width: int) -> None:
    lines = draw_text(messages, width=width)
    assert len(lines) == (len(messages) + 1 if messages else 0)
    assert all(line.text.isprintable() for line in lines)


@pytest.mark.parametrize("draw", [draw_text, draw_mermaid])
def test_nothing_to_draw_is_no_error(draw: object) -> None:
    assert callable(draw)
    draw([])
