"""What changes from run to run is found and not compared; everything else is."""

from __future__ import annotations

import json
from typing import Any

from devenv.core.serializability.ends import HttpAnswer
from devenv.core.serializability.masks import Masks


def answer(data: Any, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, data if isinstance(data, bytes) else json.dumps(data).encode())


def masks(one: Any, other: Any) -> Masks:
    result = Masks()
    result.learn("a", answer(one), answer(other))
    return result


def test_a_field_that_changes_is_masked_and_its_neighbours_are_not() -> None:
    all_masks = masks({"at": 1, "cart": {"n": 1}}, {"at": 2, "cart": {"n": 1}})
    assert all_masks.described() == {"a": ("at",)}
    assert all_masks.seen("a", answer({"at": 9, "cart": {"n": 1}})) == all_masks.seen(
        "a", answer({"cart": {"n": 1}, "at": 1})
    )
    assert all_masks.seen("a", answer({"at": 1, "cart": {"n": 2}})) != all_masks.seen(
        "a", answer({"at": 1, "cart": {"n": 1}})
    )


def test_a_place_in_a_list_is_masked() -> None:
    assert masks([{"id": "x", "n": 1}], [{"id": "y", "n": 1}]).described() == {"a": ("0.id",)}


def test_true_is_not_1_and_a_missing_field_is_seen() -> None:
    result = Masks()
    assert result.seen("a", answer({"n": True})) != result.seen("a", answer({"n": 1}))
    assert result.seen("a", answer({"n": None})) != result.seen("a", answer({}))


def test_the_status_is_never_masked() -> None:
    all_masks = masks({"at": 1}, {"at": 2})
    assert not all_masks.learn("a", answer({"at": 1}), answer({"at": 1}, 500))
    assert all_masks.seen("a", answer({"at": 1})) != all_masks.seen("a", answer({"at": 1}, 500))


def test_a_token_in_a_page_is_known_where_the_page_has_another_line() -> None:
    page = b'<p>alice</p>%b<input name="csrf" value="%b">'
    all_masks = masks(page % (b"", b"f00d"), page % (b"", b"beef"))
    with_line = [answer(page % (b"<p>cart: 1</p>", token)) for token in (b"1234", b"5678")]
    assert all_masks.seen("a", with_line[0]) == all_masks.seen("a", with_line[1])
    assert all_masks.seen("a", with_line[0]) != all_masks.seen("a", answer(page % (b"", b"1234")))


def test_values_built_in_another_way_hide_the_whole() -> None:
    all_masks = masks({"x": [1]}, [1])
    assert all_masks.hides("a")
    assert all_masks.seen("a", answer({"x": [1]})) == all_masks.seen("a", answer(b"anything"))


def test_bytes_that_are_no_text_are_compared_byte_by_byte() -> None:
    result = Masks()
    assert result.seen("a", answer(b"\xff\x00")) != result.seen("a", answer(b"\xfe\x00"))


def test_what_is_learned_of_one_request_holds_for_that_one() -> None:
    all_masks = masks({"at": 1}, {"at": 2})
    assert all_masks.seen("b", answer({"at": 1})) != all_masks.seen("b", answer({"at": 2}))
    assert not all_masks.learn("a", answer({"at": 3}), answer({"at": 4}))
