"""The texts of steps are what the dumper writes, whichever way they are made."""

from __future__ import annotations

from typing import Any

import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from devenv.core.render.visible import is_visible
from devenv.core.scenario.step_texts import LINE_WIDTH, StepTexts, _Dumper, dumped

NAMES = st.sampled_from(["c1", "c0", "c22", "c123456-7", "c1-1", "c12345678901234", "on", "1", "C1", "c1 "])
PODS = st.sampled_from(["A", "B", "N", "Y"])
OUTCOMES = st.sampled_from(["wrong", "success", "not_found", ["success", "wrong"]])
ANSWERS = st.sampled_from(["wrong", "right", "empty", "1", "x" * 60, "x" * 100]) | st.lists(st.integers(0, 9))


def _mapping(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Mappings whose optional keys stand in any order behind the required ones."""
    mapping = st.fixed_dictionaries(required, optional=optional)
    return mapping.flatmap(
        lambda data: st.permutations(list(data)[len(required) :]).map(
            lambda names: {name: data[name] for name in [*required, *names]}
        )
    )


CHECKS = st.fixed_dictionaries({"outcome": OUTCOMES}, optional={"status": st.integers(200, 204)})
VERIFIES = _mapping({"verify": NAMES, "answer": ANSWERS}, {"pod": PODS})
REQUESTS = st.fixed_dictionaries({"request": st.just("GET /a: #b"), "body": st.text(max_size=150)})
STEPS = st.one_of(
    _mapping({"create": NAMES}, {"pod": PODS, "node": st.just("other"), "expect": CHECKS}),
    _mapping({"verify": NAMES, "answer": ANSWERS}, {"pod": PODS, "expect": CHECKS}),
    st.fixed_dictionaries({"pause": st.floats(0, 86400) | st.integers(0, 9) | st.just(0.25)}),
    st.fixed_dictionaries({"pause": st.floats(0, 86400).map(lambda seconds: round(seconds, 2))}),
    REQUESTS,
    _mapping(
        {"together": st.dictionaries(NAMES, VERIFIES | REQUESTS, min_size=1, max_size=4)},
        {"expect": st.fixed_dictionaries({"requests": st.dictionaries(NAMES, CHECKS, max_size=3)})},
    ),
)


@settings(max_examples=60)
@given(st.lists(STEPS, min_size=1, max_size=8))
def test_the_text_of_a_step_is_the_dumper_s(steps: list[dict[str, Any]]) -> None:
    texts = StepTexts()
    for step in (*steps, *steps):  # the second time by the texts that were kept
        assert texts.text(step) == dumped([step])


def test_each_kind_has_one_sample() -> None:
    texts = StepTexts()
    for number in range(50):
        texts.text({"create": f"c{number}", "pod": "A"})
        texts.text({"verify": f"c{number}", "pod": "B", "answer": "wrong"})
        texts.text({"pause": number / 4})
    assert [next(iter(step)) for step in texts.samples.values()] == ["create", "verify", "pause"]


@given(
    st.from_regex(r"(?:[A-Z]{1,4} )?/[A-Za-z0-9/%_=&.+?-]{0,30}", fullmatch=True)
    | st.text("a \0\u202e\n:#", max_size=300)
)
def test_what_is_known_of_a_text_at_once_is_what_pyyaml_finds(text: str) -> None:
    assume("/" in text or not is_visible(text))
    data = [{"request": text, "body": {"a": text}}]
    for flow in (None, True, False):
        written = [
            yaml.dump(data, Dumper=dumper, width=LINE_WIDTH, default_flow_style=flow)
            for dumper in (_Dumper, _SlowDumper)
        ]
        assert written[0] == written[1]


class _SlowDumper(_Dumper):
    analyze_scalar = yaml.SafeDumper.analyze_scalar


@given(st.lists(st.text("a 가나다あ漢é:'#-{", max_size=150), max_size=3))
def test_letters_of_other_scripts_are_written_as_by_pyyaml(texts: list[str]) -> None:
    slow = yaml.dump(
        texts, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=LINE_WIDTH, default_flow_style=None
    )
    assert dumped(texts) == slow


class _Library(_Dumper):
    """Writes plain scalars as PyYAML does by itself."""

    yaml_representers = _Dumper.yaml_representers
    write_plain = yaml.SafeDumper.write_plain


PLAIN = st.text("a \u0e31\u200d가ﬃ-:'\n", max_size=200)


@given(st.one_of(PLAIN, st.lists(PLAIN, max_size=3), st.dictionaries(PLAIN, st.lists(PLAIN, max_size=2))))
def test_a_plain_scalar_is_written_as_the_library_writes_it(data: Any) -> None:
    same: Any = {"sort_keys": False, "allow_unicode": True, "width": LINE_WIDTH, "default_flow_style": None}
    assert yaml.dump(data, Dumper=_Dumper, **same) == yaml.dump(data, Dumper=_Library, **same)
