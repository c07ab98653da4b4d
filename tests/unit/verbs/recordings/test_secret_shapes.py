"""Numbers by their check digits, keys by their look."""

from __future__ import annotations

import pytest

from devenv.verbs.recordings.secret_shapes import is_card, without_secret_shapes


@pytest.mark.parametrize(
    ("digits", "card"),
    [
        ("4111111111111111", True), ("5555555555554444", True), ("2221000000000009", True),
        ("378282246310005", True), ("6011000990139424", True), ("3530111333300000", True),
        ("4111111111111112", False), ("1764489600123", False), ("1690000000123456", False),
        ("0000000000000000", False),
        ("41111111", False),
    ],
)  # fmt: skip
def test_cards_by_luhn(digits: str, card: bool) -> None:
    assert is_card(digits) is card


@pytest.mark.parametrize(
    "secret",
    [
        "sq0atp-" + "abcdefghijklmnopqrstuv", "Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4Zg==",
        "FR1420041010050500013M02606",
        "NL91 ABNA 0417 1643 00", "min.ji+x@mail.example.co.kr", "+49 151 23456789", "850101-2123456",
        "ya29." + "a0AfH6SMBxyz", "glsa_" + "abcdefghijklmnopqrstuvwxyz012345", "011-9876-5432",
    ],
)  # fmt: skip
def test_a_shape_is_taken_out_and_counted(secret: str) -> None:
    assert without_secret_shapes(f"x {secret} y", "-") == ("x - y", 1)


@pytest.mark.parametrize(
    "text",
    ["2026-11-30T08:00:00.000Z", "10.15.7", "DE99 not an iban 00", "GB00 1234 5678 9012 34", "a@b",
     "x://y/z", "InternalServerErrorException", "the basic information", "1764489600123",
     "--------------------------------"],
)  # fmt: skip
def test_what_only_resembles_a_secret_stays(text: str) -> None:
    assert without_secret_shapes(text, "-") == (text, 0)
