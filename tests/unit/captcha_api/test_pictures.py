"""Choosing challenges from a catalogue."""

from random import Random
from typing import Any

import pytest

from devenv.captcha_api.errors import MLUnavailable
from devenv.captcha_api.pictures import Catalogue, CatalogueCache

LISTING = {
    "classes": [
        {
            "name": name,
            "ko": name.upper(),
            "images": [f"/{name}/{n}.png" for n in range(12)],
            "handwriting": [f"/w/{name}/{n}.png" for n in range(6)],
        }
        for name in ("apple", "bus", "cat")
    ],
    "scenes": [{"url": f"/s/{n}.png", "labels": ["apple", "cat"][: n % 2 + 1]} for n in range(5)],
}


@pytest.mark.parametrize("seed", range(30))
def test_nine_different_pictures_two_to_five_of_them_right(seed: int) -> None:
    target, pictures = Catalogue.from_json(LISTING).nine_pictures(Random(seed))
    paths = [path for path, _ in pictures]
    assert len(set(paths)) == len(paths) == 9
    assert 2 <= sum(positive for _, positive in pictures) <= 5
    assert all((path in target.images) == positive for path, positive in pictures)


def test_positives_are_anywhere() -> None:
    catalogue = Catalogue.from_json(LISTING)
    random = Random(1)
    seen = {
        i for _ in range(60) for i, (_, positive) in enumerate(catalogue.nine_pictures(random)[1]) if positive
    }
    assert seen == set(range(9))


def test_the_scene_of_an_id_is_always_the_same_and_all_are_used() -> None:
    first, second = Catalogue.from_json(LISTING), Catalogue.from_json(LISTING)
    ids = [f"{n:032x}" for n in range(300)]
    assert [first.scene_for(challenge_id) for challenge_id in ids] == [
        second.scene_for(challenge_id) for challenge_id in ids
    ]
    assert {first.scene_for(challenge_id) for challenge_id in ids} == set(first.targets)
    assert first.scene_for("any \ud800 text") in first.targets


def test_samples_are_five_of_the_class() -> None:
    target, samples = Catalogue.from_json(LISTING).word(Random(3))
    assert len(set(samples)) == 5
    assert set(samples) <= set(target.handwriting)


@pytest.mark.parametrize("listing", [{}, {"classes": [], "scenes": []}, {"classes": [1], "scenes": []}])
def test_a_useless_catalogue_says_so(listing: Any) -> None:
    with pytest.raises(MLUnavailable, match="catalogue"):
        Catalogue.from_json(listing)


def test_the_cache_asks_again_after_a_failure_and_never_after_success() -> Any:
    calls = []

    def fetch() -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise MLUnavailable("down")
        return LISTING

    cache = CatalogueCache(fetch)
    with pytest.raises(MLUnavailable):
        cache.get()
    assert cache.get() is cache.get()
    assert len(calls) == 2
