"""TCP ports on 127.0.0.1: checked before anything starts, reserved, the owner of a taken one named."""

from __future__ import annotations

import socket
import sys
from dataclasses import fields
from types import TracebackType
from typing import Self

import psutil

from devenv.core.model.errors import EnvironmentProblem
from devenv.core.model.topology import Ports

LOOPBACK = "127.0.0.1"
SINGLE_PORTS = ("traffic", "control", "ml", "redis")
PORT_LABELS = {
    "traffic": "the traffic port",
    "control": "the control port",
    "ml": "the mock ML service",
    "redis": "Redis",
    "gate": "the gate",
}


def owner_of(port: int) -> str:
    """Who listens on ``port``: ``name (pid N)``, or "another program" where the system does not tell."""
    try:
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (pid {connection.pid})"
    except psutil.Error:
        pass
    return "another program"


def taken(name: str, port: int) -> EnvironmentProblem:
    """The error for a port that another process has; ``name`` is the field of ``Ports``."""
    flag = "--port N or " if name == "traffic" else ""
    return EnvironmentProblem(
        f"port {port} for {PORT_LABELS.get(name, name)} is taken by {owner_of(port)}",
        hint=f"end it, or choose another port: {flag}DEVENV_{name.upper()}_PORT=N (0: any free one)",
    )


def _bind(port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if sys.platform == "win32":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((LOOPBACK, port))
    except OSError:
        listener.close()
        raise
    return listener


def in_use(port: int) -> bool:
    """Whether the system refuses to give us ``port``, or something answers on it all the same."""
    try:
        held = _bind(port)
    except OSError:
        return True
    # A bind alone does not see a listener on 0.0.0.0 on macOS and Windows. Held, as a connection from
    # the very port that it goes to would answer itself.
    with held, socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _fixed(ports: Ports, gates: int) -> list[tuple[str, int]]:
    """Field and number of every port that is not 0; ``gates`` consecutive ones for the gate."""
    wished = [(name, getattr(ports, name)) for name in SINGLE_PORTS]
    wished += [("gate", ports.gate + number) for number in range(gates if ports.gate else 0)]
    return [(name, port) for name, port in wished if port]


def check(ports: Ports, gates: int = 0) -> None:
    """Raise ``EnvironmentProblem``, naming the owner, for the first fixed port that is taken or wanted twice.

    ``gates`` is the number of gate ports, one per pod, from ``ports.gate`` on.
    """
    seen: dict[int, str] = {}
    for name, port in _fixed(ports, gates):
        if port in seen:
            raise EnvironmentProblem(
                f"port {port} is wanted twice: for {PORT_LABELS[seen[port]]} and for {PORT_LABELS[name]}",
                hint=f"set DEVENV_{name.upper()}_PORT to another port",
            )
        seen[port] = name
        if in_use(port):
            raise taken(name, port)


class Lease:
    """A port that stays ours.

    Where the system lets a bound but not listening socket share its port with a later listener (Linux, both
    with SO_REUSEADDR), the socket is kept, so that no other program is handed the port while ours restarts.
    Elsewhere ``hand_over`` releases it just before our program binds.
    """

    def __init__(self, port: int = 0) -> None:
        """Bind ``port``, or any free one for 0. Raises OSError where it is taken."""
        self._socket: socket.socket | None = _bind(port)
        self.port: int = self._socket.getsockname()[1]

    def hand_over(self) -> int:
        """Make the port free for our own program to bind; gives its number."""
        if not sys.platform.startswith("linux"):
            self.close()
        return self.port

    def close(self) -> None:
        """Give the port back; idempotent."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class Reservation:
    """The ports of a whole stack, resolved: no zeros but ``gate``; closed when the stack ends.

    The ``gates`` ports of the gate are only checked: it opens them itself, at once.
    """

    def __init__(self, wished: Ports, gates: int = 0) -> None:
        """Check the fixed ports and take the free ones. Raises ``EnvironmentProblem`` for a taken port."""
        check(wished, gates)
        self._leases: dict[str, Lease] = {}
        try:
            for name in SINGLE_PORTS:
                port: int = getattr(wished, name)
                try:
                    self._leases[name] = Lease(port)
                except OSError as error:
                    raise taken(name, port) from error
        except BaseException:
            self.close()
            raise
        given = {name: lease.port for name, lease in self._leases.items()}
        self.ports = Ports(
            **{field.name: given.get(field.name, getattr(wished, field.name)) for field in fields(Ports)}
        )

    def add(self, name: str) -> int:
        """Reserve a further free port under ``name``; the same port when asked again."""
        if name not in self._leases:
            self._leases[name] = Lease()
        return self._leases[name].port

    def hand_over(self, name: str) -> int:
        """As ``Lease.hand_over``, for the port called ``name``."""
        return self._leases[name].hand_over()

    def close(self) -> None:
        """Give all ports back; idempotent."""
        for lease in self._leases.values():
            lease.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
