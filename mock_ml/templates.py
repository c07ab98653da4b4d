"""The skeletons of the vocabulary's words in several plain hands, which writing is compared with.

Drawing them takes 0.7 s of CPU, so those of the vocabulary are kept in ``templates.npz``. After a change of
the alphabet, the strokes or the skeleton write it anew: ``python -m mock_ml.templates``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import numpy as np

from mock_ml import ink
from mock_ml.icons import THINGS
from mock_ml.seeding import stream
from mock_ml.strokes import Hand, Sheet, render, write

FILE = Path(__file__).with_name("templates.npz")
_HANDS = (
    Hand(spacing=1.0),
    Hand(spacing=2.2),
    Hand(spacing=1.2, joined=True),
    Hand(spacing=1.6, jitter=0.25, wander=0.08),
)
_SHEET = Sheet(420, 100, pen=3)


def template_lines(words: Sequence[str]) -> Iterator[tuple[str, ink.Mask]]:
    """Each word with the skeleton of each of its versions, in the words' order."""
    kept = _kept()
    for word in words:
        for line in kept.get(word) or drawn_lines(word):
            yield word, line


def drawn_lines(word: str) -> list[ink.Mask]:
    """The skeletons of a word's versions, drawn. KeyError for a character that the alphabet has not."""
    lines = []
    for number, (hand, text) in enumerate(_versions(word)):
        mask = ink.ink_of(render(write(text, hand, stream("template", word, number)), _SHEET))
        line = ink.skeleton(mask) if mask is not None else None
        assert line is not None  # a template has ink
        lines.append(line)
    return lines


def _versions(word: str) -> list[tuple[Hand, str]]:
    small = [(hand, word) for hand in _HANDS]
    large = [(hand, text) for hand in _HANDS[:1] for text in (word.upper(), word.capitalize())]
    return small + large


@cache
def _kept() -> Mapping[str, list[ink.Mask]]:
    """The file's skeletons by word."""
    with np.load(FILE) as data:
        words, widths, bits = data["words"].tolist(), data["widths"].tolist(), data["bits"]
    lines: dict[str, list[ink.Mask]] = defaultdict(list)
    begin = 0
    for word, width in zip(words, widths, strict=True):
        size = ink.HEIGHT * width
        end = begin + (size + 7) // 8
        lines[word].append(np.unpackbits(bits[begin:end], count=size).reshape(ink.HEIGHT, width).astype(bool))
        begin = end
    return lines


def write_file(path: Path = FILE) -> None:
    """Draw the templates of the whole vocabulary and keep them, each as ``HEIGHT`` rows of bits."""
    lines = [(thing.name, line) for thing in THINGS for line in drawn_lines(thing.name)]
    np.savez_compressed(
        path,
        words=np.array([word for word, _ in lines]),
        widths=np.array([line.shape[1] for _, line in lines], np.int32),
        bits=np.concatenate([np.packbits(line) for _, line in lines]),
    )


if __name__ == "__main__":
    write_file()
