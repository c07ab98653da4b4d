"""Balancers in containers in front of the pods: they choose, and the demo tells its story behind them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from devenv.core.model.errors import UsageProblem
from devenv.core.model.topology import StackStatus
from devenv.core.model.vocabulary import Strategy
from devenv.harness.config.settings import Settings
from devenv.verbs.demo.acts import Act, Verdict, run_acts
from devenv.verbs.demo.setting import demo_spec
from devenv.verbs.operate.select import fresh_stack
from devenv.wire.control.policy import set_policy

pytestmark = pytest.mark.docker
IN_TURN = {"new": 1.0, "new+image": 0.0, "kept": 1.0, "kept+image": 0.0}


class _Silent:
    """Is told of the acts and shows nothing."""

    def opened(self, status: StackStatus) -> None: ...

    def act_begins(self, strategy: Strategy, race: bool) -> None: ...

    def act_ended(self, act: Act) -> None: ...

    def restarted(self, strategy: Strategy, seconds: float) -> None: ...


@pytest.mark.parametrize("setting", ["nginx:round_robin", "haproxy:roundrobin"])
def test_the_demo_shows_the_bug_the_fix_and_the_race_behind_it(
    setting: str, tmp_path: Path, engine: None
) -> None:
    """And it loses what its formula says: the demo takes anything else for a surprise."""
    spec = demo_spec(replace(Settings(), balancer=setting), Strategy.GUIDE)
    with fresh_stack("compose", tmp_path, spec, lambda line: None) as stack:
        status = stack.status()
        assert status.balancer is not None
        assert (status.balancer.state, status.balancer.setting) == ("running", setting)
        assert status.balancer.version.count(".") == 2
        story = run_acts(stack, trials=1, observer=_Silent(), progress=lambda line: None, started=0.0)
        with pytest.raises(UsageProblem, match="chooses the pod, not the proxy"):
            set_policy(status, setting.partition(":")[0])
    assert story.verdict is Verdict.HOLDS, [act.surprises for act in story.acts]
    memory, guide, race, _ = story.acts
    lost = {result.name: result.lost / result.sessions for result in memory.patterns}
    assert 0.1 < lost.pop("users") < 0.9
    assert lost == IN_TURN
    assert [result.lost for result in guide.patterns] == [0] * 5
    assert race.race is not None
    assert race.race.empty_passed == 5
