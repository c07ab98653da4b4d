"""What happens to the pods in a window: segments of time in which nothing changes, as arrays over pods.

Sessions are independent of each other given this history, so both engines read it; the event engine plays its
moments as events, the vectorised one looks segments up.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devenv.core.simulation.setting import Setting

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class History:
    """Segment s lasts from ``starts[s]`` to ``starts[s + 1]``; the last one has no end. Pods are columns."""

    starts: NDArray[np.float64]
    """The moments, in seconds from the window's start; the first is 0."""
    member: Bools
    """Segments × pods: whether the pod belongs to the service."""
    sizes: Ints
    """Segments: how many pods belong to the service."""
    up: Bools
    """Segments × pods: whether it belongs to the service and answers."""
    redis: Bools
    """Segments × pods: whether its flag says Redis."""
    incarnation: Ints
    """Segments × pods: how often it has restarted."""
    restarts: NDArray[np.float64]
    """Pods: the moment of the restart; infinite where there is none."""
    candidates: Ints
    """Segments × pods: the indexes of the pods that are up, first; then -1."""
    counts: Ints
    """Segments: how many pods are up."""

    def segment(self, moments: NDArray[np.float64]) -> Ints:
        """The segments in which ``moments`` lie."""
        return np.searchsorted(self.starts, moments, side="right") - 1


def history_of(setting: Setting) -> History:
    """The history of a window of ``setting``, without crashes, which come at random."""
    pods = setting.most_pods
    down = np.full(pods, np.inf)
    back = np.full(pods, np.inf)
    rolling, resize = setting.rolling, setting.resize
    if rolling:
        down = rolling.start + rolling.step * np.arange(pods)
        back = down + rolling.down
    moments = {0.0, *down[np.isfinite(down)].tolist(), *back[np.isfinite(back)].tolist()}
    if resize:
        moments.add(resize.moment)
    moments.update(*((restart.start, restart.back) for restart in setting.restarts))
    starts = np.asarray(sorted(moments))
    moment, index = starts[:, None], np.arange(pods)[None, :]
    member = np.broadcast_to(index < setting.pods, (len(starts), pods)).copy()
    if resize:
        member = np.where(moment >= resize.moment, index < resize.pods, member)
    restarted = moment >= down[None, :]
    up = member & ~(restarted & (moment < back[None, :]))
    incarnation = restarted.astype(np.int64)
    for restart in setting.restarts:
        incarnation[:, restart.pod] += starts >= restart.start
        up[:, restart.pod] &= (starts < restart.start) | (starts >= restart.back)
    redis = np.broadcast_to(index < setting.redis_pods, (len(starts), pods)).copy()
    if setting.resize and setting.redis_pods == setting.pods:
        redis[:] = True  # all pods are on Redis, those that are added too
    if rolling and rolling.to_redis:
        redis |= restarted
    candidates = np.full((len(starts), pods), -1, dtype=np.int64)
    for row, alive in enumerate(up):
        chosen = np.flatnonzero(alive)
        candidates[row, : len(chosen)] = chosen
    sizes, counts = member.sum(axis=1), up.sum(axis=1)
    return History(starts, member, sizes, up, redis, incarnation, down, candidates, counts)
