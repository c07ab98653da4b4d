from __future__ import annotations

import pytest

from devenv.wire.proxy.limits import Limits


@pytest.mark.parametrize(
    ("limits", "seconds"),
    [
        (Limits(), 0.5),
        (Limits(client=0.2), 0.1),
        (Limits(upstream_idle=0.001), 0.01),
        (Limits(linger=0.5), 0.25),
    ],
)
def test_limits_are_looked_at_twice_in_the_shortest_of_them(limits: Limits, seconds: float) -> None:
    assert limits.sweep == pytest.approx(seconds)
