"""A balancer as a process of this machine, in front of servers."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import psutil

from devenv.core.balancers import PRODUCTS, BalancerSetting, Place, Server
from devenv.core.balancers.own_file import OwnFile
from devenv.core.model.errors import EnvironmentProblem
from devenv.stack.balancers.programs import WHEEL, Program, find, override_of, wheel_program
from devenv.stack.embedded.child import Child, describe_exit
from devenv.stack.environment import essentials
from devenv.stack.files import writing
from devenv.stack.ports import LOOPBACK, Lease, in_use, owner_of
from devenv.stack.waiting import POLL_SECONDS

READY_SECONDS = 60.0
_WORDS = 3
"""This many lines of what it said go into an error."""


class RunningBalancer:
    """A balancer that is started, and ended with this process at the latest.

    ``setting`` says which and how, ``program`` is what is run (None: as ``find`` says). Its files are in
    ``folder``, which it has to itself; ``log`` (None: a file there) has what it says, and stays.
    ``own``: a team's configuration file, which is taken over in place of the setting's.
    """

    def __init__(
        self,
        setting: BalancerSetting,
        folder: Path,
        program: Program | None = None,
        log: Path | None = None,
        team_file: OwnFile | None = None,
    ) -> None:
        """Raises ``EnvironmentProblem`` where there is no program."""
        self.setting = setting
        self.product = PRODUCTS[setting.product]
        self.program = program or find(setting.product)
        self.port = 0
        self._own = team_file
        self._place = Place(0, ())
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._keeps_log = log is not None
        self.log = log or folder / "balancer.log"
        self._child = Child(setting.product, self.log, folder / "balancer.pid")
        self._admin: Lease | None = None

    @property
    def url(self) -> str:
        """Where clients reach it."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._child.running

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return self._child.pid

    async def ended(self) -> str:
        """Wait for its end, and say how it ended and what its last words were."""
        code = await self._child.ended()
        return self._how_it_ended(code)

    async def start(self, servers: Sequence[Server], port: int) -> None:
        """Start it on ``port`` in front of ``servers``; returns when it takes connections.

        Nothing is sent through it, so that its first choice is still to come. Raises ``EnvironmentProblem``
        where the port is taken, and, with its own words, where it ends at start or does not get ready.
        """
        if in_use(port):
            raise EnvironmentProblem(
                f"port {port} for {self.product.name} is taken by {owner_of(port)}",
                hint="end it, or choose another port: --port N (0: any free one)",
            )
        self.port = port
        if self.product.needs_admin_port and self._admin is None:
            self._admin = Lease()
        self._place = Place(
            port,
            tuple(servers),
            LOOPBACK,
            self._admin.hand_over() if self._admin else 0,
            _user_of_this_process(),
        )
        self._write(self._files())
        command = [str(self.program.path), *self.product.arguments(self.setting)]
        await self._child.start(command, _environment(self._folder), self._folder)
        try:
            await self._ready()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """End it; idempotent."""
        await self._child.stop()
        if self._admin is not None:
            self._admin.close()
            self._admin = None

    def _files(self) -> Mapping[str, str]:
        if self._own is None:
            return self.product.files(self.setting, self._place)
        return self._own.adapted(self._place).files

    def _write(self, files: Mapping[str, str]) -> None:
        for name, text in files.items():
            with writing(self._folder / name):  # the balancer reads it, which may be another user
                (self._folder / name).write_text(text, encoding="utf-8", newline="\n")

    async def _ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not await asyncio.to_thread(self._listens):
            if not self._child.running:
                code = await self._child.ended()
                if self.product.check and not self._complaint():
                    await asyncio.to_thread(self._check)
                raise self._failed("ended at start: " + self._how_it_ended(code))
            if complaint := self._complaint() if self.product.needs_admin_port else "":
                raise self._failed(f"does not take its configuration: {complaint}")
            if time.monotonic() > deadline:
                raise self._failed(f"did not get ready in {READY_SECONDS:g} s: {self._last_words()}")
            await asyncio.sleep(POLL_SECONDS)
        if self._admin is not None and (errors := await asyncio.to_thread(_errors_of, self._admin.port)):
            raise self._failed(f"does not take its configuration: {self._in_own_words(errors)}")

    def _listens(self) -> bool:
        """Whether a process of its own listens on its port, and has its services where they come later.

        The port is not connected to: a balancer of TCP connections would take that for its first client.
        """
        pid = self._child.pid
        if pid is None or not any(_listens(process, self.port) for process in _family(pid)):
            return False
        return self._admin is None or _has_routers(self._admin.port)

    # -- what it said ------------------------------------------------------------------------------------

    def _failed(self, what: str) -> EnvironmentProblem:
        hints = [f"its whole log is {self.log}"] if self._keeps_log else []
        if not self.program.from_wheel and wheel_program(self.product.name) is not None:
            hints += [f"{override_of(self.product.name)}={WHEEL} runs the program of its wheel"]
        return EnvironmentProblem(
            f"{self.product.name} {self.program.version} {what}", hint="; ".join(hints) or None
        )

    def _how_it_ended(self, code: int) -> str:
        last_words = self._last_words()
        return f"{describe_exit(code)}" + (f": {last_words}" if last_words else "")

    def _last_words(self) -> str:
        return self._complaint() or self._child.last_words(_WORDS)

    def _complaint(self) -> str:
        """What its log says of errors, in lines joined by " / "; empty for nothing."""
        matches = map(self.product.complaints.search, self._child.written.splitlines())
        lines = [match[match.lastindex or 0] for match in matches if match]
        return self._in_own_words(" / ".join(dict.fromkeys(lines[:_WORDS])))

    def _in_own_words(self, message: str) -> str:
        """With the team's file and line in place of those of its copy."""
        return (
            self._own.in_place_of_copy(message, self._place) if self._own is not None and message else message
        )

    def _check(self) -> None:
        """Have it say into its log what is wrong with its file."""
        command = [str(self.program.path), *self.product.check]
        with self.log.open("ab") as log, suppress(OSError, subprocess.TimeoutExpired):
            subprocess.run(
                command,
                stdout=subprocess.DEVNULL,
                stderr=log,
                cwd=self._folder,
                env=_environment(self._folder),
                timeout=30,
                check=False,
            )


