"""What is shown of a play: ids, which every repeat has others of, by their names."""

from __future__ import annotations

from devenv.verbs.replay.observed import with_names


def test_ids_become_names_in_texts_only() -> None:
    shown = {
        "status": 410,
        "message": "no basket 41, status 410",
        "of": ["41", 41, None],
        "41": {"x": "a-41"},
    }
    assert with_names(shown, {"41": "c1"}) == {
        "status": 410, "message": "no basket <c1>, status 410", "of": ["<c1>", 41, None],
        "<c1>": {"x": "a-<c1>"},
    }  # fmt: skip
