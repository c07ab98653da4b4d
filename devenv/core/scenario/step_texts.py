"""The YAML of a scenario's steps, one after the other: a recording has a million of the same few kinds.

The dumper writes each kind of step once, with a placeholder where the session's name stands. After that a
step's text is that of its kind with its own name put in, which is what the dumper would have written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.emitter import ScalarAnalysis

from devenv.core.render.visible import is_visible, visible

LINE_WIDTH = 110
_LETTERS = "À-ɏͰ-ԯᄀ-ᇿぁ-ヺㄱ-ㆎ一-鿿가-힣"
_ELSEWHERE = re.compile(rf'\\[^n"\\]|[^ -~{_LETTERS}]')
"""In JSON: a character that libyaml writes in another way than PyYAML does, or a control character."""
_TARGET = re.compile(r"(?:[A-Z]{1,20} )?/[A-Za-z0-9/%_=&.+?-]*+")
PLACEHOLDER = "c0"
"""Stands for a session's name in a text that is kept; such names are letters and digits, as it is."""
_FIRST = f"{PLACEHOLDER}-1"
_LONGEST_NAME = 15
_NAME = re.compile(rf"c(?=.{{1,{_LONGEST_NAME - 1}}}\Z)[0-9]+(?:-[0-9]+)?")
"""Names that recordings give to sessions and to their requests: no other word, no number to YAML."""
_LINE_END = re.compile("[\n\x85\u2028\u2029]")
_WORDS_AND_BLANKS = re.compile(" +|[^ ]+")
_MOST_KEPT = 4096
_LONGEST = 1e9


class _Dumper(yaml.SafeDumper):
    """Texts of several lines as they are, short lists and mappings in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        """Scenarios know no anchors."""
        return True

    def analyze_scalar(self, scalar: str) -> Any:
        """As PyYAML does, which looks at each character; what is not visible is quoted."""
        if _TARGET.fullmatch(scalar):
            return ScalarAnalysis(scalar, False, False, "?" not in scalar, True, True, True, True)
        if is_visible(scalar):
            return super().analyze_scalar(scalar)
        return ScalarAnalysis(scalar, False, "\n" in scalar, False, False, False, True, False)

    def write_plain(self, text: str, split: bool = True) -> None:
        """As PyYAML does, but word by word: PyYAML looks at each character, for seconds a megabyte."""
        if not text or _LINE_END.search(text):
            super().write_plain(text, split)
            return
        if self.root_context:
            self.open_ended = True
        if not self.whitespace:
            self.column += 1
            self.stream.write(" ")
        self.whitespace = self.indention = False
        for piece in _WORDS_AND_BLANKS.findall(text):
            if piece == " " and self.column > self.best_width and split:
                self.write_indent()
                self.whitespace = self.indention = False
            else:
                self.column += len(piece)
                self.stream.write(piece)


class _FastDumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """The same by libyaml, where PyYAML was built with it: ten times faster."""

    def ignore_aliases(self, data: Any) -> bool:
        """Scenarios know no anchors."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = '"' if not is_visible(text) else "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for _each in (_Dumper, _FastDumper):
    _each.add_representer(str, _text)


def dumped(data: Any) -> str:
    """Plain data as YAML, in which every character is visible."""
    dumper = _Dumper if _ELSEWHERE.search(json.dumps(data, default=str, ensure_ascii=False)) else _FastDumper
    text: str = yaml.dump(
        data, Dumper=dumper, sort_keys=False, allow_unicode=True, width=LINE_WIDTH, default_flow_style=None
    )
    return visible(text)  # what is not visible stands in double quotes: the escapes mean the same


