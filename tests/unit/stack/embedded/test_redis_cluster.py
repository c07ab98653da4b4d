"""The file by which a cluster's node knows all others from its start on."""

from __future__ import annotations

from pathlib import Path

import pytest

from devenv.stack.embedded.redis_cluster import SLOTS, Node, write_config
from devenv.stack.embedded.redis_server import Engine

NODES = [Node("127.0.0.1", 7000 + number, 17000 + number) for number in range(4)]


def lines(folder: Path, number: int, *, shards: bool) -> list[list[str]]:
    write_config(NODES, number, folder, shards=shards)
    return [line.split() for line in (folder / "nodes.conf").read_text("ascii").splitlines()]


@pytest.mark.parametrize("number", range(4))
def test_every_slot_has_one_owner_and_a_node_knows_itself(tmp_path: Path, number: int) -> None:
    *nodes, variables = lines(tmp_path, number, shards=False)
    assert [node[1] for node in nodes] == [f"127.0.0.1:{7000 + n}@{17000 + n}" for n in range(4)]
    assert [n for n, node in enumerate(nodes) if "myself" in node[2]] == [number]
    ranges = [range(int(node[8].split("-")[0]), int(node[8].split("-")[1]) + 1) for node in nodes[:3]]
    assert sorted(slot for owned in ranges for slot in owned) == list(range(SLOTS))
    assert nodes[3][3] == nodes[0][0] and len(nodes[3]) == 8  # a replica of the first
    assert variables[0] == "vars"


def test_shards_are_named_where_the_server_knows_them(tmp_path: Path) -> None:
    shards = [node[1].partition(",,shard-id=")[2] for node in lines(tmp_path, 0, shards=True)[:4]]
    assert all(len(shard) == 40 for shard in shards)
    assert shards[3] == shards[0] and len(set(shards)) == 3


def test_what_a_node_has_written_itself_stays(tmp_path: Path) -> None:
    (tmp_path / "nodes.conf").write_text("mine", encoding="ascii")
    assert lines(tmp_path, 0, shards=False) == [["mine"]]


@pytest.mark.parametrize(
    ("name", "version", "named"),
    [
        ("redis", "7.0.15", False),
        ("redis", "7.2.7", True),
        ("redis", "8.0.0", True),
        ("valkey", "7.0.0", True),
    ],
)
def test_who_names_shards(name: str, version: str, named: bool) -> None:
    assert Engine(name, version, Path("server")).names_shards is named
