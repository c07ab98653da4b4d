"""The image grid's scenes: several things on one background, with the true box of each.

A scene is planned first (slots that do not overlap, without drawing) and drawn on demand. Every label of
every scene covers at least one and at most ``MOST_CELLS`` of the nine cells.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from PIL import Image

from mock_ml.icons import BY_NAME, CLASS_IDS, THINGS
from mock_ml.pictures import Box, backdrop, cut_out
from mock_ml.seeding import stream

SCENES = 48
GRID = 3
MOST_CELLS = 7

_SIZES = ((450, 450), (448, 451), (452, 449), (460, 440), (451, 448), (450, 455))
_SLACK = 26
"""Pixels by which a slot is larger than its thing, so that the thing can be moved to fit the grid."""
_SEEN_PIXELS = 60
"""Visible pixels of a thing below which a person would not say that it is in a cell."""


@dataclass(frozen=True, slots=True)
class Slot:
    """The room that one thing has in a scene: x, y, side in pixels."""

    label: str
    x: int
    y: int
    side: int

    @property
    def box(self) -> Box:
        """The slot's square."""
        return (self.x, self.y, self.x + self.side, self.y + self.side)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a scene will show, known without drawing it."""

    width: int
    height: int
    slots: tuple[Slot, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes shown, in the vocabulary's order."""
        return tuple(sorted({slot.label for slot in self.slots}, key=CLASS_IDS.__getitem__))


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing in a scene: its class and true box."""

    label: str
    box: Box


@dataclass(frozen=True, slots=True)
class Scene:
    """A drawn scene (RGB) and everything in it."""

    image: Image.Image
    detections: tuple[Detection, ...]


def plan_scene(seed: int, index: int) -> Plan:
    """The plan of scene ``index``: 3 to 6 things of 2 to 4 classes."""
    for attempt in range(1000):
        plan = _try_plan(stream(seed, "scene", index, attempt), _SIZES[index % len(_SIZES)])
        if plan is not None:
            return plan
    raise AssertionError(f"no plan found for scene {index} of seed {seed}")


def _try_plan(rng: Random, size: tuple[int, int]) -> Plan | None:
    width, height = size
    count = rng.randint(3, 6)
    names = rng.sample([thing.name for thing in THINGS], rng.randint(2, min(4, count)))
    labels = names + [rng.choice(names) for _ in range(count - len(names))]
    slots: list[Slot] = []
    for label in labels:
        slot = _place(rng, label, size, slots, largest=200 if count <= 4 else 175)
        if slot is None:
            return None
        slots.append(slot)
    for name in names:
        cells = cells_of([slot.box for slot in slots if slot.label == name], width, height)
        if len(cells) > MOST_CELLS:
            return None
    return Plan(width, height, tuple(slots))


def _place(
    rng: Random, label: str, size: tuple[int, int], taken: Sequence[Slot], largest: int
) -> Slot | None:
    for _ in range(60):
        side = rng.randint(135, largest)
        slot = Slot(label, rng.randint(4, size[0] - side - 4), rng.randint(4, size[1] - side - 4), side)
        if not any(_overlap(slot.box, other.box) for other in taken):
            return slot
    return None


def draw_scene(seed: int, index: int) -> Scene:
    """Scene ``index`` as planned: each thing somewhere in its slot."""
    plan = plan_scene(seed, index)
    canvas = backdrop((plan.width, plan.height), stream(seed, "scene-backdrop", index))
    detections: list[Detection] = []
    for number, slot in enumerate(plan.slots):
        rng = stream(seed, "scene-thing", index, number)
        bound = slot.side - _SLACK
        sprite = cut_out(BY_NAME[slot.label], rng, (bound, bound))
        x, y = _fairest(rng, sprite, slot, plan)
        canvas.paste(sprite, (x, y), sprite)
        detections.append(Detection(slot.label, (x, y, x + sprite.width, y + sprite.height)))
    return Scene(canvas, tuple(detections))


def _fairest(rng: Random, sprite: Image.Image, slot: Slot, plan: Plan) -> tuple[int, int]:
    """Where in its slot the thing goes: such that a cell that its box overlaps also shows some of it.

    The rule of the captcha counts boxes, a person sees shapes; the first of 24 random places where the two
    agree is taken, else the one with the fewest cells in dispute.
    """
    best: tuple[int, tuple[int, int]] | None = None
    alpha = sprite.getchannel("A")
    for _ in range(24):
        x = rng.randint(slot.x, slot.x + slot.side - sprite.width)
        y = rng.randint(slot.y, slot.y + slot.side - sprite.height)
        disputed = 0
        for cell in cells_of([(x, y, x + sprite.width, y + sprite.height)], plan.width, plan.height):
            left, top, right, bottom = cell_box(cell, plan.width, plan.height)
            part = alpha.crop(
                (
                    max(left - x, 0),
                    max(top - y, 0),
                    min(right - x, sprite.width),
                    min(bottom - y, sprite.height),
                )
            )
            if sum(part.histogram()[128:]) < _SEEN_PIXELS:
                disputed += 1
        if best is None or disputed < best[0]:
            best = (disputed, (x, y))
        if disputed == 0:
            break
    assert best is not None
    return best[1]


def cell_box(cell: int, width: int, height: int) -> Box:
    """The pixels of cell 1..9 (row by row): two columns of floor(width / 3), then the rest; rows likewise."""
    row, column = divmod(cell - 1, GRID)
    xs = (0, width // GRID, 2 * (width // GRID), width)
    ys = (0, height // GRID, 2 * (height // GRID), height)
    return (xs[column], ys[row], xs[column + 1], ys[row + 1])


def cells_of(boxes: Sequence[Box], width: int, height: int) -> list[int]:
    """The cells 1..9 that any of ``boxes`` overlaps, ascending.

    Boxes and cells are half-open: a box whose right edge is a cell's left edge does not overlap that cell.
    """
    cells = range(1, GRID * GRID + 1)
    return [cell for cell in cells if any(_overlap(cell_box(cell, width, height), box) for box in boxes)]


def _overlap(a: Box, b: Box) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]
