"""Made-up facts that the tests of the doctor's rules start from: a pod, and a server that is well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from devenv.core.doctor_rules.all_rules import diagnose
from devenv.core.doctor_rules.facts import (
    Facts,
    Info,
    Keyspace,
    Reach,
    Server,
    Speech,
    Target,
    Tcp,
    WriteProbe,
)
from devenv.core.doctor_rules.settings import Pod, env_file

TEXT = "USE_REDIS=true\nREDIS_HOST=redis.example\nREDIS_PORT=6379\nSESSION_STRATEGY=atomic\n"
POD = env_file(TEXT, "f.env")
OPEN = Tcp(Reach.OPEN, 0.001)
INFO = Info("Redis", "7.2.7", "standalone", "master")
WELL = Server(
    Target("redis.example", 6379),
    ("f.env",),
    tcp=OPEN,
    speech=Speech.REDIS,
    greeted=True,
    seconds=0.001,
    info=INFO,
    keyspace=Keyspace(),
    write=WriteProbe("rcaptcha:doctor:x", ttl=10),
)


def kinds(
    *servers: Server, pods: Sequence[Pod] = (POD,), needs: tuple[str, ...] = (), **facts: Any
) -> list[str]:
    """The kinds of advice that these facts give; ``needs`` are the commands of the pod's store."""
    made_up = Facts(tuple(pods), servers, commands={"f.env": needs}, **facts)
    return [advice.kind for advice in diagnose(made_up).findings]
