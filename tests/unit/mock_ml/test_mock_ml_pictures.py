"""The drawn pictures: true boxes, scenes that a person can solve, recognition by content."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageChops

from mock_ml import handwriting, pictures, scenes
from mock_ml.gallery import Asset, Gallery, UnreadableImage, decode
from mock_ml.icons import THINGS
from mock_ml.pictures import Box, backdrop, draw_picture
from mock_ml.scenes import cell_box, cells_of, draw_scene, plan_scene
from mock_ml.seeding import stream

NAMES = [thing.name for thing in THINGS]


@pytest.fixture(scope="module")
def gallery() -> Gallery:
    return Gallery(1)


def test_the_catalogue_holds_enough_of_everything(gallery: Gallery) -> None:
    catalog = gallery.catalog()
    assert len(catalog["classes"]) >= 12
    for entry in catalog["classes"]:
        assert len(entry["images"]) >= 12
        assert len(entry["handwriting"]) >= 5
        assert entry["name"] == entry["en"]
        assert entry["ko"] and not entry["ko"].isascii()
    assert len(catalog["scenes"]) >= 40
    urls = [url for entry in catalog["classes"] for url in entry["images"] + entry["handwriting"]]
    urls += [scene["url"] for scene in catalog["scenes"]]
    assert len(urls) == len(set(urls))
    for url in urls:
        result = gallery.find(url)
        assert result is not None and result.path == url


def test_pictures_of_a_class_are_all_different(gallery: Gallery) -> None:
    for name in NAMES[:3]:
        assert len({gallery.png(Asset("abstract", name, i)) for i in range(pictures.PER_CLASS)}) == 16


def test_another_seed_draws_other_pictures() -> None:
    for name in NAMES:
        first, second = draw_picture(1, name, 0).image, draw_picture(2, name, 0).image
        assert first.size == second.size == (pictures.SIZE, pictures.SIZE)
        assert ImageChops.difference(first, second).getbbox() is not None


@pytest.mark.parametrize("seed", [1, 2])
def test_every_label_of_every_scene_covers_some_but_not_all_cells(seed: int) -> None:
    sizes = []
    for index in range(scenes.SCENES):
        plan, scene = plan_scene(seed, index), draw_scene(seed, index)
        labels = {one.label for one in scene.detections}
        assert 3 <= len(scene.detections) <= 6
        assert 2 <= len(labels) <= 4
        assert sorted(labels) == sorted(plan.labels)
        assert scene.image.size == (plan.width, plan.height)
        sizes.append(scene.image.size)
        for label in labels:
            boxes = [one.box for one in scene.detections if one.label == label]
            assert 1 <= len(cells_of(boxes, *scene.image.size)) <= scenes.MOST_CELLS
    assert any(width % 3 or height % 3 for width, height in sizes)


def test_the_boxes_are_true() -> None:
    """What differs from the bare background lies in the boxes, and fills each of them to its edges."""
    for index in range(12):
        plan, scene = plan_scene(1, index), draw_scene(1, index)
        bare = backdrop((plan.width, plan.height), stream(1, "scene-backdrop", index))
        drawn = np.asarray(ImageChops.difference(scene.image, bare)).max(axis=2) > 0
        outside = drawn.copy()
        for one in scene.detections:
            x1, y1, x2, y2 = one.box
            outside[y1:y2, x1:x2] = False
            rows, columns = np.nonzero(drawn[y1:y2, x1:x2])
            seen = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
            assert np.abs(np.subtract(seen, (0, 0, x2 - x1, y2 - y1))).max() <= 3, (index, one)
        assert not outside.any(), index


def test_a_person_sees_the_thing_in_almost_every_cell_that_its_box_overlaps() -> None:
    cells = disputed = 0
    for index in range(scenes.SCENES):
        plan, scene = plan_scene(1, index), draw_scene(1, index)
        bare = backdrop((plan.width, plan.height), stream(1, "scene-backdrop", index))
        drawn = np.asarray(ImageChops.difference(scene.image, bare)).max(axis=2) > 24
        for one in scene.detections:
            for cell in cells_of([one.box], plan.width, plan.height):
                left, top, right, bottom = cell_box(cell, plan.width, plan.height)
                part = drawn[max(top, one.box[1]) : min(bottom, one.box[3])]
                part = part[:, max(left, one.box[0]) : min(right, one.box[2])]
                cells += 1
                disputed += part.sum() < 30
    assert disputed <= 0.02 * cells, (disputed, cells)


@pytest.mark.parametrize(
    ("boxes", "size", "cells"),
    [
        ([(0, 0, 150, 150)], (450, 450), [1]),
        ([(0, 0, 151, 150)], (450, 450), [1, 2]),
        ([(150, 150, 300, 300)], (450, 450), [5]),
        ([(149, 149, 301, 301)], (450, 450), list(range(1, 10))),
        ([(0, 0, 1, 1), (449, 449, 450, 450)], (450, 450), [1, 9]),
        # 448 = 149 + 149 + 150, 451 = 150 + 150 + 151: the rest belongs to the last column and row
        ([(298, 300, 299, 301)], (448, 451), [9]),
        ([(297, 299, 298, 300)], (448, 451), [5]),
        ([], (450, 450), []),
    ],
)
def test_cells_are_half_open(boxes: list[Box], size: tuple[int, int], cells: list[int]) -> None:
    assert cells_of(boxes, *size) == cells


def test_cells_tile_the_image() -> None:
    for width, height in ((450, 450), (448, 451), (100, 10)):
        covered = np.zeros((height, width), int)
        for cell in range(1, 10):
            left, top, right, bottom = cell_box(cell, width, height)
            covered[top:bottom, left:right] += 1
        assert (covered == 1).all()


@pytest.mark.parametrize(
    "url",
    [
        "/assets/abstract/apple/16.png",
        "/assets/abstract/dragon/00.png",
        "/assets/abstract/apple/../../../etc/passwd",
        "/assets/scenes/048.png",
        "/assets/scenes/1.png",
        "/assets/handwriting/apple/00.png.exe",
        "/etc/passwd",
        "http://[broken/assets/scenes/000.png",
        "",
    ],
)
def test_what_is_not_in_the_catalogue_is_not_found(gallery: Gallery, url: str) -> None:
    assert gallery.find(url) is None


@pytest.mark.parametrize("prefix", ["", "http://mock-ml:8001", "https://cdn.example:1/bucket", "//host"])
def test_only_the_end_of_the_path_counts(gallery: Gallery, prefix: str) -> None:
    assert gallery.find(prefix + "/assets/scenes/007.png?v=1#x") == Asset("scenes", "", 7)


def _encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_a_picture_is_recognised_by_its_content(gallery: Gallery) -> None:
    for name in NAMES:
        asset = Asset("abstract", name, 5)
        assert gallery.class_of(gallery.png(asset)) == name
        image = gallery.image(asset)
        assert gallery.class_of(_encoded(image, "JPEG", quality=40)) == name
        assert gallery.class_of(_encoded(image.resize((96, 96)), "PNG")) == name
        assert gallery.class_of(_encoded(image.convert("RGBA"), "PNG", compress_level=1)) == name


def test_a_fresh_process_knows_pictures_that_another_one_drew() -> None:
    data = Gallery(1).png(Asset("abstract", "cat", 3))
    assert Gallery(1).class_of(data) == "cat"


def test_other_pictures_are_not_recognised(gallery: Gallery) -> None:
    assert gallery.class_of(gallery.png(Asset("scenes", "", 0))) is None
    assert gallery.class_of(gallery.png(Asset("handwriting", "cat", 0))) is None
    assert gallery.class_of(_encoded(Image.new("RGB", (192, 192), (214, 232, 246)), "PNG")) is None
    assert gallery.class_of(_encoded(draw_picture(99, "cat", 0).image, "PNG")) is None


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"no image at all", "not a readable"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * 50, "not a readable"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not a readable"),
    ],
)
def test_undecodable_bytes_say_so(data: bytes, reason: str) -> None:
    with pytest.raises(UnreadableImage, match=reason):
        decode(data)


def test_a_truncated_picture_is_unreadable(gallery: Gallery) -> None:
    data = gallery.png(Asset("abstract", "cat", 0))
    with pytest.raises(UnreadableImage):
        decode(data[: len(data) // 2])


def test_an_image_of_too_many_pixels_is_refused() -> None:
    bomb = _encoded(Image.new("1", (6000, 6000)), "PNG")
    assert len(bomb) < 20_000
    with pytest.raises(UnreadableImage, match="pixels"):
        decode(bomb)


def test_samples_differ_from_each_other() -> None:
    images = [handwriting.draw_sample(1, "apple", i).tobytes() for i in range(handwriting.PER_CLASS)]
    assert len(set(images)) == len(images)