@dataclass(slots=True)
class StepTexts:
    """Writes steps."""

    samples: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    """A step of each kind that was written by its kind's text, with a placeholder for the session's name."""
    _kept: dict[str, tuple[str, str] | None] = field(default_factory=dict)
    """By kind: its text before and after the session's name; None where a long name might break a line."""

    def text(self, step: Mapping[str, Any]) -> str:
        """One step, as an item of the list of steps."""
        kind = next(iter(step), "") if isinstance(step, dict) else ""
        written: str | None = None
        if kind in _SESSION_KEYS:
            written = self._of_kind(kind, step, _ALONE)
        elif kind == "pause":
            written = self._pause(step)
        elif kind == "together":
            written = self._together(step)
        return dumped([step]) if written is None else written

    def _pause(self, step: Mapping[str, Any]) -> str | None:
        seconds = step["pause"]
        hundredths = isinstance(seconds, float) and 0 <= seconds < _LONGEST and round(seconds, 2) == seconds
        if len(step) > 1 or not hundredths:
            return None
        self.samples["pause"] = step
        return f"- {{pause: {seconds!r}}}\n"  # so few digits are written in the same way by Python and YAML

    def _together(self, step: Mapping[str, Any]) -> str | None:
        parts, expect = step["together"], step.get("expect", {"requests": {}})
        checks = expect.get("requests") if isinstance(expect, dict) and len(expect) == 1 else None
        if step.keys() - _TOGETHER_KEYS or not isinstance(parts, dict) or not isinstance(checks, dict):
            return None
        if not parts or ("expect" in step and not checks):
            return None
        texts = ["- together:\n"]
        for name, part in parts.items():
            written = self._of_kind("verify", part, _PART) if _NAME.fullmatch(name) else None
            if written is None:
                return None
            texts.append(f"    {name}:{written}")
        if checks:
            texts.append("  expect:\n    requests:\n")
        for name, check in checks.items():
            written = self._check(check) if _NAME.fullmatch(name) else None
            if written is None:
                return None
            texts.append(f"      {name}:{written}")
        return "".join(texts)

    def _of_kind(self, kind: str, step: Mapping[str, Any], place: _Place) -> str | None:
        """The text of a step or part that names a session; None where the dumper must write it itself."""
        if not isinstance(step, dict) or next(iter(step), "") != kind or step.keys() - _SESSION_KEYS[kind]:
            return None
        name = step[kind]
        if not isinstance(name, str) or _NAME.fullmatch(name) is None:
            return None
        sample = {**step, kind: PLACEHOLDER}
        key = f"{place.name} {sample}"
        texts = self._kept.get(key, _NOT_YET)
        if texts is _NOT_YET:
            texts = self._keep(key, place.around(sample), f": {PLACEHOLDER}", place.before)
        return None if texts is None else f"{texts[0]}: {name}{texts[1]}"

    def _check(self, check: Any) -> str | None:
        """What is expected of one part: what stands behind its name."""
        key = f"check {check}"
        texts = self._kept.get(key, _NOT_YET)
        if texts is _NOT_YET:
            part = {"verify": PLACEHOLDER, "answer": "wrong"}
            step = {"together": {_FIRST: part}, "expect": {"requests": {_FIRST: check}}}
            texts = self._keep(key, step, f"      {_FIRST}:", "")
        return None if texts is None else texts[1]

    def _keep(self, key: str, step: Mapping[str, Any], mark: str, before: str) -> tuple[str, str] | None:
        """Keep what the dumper writes before and after ``mark``, from the end of ``before`` on."""
        if len(self._kept) >= _MOST_KEPT:
            return None
        text = dumped([step])
        texts: tuple[str, str] | None = None
        if max(map(len, text.splitlines())) + 2 * _LONGEST_NAME <= LINE_WIDTH:
            head, _, tail = text[text.index(before) + len(before) :].partition(mark)
            texts = head, tail
            self.samples[key] = step
        self._kept[key] = texts
        return texts


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the text of a request stands: as a step, or as a part of one."""

    name: str
    before: str
    """What stands before the text in the step that has it."""

    def around(self, request: Mapping[str, Any]) -> Mapping[str, Any]:
        """A step with the request at this place."""
        return {"together": {_FIRST: request}} if self is _PART else request


_NOT_YET = "", ""
_ALONE = _Place("alone", "")
_PART = _Place("part", f"    {_FIRST}:")
_SESSION_KEYS = {
    "create": frozenset(("create", "pod", "expect")),
    "verify": frozenset(("verify", "pod", "answer", "expect")),
}
_TOGETHER_KEYS = frozenset(("together", "expect"))
