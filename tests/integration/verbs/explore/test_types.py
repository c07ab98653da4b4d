"""All captcha types, in a database with another number than 0."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
import yaml

from devenv.core.model.errors import UsageProblem
from devenv.core.model.vocabulary import CaptchaType, Strategy
from devenv.verbs.explore.result import Mode
from devenv.verbs.operate.select import running_stack
from tests.integration.verbs.explore.conftest import Explore, exploring, started

GUIDE = Strategy.GUIDE
DB = 3


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("types")
    stack = started(folder, GUIDE, pod_env={pod: {"REDIS_DB": str(DB)} for pod in "abc"})
    yield folder
    stack.stop()


@pytest.fixture
def guide(folder: Path) -> Explore:
    return exploring(folder)


@pytest.mark.parametrize("kind", list(CaptchaType))
def test_every_type_has_the_same_races(guide: Explore, folder: Path, kind: CaptchaType) -> None:
    learned = guide("R+R", GUIDE, kind=kind)
    direct = guide("R+R", GUIDE, kind=kind, mode=Mode.DIRECT)
    for done in (learned, direct):
        assert (done.traces, done.complete, done.outcomes) == (36, True, 5)
        values = {
            violation.kind: (violation.traces, violation.confirmed, violation.replayed)
            for violation in done.violations
        }
        assert values == {"double-success": (34, True, 3), "lost-attempt": (18, True, 3)}
    scenario = yaml.safe_load(Path(str(learned.violations[0].scenario_file)).read_text(encoding="utf-8"))
    assert scenario["sessions"] == {"s1": str(kind)}
    with redis.Redis(port=running_stack("embedded", folder).endpoints().redis_port, db=DB) as client:
        assert client.keys("*") == []


def test_an_image_grid_asks_for_its_boxes_in_between(guide: Explore) -> None:
    learned, direct = (
        guide("R+E+X", GUIDE, kind=CaptchaType.IMAGEGRID, mode=item) for item in (Mode.LEARNED, Mode.DIRECT)
    )
    assert (learned.traces, learned.outcomes) == (direct.traces, direct.outcomes)
    assert {violation.kind for violation in learned.violations} == {
        violation.kind for violation in direct.violations
    }


def test_nobody_draws_nothing(guide: Explore) -> None:
    with pytest.raises(UsageProblem, match="an empty answer to a handwriting challenge"):
        guide("R+E", GUIDE, kind=CaptchaType.HANDWRITING)
