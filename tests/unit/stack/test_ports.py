"""Ports are checked, reserved and their owner named; with real sockets on 127.0.0.1."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import replace

import psutil
import pytest

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Ports
from devenv.stack.ports import Lease, Reservation, check, in_use


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("name", ["traffic", "control", "ml", "redis"])
def test_a_taken_port_names_its_owner_and_the_way_out(listener: int, name: str) -> None:
    ports = replace(Ports.free(), **{name: listener})
    with pytest.raises(EnvironmentProblem) as caught:
        Reservation(ports)
    assert f"port {listener}" in caught.value.message
    assert f"{psutil.Process().name()} (pid {os.getpid()})" in caught.value.message
    assert caught.value.hint is not None
    assert f"DEVENV_{name.upper()}_PORT" in caught.value.hint
    assert caught.value.exit_code == 4


def test_a_listener_on_all_interfaces_counts_too() -> None:
    with socket.create_server(("", 0)) as server:
        assert in_use(server.getsockname()[1])


def test_the_same_port_twice_is_refused() -> None:
    port = _free_port()
    with pytest.raises(EnvironmentProblem, match="wanted twice"):
        check(Ports(traffic=port, control=port, ml=0, redis=0, gate=0))


def test_every_port_of_the_gate_is_checked(listener: int) -> None:
    ports = replace(Ports.free(), gate=listener - 1)
    check(ports, gates=0)
    with pytest.raises(EnvironmentProblem, match="for the gate is taken"):
        check(ports, gates=2)


def test_zero_is_any_free_port_and_all_differ() -> None:
    with Reservation(Ports.free()) as reservation:
        ports = reservation.ports
        taken = [
            ports.traffic,
            ports.control,
            ports.ml,
            ports.redis,
            reservation.add("a"),
            reservation.add("b"),
        ]
        assert 0 not in taken
        assert len(set(taken)) == len(taken)
        assert reservation.add("a") == taken[4]


def test_a_fixed_free_port_is_kept() -> None:
    port = _free_port()
    with Reservation(Ports(traffic=port, control=0, ml=0, redis=0, gate=0)) as reservation:
        assert reservation.ports.traffic == port


def test_a_leased_port_can_be_listened_on_again_and_again() -> None:
    lease = Lease()
    for _ in range(2):
        with socket.create_server(("127.0.0.1", lease.hand_over())):
            assert in_use(lease.port)
    lease.close()
    lease.close()


def test_a_closed_reservation_gives_its_ports_back() -> None:
    with Reservation(Ports.free()) as reservation:
        port = reservation.ports.redis
    assert not in_use(port)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port