@asynccontextmanager
async def running_balancer(
    setting: BalancerSetting,
    servers: Sequence[Server],
    *,
    program: Program | None = None,
    port: int = 0,
    team_file: OwnFile | None = None,
) -> AsyncIterator[RunningBalancer]:
    """A balancer in front of ``servers``, on ``port`` (0: any free one); ended when the block is left.

    ``team_file`` as for ``RunningBalancer``, with the policy ``OWN_FILE``.
    Raises as ``RunningBalancer`` and its ``start``.
    """
    folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="devenv-balancer-"))
    lease = Lease() if port == 0 else None
    try:
        balancer = RunningBalancer(setting, folder, program, team_file=team_file)
        try:
            await balancer.start(servers, lease.hand_over() if lease is not None else port)
            yield balancer
        finally:
            await balancer.stop()
    finally:
        if lease is not None:
            lease.close()
        shutil.rmtree(folder, ignore_errors=True)


def _environment(folder: Path) -> dict[str, str]:
    """Nothing that would have it find another configuration, or write outside its folder."""
    home = {name: str(folder) for name in ("HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "TMPDIR")}
    return {**essentials(), **home}


def _user_of_this_process() -> str:
    """User and group by name where this process is the superuser, who is not its own default; else empty."""
    if sys.platform == "win32":
        return ""
    import grp
    import os
    import pwd

    if os.geteuid() != 0:
        return ""
    return f"{pwd.getpwuid(0).pw_name} {grp.getgrgid(os.getegid()).gr_name}"


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _listens(process: psutil.Process, port: int) -> bool:
    try:
        connections = process.net_connections(kind="tcp")
    except psutil.Error:
        return False
    return any(
        connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
        for connection in connections
    )


def _has_routers(admin_port: int) -> bool:
    """Whether Traefik, asked by its API, has taken the routers of its file."""
    return any(
        "@file" in str(router.get("name"))
        for kind in ("http", "tcp")
        for router in _json(f"http://{LOOPBACK}:{admin_port}/api/{kind}/routers")
    )


def _errors_of(admin_port: int) -> str:
    """What Traefik, asked by its API, says is wrong with routers and services that it has taken."""
    errors = [
        f"{each.get('name')}: {error}"
        for kind in ("http", "tcp")
        for what in ("routers", "services", "middlewares")
        for each in _json(f"http://{LOOPBACK}:{admin_port}/api/{kind}/{what}")
        for error in _list(each.get("error"))
    ]
    return " / ".join(errors[:_WORDS])


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _json(url: str) -> list[dict[str, object]]:
    with suppress(URLError, OSError, ValueError), urlopen(url, timeout=5) as response:  # noqa: S310
        answer: list[dict[str, object]] = json.load(response)
        return answer
    return []
