"""Judging: F1, cells, normalised text, signatures."""

import hashlib
import hmac
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devenv.captcha_api import grading, signatures
from devenv.captcha_api.errors import Ungraded
from devenv.captcha_api.submissions import AbstractSubmission, HandwritingSubmission, decode_image


def test_score_counts_and_f1() -> None:
    score = grading.score(frozenset({0, 1, 2}), frozenset({1, 2, 5}))
    assert (score.tp, score.fp, score.fn) == (2, 1, 1)
    assert score.f1 == 0.6667


def test_score_of_nothing_in_common_is_zero() -> None:
    assert grading.score(frozenset({1}), frozenset()).f1 == 0.0
    assert grading.score(frozenset(), frozenset()).f1 == 0.0


@given(st.frozensets(st.integers(0, 8)), st.frozensets(st.integers(-3, 12)))
def test_f1_is_one_exactly_for_equal_sets(truth: Any, selected: Any) -> None:
    score = grading.score(truth, selected)
    assert (score.f1 == 1.0) == (bool(truth) and truth == selected)
    assert score.tp + score.fn == len(truth)
    assert score.tp + score.fp == len(selected)


@pytest.mark.parametrize(
    ("box", "cells"),
    [
        ((0, 0, 33, 33), {1}),  # columns of a picture 100 wide: 0..33, 33..66, 66..100
        ((0, 0, 34, 33), {1, 2}),
        ((33, 33, 66, 66), {5}),
        ((66, 66, 100, 100), {9}),
        ((65, 65, 67, 67), {5, 6, 8, 9}),
        ((-50, -50, 500, 500), set(range(1, 10))),
        ((10, 10, 10, 50), set()),  # no width
        ((50, 10, 40, 50), set()),  # turned round
    ],
)
def test_cells_that_a_box_overlaps(box: Any, cells: Any) -> None:
    x1, y1, x2, y2 = box
    boxes = [{"x1": x1, "y1": y1, "x2": x2, "y2": y2, "class_name": "apple"}]
    assert grading.cells_of_label(100, 100, boxes, "apple") == cells


def test_cells_of_other_labels_do_not_count() -> None:
    boxes = [{"x1": 0, "y1": 0, "x2": 90, "y2": 90, "class_name": "bus"}]
    assert grading.cells_of_label(90, 90, boxes, "apple") == frozenset()


def test_normalise() -> None:
    assert grading.normalise("  Ice-Cream 2! ") == "icecream2"
    assert grading.normalise("사과") == ""


def test_a_word_without_letters_never_passes() -> None:
    submission = HandwritingSubmission("c", "aGk=", lambda image: "!!")
    submission.gather({})
    assert not submission.passes({"target_class": "--"})
    assert not submission.passes({})


def test_the_guides_judge_lets_an_empty_selection_equal_no_positives() -> None:
    assert AbstractSubmission("c", [], None, None).passes({"attempts": 1})


def test_signature_is_hmac_sha256_of_id_and_index() -> None:
    expected = hmac.new(b"secret", b"abc:4", hashlib.sha256).hexdigest()
    assert signatures.sign("secret", "abc", 4) == expected


def test_right_signatures_pass_and_none_are_not_asked_for() -> None:
    signatures.check("secret", "abc", [signatures.sign("secret", "abc", index) for index in range(9)])
    signatures.check("secret", "abc", None)


@pytest.mark.parametrize(
    ("secret", "given_signatures", "message"),
    [
        ("secret", ["x"], "Invalid signatures length"),
        ("secret", [], "Invalid signatures length"),
        ("secret", ["x"] * 9, "Invalid signature detected"),
        ("secret", ["사\ud800"] * 9, "Invalid signature detected"),
        (None, [signatures.sign("", "abc", index) for index in range(9)], "Invalid signature detected"),
    ],
)
def test_wrong_signatures(secret: Any, given_signatures: Any, message: str) -> None:
    with pytest.raises(Ungraded, match=message):
        signatures.check(secret, "abc", given_signatures)


def test_decode_image_with_and_without_prefix() -> None:
    assert decode_image("aGk=") == b"hi"
    assert decode_image("data:image/png;base64,aG\nk=") == b"hi"


@pytest.mark.parametrize("text", ["", "data:image/png;base64,", "a", "!!!!", "사과"])
def test_decode_image_refuses(text: str) -> None:
    with pytest.raises(Ungraded, match="Invalid base64 image: "):
        decode_image(text)
