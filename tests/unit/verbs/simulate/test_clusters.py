"""A sweep on a Dask cluster of this machine gives the same numbers as in this process."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from devenv.core.model.errors import EnvironmentProblem, UsageProblem
from devenv.core.simulation.run import Effort
from devenv.verbs.simulate.clusters import Cell, ClusterName, play, played_on
from devenv.verbs.simulate.sweep import axis_of, cells

SWEEP = [axis_of("pods=2..3"), axis_of("policy=random,lighttpd")]
CELLS = [Cell(each, None, 4, Effort(2000)) for each in cells(SWEEP, {})]


def test_a_dask_cluster_gives_the_same_numbers() -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None
    ) as cluster:
        there = [each.to_json() for each in played_on(ClusterName.DASK, cluster.scheduler_address, CELLS)]
    assert there == [play(cell).to_json() for cell in CELLS]


def test_a_ray_cluster_gives_the_same_numbers() -> None:
    """Only where somebody has installed Ray: its wheel has 70 MB."""
    utils = pytest.importorskip("ray.cluster_utils")
    cluster = utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    try:
        there = [each.to_json() for each in played_on(ClusterName.RAY, cluster.address, CELLS)]
    finally:
        cluster.shutdown()
    assert there == [play(cell).to_json() for cell in CELLS]


def test_where_no_ray_cluster_listens_it_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", ModuleType("ray"))
    with pytest.raises(EnvironmentProblem, match=r"no cluster answers at 127\.0\.0\.1:1"):
        list(played_on(ClusterName.RAY, "127.0.0.1:1", CELLS))


@pytest.mark.parametrize(("name", "module"), [(ClusterName.DASK, "distributed"), (ClusterName.RAY, "ray")])
def test_a_missing_library_is_named_with_the_extra(
    name: ClusterName, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EnvironmentProblem, match=module) as raised:
        list(played_on(name, "tcp://127.0.0.1:1", CELLS))
    assert f"devenv[{name}]" in str(raised.value.hint)


def test_an_address_is_needed() -> None:
    with pytest.raises(UsageProblem, match="--cluster"):
        played_on(ClusterName.DASK, "", CELLS)
